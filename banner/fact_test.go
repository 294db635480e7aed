package banner

import (
	"io"
	"strings"
	"testing"
	"time"
)

// testFacts are all lines there can be, each with a value of its kind.
func testFacts() []Fact {
	at := time.Date(2026, time.November, 22, 3, 15, 0, 0, time.UTC)
	facts := []Fact{
		AnswerFact("answer", []string{"statistics", "media"}, false), AnswerFact("answer", nil, false), AnswerFact("answer", nil, true),
		HourFact("when", at), LanguageFact("language", "cy"), TextFact("site", "oaks.example"), TextFact("number", "7"),
		DayFact("last_day", at), MinuteFact("visit_began", at), MinuteFact("last_seen", at),
		TextFact("pages", "3"), TextFact("first_page", "/a"), TextFact("last_page", "/b"),
		TextFact("source", "Mumsnet"), TextFact("campaign", "autumn"), TextFact("goal", "Gave"), TextFact("steps", "Booking: 2"), TextFact("seconds", "20"),
	}
	for _, where := range []string{"way_banner", "way_page", "way_embed", "way_gpc"} {
		facts = append(facts, TermFact("where", where))
	}
	for _, how := range []string{"direct", "search", "social", "video", "email", "assistant", "paid", "campaign", "referral"} {
		facts = append(facts, TermFact("channel", how))
	}
	return append(facts, TermFact("last_day", "never"))
}

// TestFactsSpeakEveryLanguage checks that no line says its key, and that none is
// told in English but in English.
func TestFactsSpeakEveryLanguage(t *testing.T) {
	b := testBanner(t, Config{})
	english := map[string]bool{}
	for _, l := range testLocales(t) {
		v := view{W: b.speak(Visitor{Lang: l.Tag}), b: b}
		for _, f := range testFacts() {
			name, value := v.FactName(f), v.FactValue(f)
			if name == f.name || name == "" || value == "" || strings.ContainsAny(name+value, "_{}") {
				t.Errorf("%s: %s: %q %q", l.Tag, f.name, name, value)
			}
			if l.Tag == "en" {
				english[name] = true
			} else if english[name] && len(name) > 12 {
				t.Errorf("%s: %q is English", l.Tag, name)
			}
		}
	}
	v := view{W: b.speak(Visitor{Lang: "en"}), b: b}
	for i, want := range []string{"Yes: counting visits, videos and maps", "No", "Your yes is taken back", "22 November 2026, 03:00–04:00 UTC", "Cymraeg"} {
		if got := v.FactValue(testFacts()[i]); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestRecordText(t *testing.T) {
	got := RecordText("en", testFacts()[:5], "Can we count your visit?")
	for _, want := range []string{"Your record\n", "Your answer: Yes: counting visits", "When: 22 November 2026", "What we asked:\n\nCan we count your visit?", "Proof, for computers:\n\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in:\n%s", want, got)
		}
	}
	if RecordText("tlh", nil, "") != RecordText("en", nil, "") {
		t.Error("a language that is not shipped is not English")
	}
	for _, l := range testLocales(t) {
		if strings.Contains(RecordText(l.Tag, testFacts(), ""), "{") {
			t.Errorf("%s: a brace begins the proof", l.Tag)
		}
	}
}

// TestCatalogueIsTold checks that what the catalogue says again and again is
// told in the visitor's language, and the rest is marked as English.
func TestCatalogueIsTold(t *testing.T) {
	b := testBanner(t, Config{})
	purposes := []PurposeChoice{{ID: "other", Services: []Service{
		{Name: "zero.example", Words: "company", Text: "We do not know much about this company. It can see your visit."},
		{Name: "Parts of this site", Words: "parts", Text: "x"},
		{Name: "Other cookies of this site", Words: "cookies", Text: "y", Cookies: []Cookie{{Name: "z", Life: "unknown", Text: "We do not know what it is for."}}},
		{Name: "Meta Pixel", Text: "Meta learns that you were here.", Cookies: []Cookie{
			{Name: "_fbp", Life: "90 days", Text: "Knows your browser again."},
			{Name: "a", Life: "up to 2 years", Text: "Something rare."},
			{Name: "b", Life: "30 minutes", Text: "Remembers the visit."},
			{Name: "c", Life: "the visit", Text: "Remembers the chat."},
			{Name: "d", Life: "no end", Text: "Remembers your answer."},
			{Name: "e", Life: "for ages", Text: "Remembers the advert you came from."},
		}},
	}}}
	page, _ := testWrite(t, func(w io.Writer) error { return b.WriteServices(w, Visitor{Lang: "de"}, purposes, nil) })
	for _, want := range []string{
		"zero.example", "Wir wissen nicht viel über diese Firma.", "Teile dieser Website", "Andere Cookies dieser Website", "nicht bekannt",
		`<span lang="en" dir="ltr">Meta learns that you were here.</span>`, "Erkennt Ihren Browser wieder.", "90 Tage", "bis zu 2 Jahre",
		`<span lang="en" dir="ltr">Something rare.</span>`, "30 min", "bis Sie den Browser schließen", "kein Ablaufdatum", `<span lang="en" dir="ltr">for ages</span>`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in:\n%s", want, page)
		}
	}
	if n := strings.Count(page, `lang="en"`); n != 3 {
		t.Errorf("%d texts are English, want 3", n)
	}
	english, _ := testWrite(t, func(w io.Writer) error { return b.WriteServices(w, Visitor{Lang: "en"}, purposes, nil) })
	if strings.Contains(english, `<span lang="en"`) {
		t.Error("English within English is marked")
	}
}

// TestTheQuestionSaysWhatIsNew checks the question to somebody who is asked again.
func TestTheQuestionSaysWhatIsNew(t *testing.T) {
	b := testBanner(t, Config{})
	p := &Page{Lang: []byte("en"), Changed: true, Purposes: []string{"statistics", "media"}}
	if got := string(b.AppendStart(nil, p)); !strings.Contains(got, "Our list has changed") || strings.Contains(got, "New since") {
		t.Errorf("without news: %s", got)
	}
	p.News = News{Purposes: []string{"statistics"}, Services: []Service{{Name: "You<Tube"}}}
	if got := string(b.AppendStart(nil, p)); !strings.Contains(got, "New since you last answered: counting visits, You&lt;Tube<br/>") {
		t.Errorf("with news: %s", got)
	}
	for range 9 {
		p.News.Services = append(p.News.Services, Service{Name: "More"})
	}
	if got := string(b.AppendStart(nil, p)); !strings.Contains(got, "More, More, &#8230;<br/>") || strings.Count(got, "More") != 2 {
		t.Errorf("with much news: %s", got)
	}
}
