package proxy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestOverlaidHeader(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"a fixed header", `body{margin:0}header{position:fixed;top:0}`, "header"},
		{"an absolute one by its class, among others", "a,\n.site-header , b { color:red; POSITION : absolute; left:0; Top:0px }", ".site-header"},
		{"in a rule for wide windows", `@media (min-width:40em){#masthead{inset:0 0 auto;position:fixed}}`, "#masthead"},
		{"in a page", `<p>{</p><style media=screen>nav{position:fixed;top:0}</style>`, "nav"},
		{"after a comment", "/* top */ .navbar{position:fixed;top:0}", ".navbar"},
		{"a child of the body", `body > header{position:fixed;top:0}`, "body > header"},
		{"in the flow", `header{top:0}header{position:sticky;top:0}header{position:relative;top:0}`, ""},
		{"at the bottom", `nav{position:fixed;bottom:0}`, ""},
		{"beside the top", `nav{position:fixed;margin-top:0}`, ""},
		{"something in the header", `header .logo{position:absolute;top:0}header::after{position:absolute;top:0}`, ""},
		{"something else", `.lightbox{position:fixed;top:0}`, ""},
		{"no rule's end", `header{position:fixed;top:0`, ""},
	} {
		if got, _ := overlaidHeader([]byte(test.text)); got != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

func FuzzOverlaidHeader(f *testing.F) {
	f.Add([]byte(`@media x{header{position:fixed;top:0}}`))
	f.Add([]byte(`{}{{}}</style>*/header{`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if selector, found := overlaidHeader(text); found == (selector == "") || !strings.Contains(string(text), selector) {
			t.Errorf("%q, %v", selector, found)
		}
	})
}

func TestScanAdvisesWhereTheQuestionWouldLieOverTheHeader(t *testing.T) {
	dir := testScanFolder(t)
	g := testScanGateway(t, "", Site{Dir: dir})
	if advice := g.Scan(t.Context())[0].Advice; len(advice) != 0 {
		t.Errorf("advice for a site without a header: %q", advice)
	}
	if err := os.WriteFile(filepath.Join(dir, "style.css"), []byte(`.top .header{position:fixed;top:0}`), 0o644); err != nil {
		t.Fatal(err)
	}
	report := g.Scan(t.Context())[0]
	var table strings.Builder
	if err := report.WriteTable(&table); err != nil {
		t.Fatal(err)
	}
	const want = `/style.css keeps ".top .header" at the top of the window`
	if len(report.Advice) != 1 || !strings.Contains(table.String(), want) || !strings.Contains(table.String(), `banner = "bottom"`) {
		t.Errorf("no advice in\n%s", table.String())
	}
}

func TestScanAdvisesToTakeOutAnotherCookieBanner(t *testing.T) {
	dir := testScanFolder(t)
	page := `<!doctype html><script src="https://consent.cookiebot.com/uc.js"></script><script src="https://consentcdn.cookiebot.com/x.js"></script>`
	if err := os.WriteFile(filepath.Join(dir, "about.html"), []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
	advice := testScanGateway(t, "", Site{Dir: dir}).Scan(t.Context())[0].Advice
	if len(advice) != 1 || !strings.HasPrefix(advice[0], "Cookiebot asks visitors about cookies") {
		t.Errorf("got %q, want one about Cookiebot", advice)
	}
}
