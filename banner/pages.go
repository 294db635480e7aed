package banner

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"sync"
	"time"
)

// A Visitor says in which language a page of ours speaks.
type Visitor struct {
	// Lang is the language asked for by ?lang=, may be empty. Foreign text.
	Lang string
	// AcceptLanguage is the visitor's header, used when Lang names no shipped language.
	AcceptLanguage string
}

// A ConsentPage is what GET /_lychgate/consent says.
//
// Its forms post to /_lychgate/consent the hidden fields return_to, policy and
// lang, and either a button decision=accept, decline or withdraw, or, from
// "one answer for each", decision=choose with a field purpose-ID=yes or
// purpose-ID=no for every purpose of the list.
//
// Its main element carries data-decision and data-purposes (ids with blanks
// between).
type ConsentPage struct {
	Visitor
	// Saved is true right after a choice: the title then says so.
	Saved bool
	// Choice is the answer in force; Accepted when any purpose is granted.
	Choice Choice
	// GPC is true when the answer is Declined only because of Sec-GPC: 1.
	GPC bool
	// Day is the date of the answer and Expires that of its end, in the site's
	// zone. Zero when there is none.
	Day, Expires time.Time
	// Policy is the version of the list shown.
	Policy string
	// ReturnTo is the page of the site that the visitor was reading, for the way
	// back; the start page when empty.
	ReturnTo string
	// Purposes is the list in force, in its order.
	Purposes []PurposeChoice
	// Always are the third parties that the site needs whatever the answer is.
	Always []Service
	// News is what is new since an older answer; empty otherwise.
	News News
	// Counting is what the visitor's counting cookie holds, in plain words.
	Counting []Fact
	// CountStates is true when requests are counted by state ([analytics] count_states).
	CountStates bool
	// Receipt is true when the visitor holds a receipt: links to
	// /_lychgate/consent/receipt, ?as=json and ?as=text are then shown.
	Receipt bool
	// Contact is an e-mail address, a phone number or a URL. May be empty.
	Contact string
	// PrivacyURL is the site's own privacy page. May be empty.
	PrivacyURL string
	// KeepAnswer is the life of the cookie, KeepRecords of a ledger row,
	// KeepStatistics of the sums; zero is not shown.
	KeepAnswer, KeepRecords, KeepStatistics time.Duration
}

// A PurposeChoice is one purpose and the visitor's answer to it.
type PurposeChoice struct {
	ID       string
	Granted  bool
	Services []Service
}

// News is what a list asks about that an older one did not: third parties, and
// purposes that have none.
type News struct {
	Purposes []string
	Services []Service
}

// A Service is a third party, as the visitor is told of it.
type Service struct {
	Name string // "YouTube"
	// Words is "company" for one of which only the host is known, "parts" for
	// parts of the site itself and "cookies" for its undeclared cookies. Their
	// text, and their name where it is none, is told in the visitor's language.
	Words   string
	Hosts   []string // "youtube.com", ...
	Cookies []Cookie
	Text    string // one plain English sentence
	Privacy string // link to the provider's own policy, may be empty
}

// A Cookie is one cookie or storage entry a service sets.
type Cookie struct {
	Name, Text, Life string
	Storage          bool // web storage rather than a cookie
}

// A WithdrawnPage confirms a withdrawal.
type WithdrawnPage struct {
	Visitor
	// Providers are those who may keep cookies on their own domains.
	Providers []Service
	// Receipt is the last receipt as JSON text, offered once. May be empty.
	Receipt  string
	ReturnTo string
}

// A ReceiptPage shows the visitor's own record.
type ReceiptPage struct {
	Visitor
	// Facts are the record line by line; none when there is no record.
	Facts []Fact
	// Asked is the question as it was put, in the language AskedLang.
	Asked, AskedLang string
	// Receipt is the whole record as JSON text, to copy.
	Receipt string
}

