package banner

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"
)

// testLocales are all shipped locales, English first.
func testLocales(t *testing.T) []*locale {
	t.Helper()
	locales, err := shipped()
	if err != nil {
		t.Fatal(err)
	}
	if locales[0].Tag != "en" {
		t.Fatalf("the first locale is %s", locales[0].Tag)
	}
	return locales
}

// texts are all texts of a locale by key, those of its maps as key.member.
func texts(l *locale) map[string]string {
	found := map[string]string{}
	v := reflect.ValueOf(*l)
	for i := range v.NumField() {
		key := v.Type().Field(i).Tag.Get("json")
		switch value := v.Field(i).Interface().(type) {
		case string:
			found[key] = value
		case map[string]string:
			for k, text := range value {
				found[key+"."+k] = text
			}
		case map[string]purposeWords:
			for k, w := range value {
				found[key+"."+k+".name"] = w.Name
				found[key+"."+k+".text"] = w.Text
			}
		}
	}
	return found
}

var placeholder = regexp.MustCompile(`\{[a-z]*\}`)

// TestLocales keeps every language complete: the same keys and placeholders as
// English, nothing empty, nothing left in English.
func TestLocales(t *testing.T) {
	locales := testLocales(t)
	english := texts(locales[0])
	perLanguage := func(key string) bool {
		return strings.HasPrefix(key, "days.") || strings.HasPrefix(key, "months_count.") || strings.HasPrefix(key, "years.") || key == "date"
	}
	for _, l := range locales {
		own := texts(l)
		for key := range english {
			if _, ok := own[key]; !ok && !perLanguage(key) {
				t.Errorf("%s: %s is missing", l.Tag, key)
			}
		}
		for key, text := range own {
			if strings.TrimSpace(text) == "" {
				t.Errorf("%s: %s is empty", l.Tag, key)
			}
			if !utf8.ValidString(text) || strings.ContainsAny(text, "<>&\"") || strings.ContainsFunc(text, unicode.IsControl) {
				t.Errorf("%s: %s holds markup or control characters: %q", l.Tag, key, text)
			}
			if perLanguage(key) || key == "-" {
				continue
			}
			want, ok := english[key]
			if !ok {
				t.Errorf("%s: %s is no key of English", l.Tag, key)
				continue
			}
			if got, want := holes(text), holes(want); !slices.Equal(got, want) {
				t.Errorf("%s: %s has placeholders %v, want %v", l.Tag, key, got, want)
			}
			if l.Tag != "en" && text == want && len(want) > 12 {
				t.Errorf("%s: %s is still English: %q", l.Tag, key, text)
			}
		}
		if l.Reviewed && l.Tag != "en" {
			t.Errorf("%s is marked as reviewed; name the reviewer in the commit and list it here", l.Tag)
		}
	}
	if len(locales) < 32 {
		t.Errorf("%d languages, want at least 32", len(locales))
	}
}

// holes are the placeholders of a text, sorted.
func holes(text string) []string {
	found := placeholder.FindAllString(text, -1)
	slices.Sort(found)
	return found
}

// TestScript checks direction and that the words are written in the language's
// own script.
func TestScript(t *testing.T) {
	rtl := map[string]bool{"Arab": true, "Hebr": true, "Thaa": true, "Syrc": true, "Nkoo": true}
	tables := map[string]*unicode.RangeTable{
		"Latn": unicode.Latin, "Arab": unicode.Arabic, "Cyrl": unicode.Cyrillic, "Grek": unicode.Greek, "Deva": unicode.Devanagari,
		"Beng": unicode.Bengali, "Gujr": unicode.Gujarati, "Guru": unicode.Gurmukhi, "Taml": unicode.Tamil, "Ethi": unicode.Ethiopic,
		"Hans": unicode.Han, "Hant": unicode.Han, "Hebr": unicode.Hebrew, "Sinh": unicode.Sinhala, "Telu": unicode.Telugu,
	}
	for _, l := range testLocales(t) {
		script, _ := language.Make(l.Tag).Script()
		if want := map[bool]string{true: "rtl", false: "ltr"}[rtl[script.String()]]; l.Dir != want {
			t.Errorf("%s is written %s, not %s", l.Tag, want, l.Dir)
		}
		table := tables[script.String()]
		if table == nil {
			t.Errorf("%s: script %s is not known to this test", l.Tag, script)
			continue
		}
		for key, text := range texts(l) {
			if key == "dir" || key == "date" || key == "-" || !strings.ContainsFunc(placeholder.ReplaceAllString(text, ""), unicode.IsLetter) {
				continue
			}
			if !strings.ContainsFunc(placeholder.ReplaceAllString(text, ""), func(r rune) bool { return unicode.Is(table, r) }) {
				t.Errorf("%s: %s is not written in %s: %q", l.Tag, key, script, text)
			}
		}
	}
}

