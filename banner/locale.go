package banner

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"strings"
	"sync"
)

//go:embed locales/*.json
var localeFiles embed.FS

// A locale is everything lychgate says in one language: one file of locales/.
// Texts are plain text, not HTML. A name in braces is a placeholder.
type locale struct {
	Tag string `json:"-"` // BCP 47, from the file's name

	Name     string `json:"name"`     // the language's own name for itself
	Reviewed bool   `json:"reviewed"` // read by a native speaker
	Dir      string `json:"dir"`      // "ltr" or "rtl"

	Date   string   `json:"date"`             // of {d} {month} {y}, or {d} {m} {y} as numbers
	Months []string `json:"months,omitempty"` // as they stand in a date; twelve, or none where Date has numbers
	Comma  string   `json:"comma"`            // between the members of a list

	// Amounts of time by CLDR plural form (zero, one, two, few, many, other).
	Days        map[string]string `json:"days"`
	MonthsCount map[string]string `json:"months_count"`
	Years       map[string]string `json:"years"`

	// The pieces for the site's pages.
	Region        string `json:"region"`
	CountQuestion string `json:"count_question"`
	CountText     string `json:"count_text"`
	CountYes      string `json:"count_yes"`
	CountNo       string `json:"count_no"`
	AskQuestion   string `json:"ask_question"`
	AskText       string `json:"ask_text"`
	AskYes        string `json:"ask_yes"`
	AskNo         string `json:"ask_no"`
	Changed       string `json:"changed"`
	Details       string `json:"details"`
	Link          string `json:"link"`
	SavedYes      string `json:"saved_yes"`
	SavedNo       string `json:"saved_no"`
	Hide          string `json:"hide"`

	Purposes map[string]purposeWords `json:"purposes"`

	// The consent page.
	Title          string `json:"title"`
	TitleSaved     string `json:"title_saved"`
	StateNone      string `json:"state_none"`
	StateYes       string `json:"state_yes"`
	StateSome      string `json:"state_some"`
	StateNo        string `json:"state_no"`
	StateGPC       string `json:"state_gpc"`
	StateUntil     string `json:"state_until"`
	StateChanged   string `json:"state_changed"`
	Choose         string `json:"choose"`
	Change         string `json:"change"`
	ChooseAll      string `json:"choose_all"`
	ChooseEach     string `json:"choose_each"`
	Yes            string `json:"yes"`
	No             string `json:"no"`
	Save           string `json:"save"`
	NoServices     string `json:"no_services"`
	Services       string `json:"services"`
	Hosts          string `json:"hosts"`
	Cookie         string `json:"cookie"`
	WhatFor        string `json:"what_for"`
	HowLong        string `json:"how_long"`
	TheirPolicy    string `json:"their_policy"`
	AlwaysServices string `json:"always_services"`
	AlwaysText     string `json:"always_text"`
	WithdrawText   string `json:"withdraw_text"`
	Withdraw       string `json:"withdraw"`
	Counted        string `json:"counted"`
	CountedText    string `json:"counted_text"`
	CountedNone    string `json:"counted_none"`
	CountedStates  string `json:"counted_states"`
	Record         string `json:"record"`
	RecordText     string `json:"record_text"`
	RecordSee      string `json:"record_see"`
	RecordJSON     string `json:"record_json"`
	RecordPlain    string `json:"record_plain"`
	Keep           string `json:"keep"`
	KeepAnswer     string `json:"keep_answer"`
	KeepRecords    string `json:"keep_records"`
	KeepStatistics string `json:"keep_statistics"`
	Rights         string `json:"rights"`
	RightsText     string `json:"rights_text"`
	Contact        string `json:"contact"`
	Complain       string `json:"complain"`
	Privacy        string `json:"privacy"`
	Languages      string `json:"languages"`
	Back           string `json:"back"`

	// The confirmation of a withdrawal.
	WithdrawnTitle     string `json:"withdrawn_title"`
	WithdrawnText      string `json:"withdrawn_text"`
	WithdrawnTabs      string `json:"withdrawn_tabs"`
	WithdrawnProviders string `json:"withdrawn_providers"`
	WithdrawnReceipt   string `json:"withdrawn_receipt"`

	// Receipts and their proof.
	ReceiptText      string `json:"receipt_text"`
	ReceiptNone      string `json:"receipt_none"`
	VerifyTitle      string `json:"verify_title"`
	VerifyText       string `json:"verify_text"`
	Verify           string `json:"verify"`
	VerifyYes        string `json:"verify_yes"`
	VerifyNo         string `json:"verify_no"`
	VerifyUnreadable string `json:"verify_unreadable"`

	// Errors: one calm sentence each.
	ErrorBad       string `json:"error_bad"`
	ErrorForbidden string `json:"error_forbidden"`
	ErrorNotFound  string `json:"error_not_found"`
	ErrorTooLarge  string `json:"error_too_large"`
	ErrorHost      string `json:"error_host"`
	ErrorDown      string `json:"error_down"`
	ErrorUnsaved   string `json:"error_unsaved"`
	ErrorUnsavedNo string `json:"error_unsaved_no"`
	TryAgain       string `json:"try_again"`
	Home           string `json:"home"`

	// Placeholders of held embeds; EmbedShow by kind.
	Embed        string            `json:"embed"`
	EmbedHappens string            `json:"embed_happens"`
	EmbedNeeded  string            `json:"embed_needed"`
	EmbedShow    map[string]string `json:"embed_show"`
	EmbedAlways  string            `json:"embed_always"`
	EmbedSource  string            `json:"embed_source"`

	// Facts of a visitor's own: the names of the lines, the words that stand in
	// them, and what heads the rest of a record.
	Asked string            `json:"asked"`
	Proof string            `json:"proof"`
	Facts map[string]string `json:"facts"`
	Terms map[string]string `json:"terms"`

	// What the catalogue does not know by name, the usual words for what a cookie
	// is for, and how long one lives where that is no amount of time.
	Held        map[string]string `json:"held"`
	CookieTexts map[string]string `json:"cookie_texts"`
	Lives       map[string]string `json:"lives"`
}

// purposeWords name a purpose as it stands inside a sentence, and explain it in
// one or two more.
type purposeWords struct {
	Name string `json:"name"`
	Text string `json:"text"`
}

// shipped reads the locales once; they are part of the program and never change.
var shipped = sync.OnceValues(readLocales)

// readLocales reads every file of locales/, English first, the rest by tag.
func readLocales() ([]*locale, error) {
	names, err := fs.Glob(localeFiles, "locales/*.json")
	if err != nil {
		return nil, err
	}
	locales := make([]*locale, 0, len(names))
	for _, name := range names {
		l, err := readLocale(name)
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		if l.Tag == "en" {
			locales = append([]*locale{l}, locales...)
			continue
		}
		locales = append(locales, l)
	}
	return locales, nil
}

func readLocale(name string) (*locale, error) {
	data, err := localeFiles.ReadFile(name)
	if err != nil {
		return nil, err
	}
	tag := strings.TrimSuffix(strings.TrimPrefix(name, "locales/"), ".json")
	l := &locale{Tag: tag}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(l); err != nil {
		return nil, err
	}
	return l, nil
}

// fill puts values into the placeholders of text: fill("on {date}", "date", d).
// A value that looks like a placeholder stays as it is.
func fill(text string, pairs ...string) string {
	old := make([]string, len(pairs))
	for i, p := range pairs {
		if i%2 == 0 {
			p = "{" + p + "}"
		}
		old[i] = p
	}
	return strings.NewReplacer(old...).Replace(text)
}