// A VerifyPage lets anybody prove a receipt. Its form posts the field receipt
// to /_lychgate/consent/verify.
type VerifyPage struct {
	Visitor
	Result VerifyResult
	// Receipt is the text that was pasted, Facts and Asked what it says if it is
	// proven.
	Receipt          string
	Facts            []Fact
	Asked, AskedLang string
}

// A VerifyResult is what came of a receipt.
type VerifyResult uint8

// The results.
const (
	NotAsked VerifyResult = iota
	Proven
	NotProven
	Unreadable
)

// An ErrorPage is one calm sentence and a way on.
type ErrorPage struct {
	Visitor
	// Status is the HTTP status: 400, 403, 404, 405, 413, 421, 502, 503 or 504.
	Status int
	// Unsaved is true when an answer could not be recorded: Accepted then says
	// that nothing was switched on, Declined that the no counts all the same.
	Unsaved Choice
	// ReturnTo is where the visitor may go on; the start page when empty.
	ReturnTo string
}

// PagePolicy is the Content-Security-Policy of every page written here.
func PagePolicy() string {
	return "default-src 'none'; img-src 'self'; style-src " + cspHash(pageStyle()) +
		"; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
}

// WriteConsent writes the consent page. Nothing is preselected to yes unless the
// visitor said so before (EDPB 05/2020, section 3.4; CJEU C-673/17).
func (b *Banner) WriteConsent(w io.Writer, p *ConsentPage) error {
	if p.Choice != Accepted {
		p = p.ungranted()
	}
	return b.page(w, "consent", p.Visitor, p)
}

// ungranted is p with no purpose granted.
func (p *ConsentPage) ungranted() *ConsentPage {
	q := *p
	q.Purposes = slices.Clone(p.Purposes)
	for i := range q.Purposes {
		q.Purposes[i].Granted = false
	}
	return &q
}

// WriteWithdrawn writes the confirmation of a withdrawal.
func (b *Banner) WriteWithdrawn(w io.Writer, p *WithdrawnPage) error {
	return b.page(w, "withdrawn", p.Visitor, p)
}

// WriteReceipt writes the visitor's own record.
func (b *Banner) WriteReceipt(w io.Writer, p *ReceiptPage) error {
	return b.page(w, "receipt", p.Visitor, p)
}

// WriteVerify writes the page where a receipt is proven.
func (b *Banner) WriteVerify(w io.Writer, p *VerifyPage) error {
	return b.page(w, "verify", p.Visitor, p)
}

// WriteError writes an error page.
func (b *Banner) WriteError(w io.Writer, p *ErrorPage) error {
	return b.page(w, "error", p.Visitor, p)
}

// WriteServices writes the table of third parties and cookies as a fragment of
// HTML, for the site's own cookie policy. always are as in [ConsentPage].
func (b *Banner) WriteServices(w io.Writer, v Visitor, purposes []PurposeChoice, always []Service) error {
	return b.page(w, "services", v, &ConsentPage{Purposes: purposes, Always: always})
}

//go:embed templates/*.html templates/page.css
var templateFiles embed.FS

// pageStyle is the one style of lychgate's own pages.
var pageStyle = sync.OnceValue(func() string {
	css, err := templateFiles.ReadFile("templates/page.css")
	if err != nil {
		panic(err) // embedded
	}
	return string(css)
})

var templates = sync.OnceValue(func() *template.Template {
	t := template.New("").Funcs(template.FuncMap{
		"css": func() template.CSS { return template.CSS(pageStyle()) },
	})
	return template.Must(t.ParseFS(templateFiles, "templates/*.html"))
})

// page executes one template in the visitor's language.
func (b *Banner) page(w io.Writer, name string, v Visitor, data any) error {
	if err := templates().ExecuteTemplate(w, name, view{W: b.speak(v), b: b, Page: data}); err != nil {
		return fmt.Errorf("write %s page: %w", name, err)
	}
	return nil
}