// TestPlurals checks that every amount has the form its language asks for.
func TestPlurals(t *testing.T) {
	for _, l := range testLocales(t) {
		needed := map[string]bool{}
		for n := range 1000 {
			needed[pluralForm(l.Tag, n)] = true
		}
		for name, forms := range map[string]map[string]string{"days": l.Days, "months_count": l.MonthsCount, "years": l.Years} {
			for form := range needed {
				if forms[form] == "" {
					t.Errorf("%s: %s has no form %q", l.Tag, name, form)
				}
			}
			for form, text := range forms {
				if !needed[form] && form != "other" {
					t.Errorf("%s: %s has a form %q that the language has not", l.Tag, name, form)
				}
				if !slices.Equal(holes(text), []string{"{n}"}) && form != "one" && form != "two" && form != "zero" {
					t.Errorf("%s: %s.%s has placeholders %v", l.Tag, name, form, holes(text))
				}
			}
		}
		if n := len(l.Months); n != 0 && n != 12 {
			t.Errorf("%s: %d months", l.Tag, n)
		}
		wanted := []string{"{d}", "{m}", "{y}"}
		if len(l.Months) == 12 {
			wanted[1] = "{month}"
		}
		if got := holes(l.Date); !slices.Equal(got, wanted) {
			t.Errorf("%s: date has placeholders %v, want %v", l.Tag, got, wanted)
		}
	}
}

// TestLabels holds the shipped labels to the rule for the owner's own, so that
// no language leans to one side.
func TestLabels(t *testing.T) {
	for _, l := range testLocales(t) {
		for _, w := range []Words{{Accept: l.CountYes, Decline: l.CountNo}, {Accept: l.AskYes, Decline: l.AskNo}, {Accept: l.Yes, Decline: l.No}} {
			if err := w.validate(); err != nil {
				t.Errorf("%s: %v", l.Tag, err)
			}
		}
		for _, text := range []string{l.CountText, l.AskText} {
			if n := utf8.RuneCountInString(text); n > 260 {
				t.Errorf("%s: %d characters are too long for the banner: %q", l.Tag, n, text)
			}
		}
	}
}

func TestLanguageChoice(t *testing.T) {
	b := testBanner(t, Config{})
	for _, c := range []struct{ lang, accept, want string }{
		{"", "", "en"},
		{"cy", "", "cy"},
		{"cy-GB", "en", "cy"},
		{"CY_gb", "en", "cy"},
		{"en-GB", "cy", "en"},
		{"x-klingon", "cy;q=0.9,en;q=0.5", "cy"},
		{"tlh", "cy", "cy"},
		{"", "cy-GB,cy;q=0.9,en;q=0.1", "cy"},
		{"", "tlh, en;q=0.5", "en"},
		{"", "de;q=zz,,;", "en"},
		{"", "*", "en"},
		{"ku", "", "en"},
		{"", "ku,de;q=0.5", "de"},
		{"", "gsw,fr;q=0.5", "fr"},
		{"", "pa-PK", "en"},
		{"", "pa-IN", "pa"},
		{"", "sr,ru;q=0.1", "ru"},
		{"zh", "", "zh-Hans"},
		{"zh-TW", "", "zh-Hant"},
		{"zh-HK", "", "zh-Hant"},
		{"zh-CN", "", "zh-Hans"},
		{"pt-BR", "", "pt"},
		{"pnb-Arab", "ur", "ur"},
		{"\xff\xfe", "\x00", "en"},
		{strings.Repeat("a-", 100), strings.Repeat("cy,", 2000), "cy"},
	} {
		for range 2 { // the second answer comes from memory
			if got := b.Language(Visitor{Lang: c.lang, AcceptLanguage: c.accept}); got != c.want {
				t.Errorf("lang %q, Accept-Language %q: got %s, want %s", c.lang, c.accept, got, c.want)
			}
		}
	}
	only := testBanner(t, Config{Languages: []string{"cy", "en"}})
	if got := only.Language(Visitor{AcceptLanguage: "pl"}); got != "cy" {
		t.Errorf("the site's first language is not its default: %s", got)
	}
}

// TestLanguageMemory checks that foreign headers cannot fill the memory.
func TestLanguageMemory(t *testing.T) {
	b := testBanner(t, Config{})
	for i := range 3 * maxRemembered {
		lang := fmt.Sprintf("en-x-%d", i)
		b.Language(Visitor{Lang: lang, AcceptLanguage: "tlh-x-" + lang})
		b.Language(Visitor{AcceptLanguage: strings.Repeat("fr-CH, ", i) + lang})
	}
	longest := func(m map[string]*speech) (n int) {
		for key := range maps.Keys(m) {
			n = max(n, len(key))
		}
		return n
	}
	for name, m := range map[string]map[string]*speech{"lang": b.tongues.byLang, "list": b.tongues.byList} {
		if len(m) > maxRemembered || longest(m) > maxAcceptedByte {
			t.Errorf("%s: %d entries, the longest key has %d bytes", name, len(m), longest(m))
		}
	}
}
