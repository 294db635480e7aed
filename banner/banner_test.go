package banner

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// testBanner is a Banner with every language.
func testBanner(t testing.TB, c Config) *Banner {
	t.Helper()
	if c.SiteName == "" {
		c.SiteName = "Little Oaks"
	}
	b, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// testPages is every kind of page in one language.
func testPages(lang string) map[string]*Page {
	base := Page{Lang: []byte(lang), ReturnTo: "/about?a=1&b=2", Policy: "p1"}
	pages := map[string]*Page{}
	for name, change := range map[string]func(*Page){
		"undecided": func(*Page) {},
		"purposes":  func(p *Page) { p.Purposes = []string{"statistics", "media", "own"}; p.Changed = true },
		"arrival":   func(p *Page) { p.Source = "s.1-x_y" },
		"link only": func(p *Page) { p.LinkOnly = true },
		"base":      func(p *Page) { p.Origin = "https://oaks.example" },
		"accepted":  func(p *Page) { p.Choice = Accepted },
		"declined":  func(p *Page) { p.Choice = Declined },
	} {
		for _, kind := range []string{"html", "xhtml", "amp"} {
			p := base
			change(&p)
			p.XHTML, p.AMP = kind == "xhtml", kind == "amp"
			pages[name+" "+kind] = &p
		}
	}
	return pages
}

// both are all bytes that go into a page.
func both(b *Banner, p *Page) []byte { return b.AppendEnd(b.AppendStart(nil, p), p) }

// every runs f for every kind of page, in every language at the top and in
// English at the bottom.
func every(t *testing.T, f func(t *testing.T, b *Banner, p *Page)) {
	everyOf(t, func(*Page) bool { return true }, f)
}

// everyOf is every for the pages that are of a kind.
func everyOf(t *testing.T, kind func(*Page) bool, f func(t *testing.T, b *Banner, p *Page)) {
	for place, languages := range map[string][]string{placeTop: nil, placeBottom: {"en"}} {
		b := testBanner(t, Config{Place: place, Languages: languages})
		for _, s := range b.tongues.speeches {
			for name, p := range testPages(s.Tag) {
				if kind(p) {
					t.Run(place+" "+s.Tag+" "+name, func(t *testing.T) { f(t, b, p) })
				}
			}
		}
	}
}

func TestPiecesAreASCII(t *testing.T) {
	every(t, func(t *testing.T, b *Banner, p *Page) {
		for i, c := range both(b, p) {
			if c >= 0x80 || c < ' ' {
				t.Fatalf("byte %d is %#x", i, c)
			}
		}
	})
}

func TestStyleHash(t *testing.T) {
	style := regexp.MustCompile(`<style>(.*?)</style>`)
	every(t, func(t *testing.T, b *Banner, p *Page) {
		allowed := strings.Fields(b.StyleHash(p))
		used := map[string]bool{}
		for _, m := range style.FindAllSubmatch(both(b, p), -1) {
			sum := sha256.Sum256(m[1])
			used["'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'"] = true
		}
		if len(used) != len(allowed) {
			t.Fatalf("page has %d styles, StyleHash allows %d", len(used), len(allowed))
		}
		for _, hash := range allowed {
			if !used[hash] {
				t.Errorf("no style has the hash %s", hash)
			}
		}
	})
}

func TestNoScriptNoStyleAttribute(t *testing.T) {
	every(t, func(t *testing.T, b *Banner, p *Page) {
		for _, n := range parse(t, both(b, p)) {
			if n.Data == "script" {
				t.Error("there is a script")
			}
			for _, a := range n.Attr {
				if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
					t.Errorf("<%s %s=%q>", n.Data, a.Key, a.Val)
				}
			}
		}
	})
}

func TestXHTMLIsWellFormed(t *testing.T) {
	everyOf(t, func(p *Page) bool { return p.XHTML }, func(t *testing.T, b *Banner, p *Page) {
		wellFormed(t, both(b, p))
	})
}

func TestAMPHoldsNothingForeign(t *testing.T) {
	everyOf(t, func(p *Page) bool { return p.AMP }, func(t *testing.T, b *Banner, p *Page) {
		links := 0
		for _, n := range parse(t, both(b, p)) {
			switch n.Data {
			case "form", "template", "style", "button", "input":
				t.Errorf("<%s> on an AMP page", n.Data)
			case "a":
				links++
			}
		}
		if links != 1 {
			t.Errorf("%d links to the consent page, want 1", links)
		}
	})
}

// TestQuestion checks the form as the consent room reads it.
func TestQuestion(t *testing.T) {
	everyOf(t, func(p *Page) bool { return p.Choice == Undecided && !p.AMP }, func(t *testing.T, b *Banner, p *Page) {
		nodes := parse(t, b.AppendStart(nil, p))
		section := find(nodes, "section")[0]
		if attr(section, "id") != "lychgate" || !strings.Contains(attr(section, "aria-label"), "Little Oaks") {
			t.Errorf("region %q is named %q", attr(section, "id"), attr(section, "aria-label"))
		}
		if p.LinkOnly {
			if len(find(nodes, "form"))+len(find(nodes, "button")) > 0 {
				t.Error("a form where forms are forbidden")
			}
			return
		}
		form := find(nodes, "form")[0]
		if attr(form, "action") != p.Origin+"/_lychgate/consent" || attr(form, "method") != "post" {
			t.Errorf("form %s %q", attr(form, "method"), attr(form, "action"))
		}
		fields := map[string]string{}
		for _, n := range find(nodes, "input") {
			if attr(n, "type") != "hidden" {
				t.Errorf("input of type %q", attr(n, "type"))
			}
			fields[attr(n, "name")] = attr(n, "value")
		}
		want := map[string]string{"return_to": p.ReturnTo, "policy": p.Policy, "lang": string(p.Lang)}
		if p.Source != "" {
			want["source"] = p.Source
		}
		if fmt.Sprint(fields) != fmt.Sprint(want) {
			t.Errorf("fields %v, want %v", fields, want)
		}
		equalButtons(t, nodes)
	})
}

// equalButtons fails unless there are two buttons that differ in value and label
// alone.
func equalButtons(t *testing.T, nodes []*html.Node) {
	t.Helper()
	buttons := find(nodes, "button")
	if len(buttons) != 2 {
		t.Fatalf("%d buttons, want 2", len(buttons))
	}
	for i, value := range []string{"accept", "decline"} {
		got := buttons[i].Attr
		if len(got) != 2 || got[0].Key != "name" || got[0].Val != "decision" || got[1].Key != "value" || got[1].Val != value {
			t.Errorf("button %d has attributes %v", i, got)
		}
		if label := text(buttons[i]); strings.TrimSpace(label) == "" {
			t.Errorf("button %s has no label", value)
		}
	}
	if buttons[0].Parent != buttons[1].Parent {
		t.Error("the buttons do not stand side by side")
	}
}

func TestConfirmation(t *testing.T) {
	b := testBanner(t, Config{})
	for _, choice := range []Choice{Accepted, Declined} {
		nodes := parse(t, b.AppendStart(nil, &Page{Choice: choice}))
		section := find(nodes, "section")[0]
		if attr(section, "id") != "lychgate" || attr(section, "tabindex") != "-1" {
			t.Errorf("confirmation is %v", section.Attr)
		}
		links := find(nodes, "a")
		if attr(links[len(links)-1], "href") != "#" {
			t.Errorf("hide leads to %q", attr(links[len(links)-1], "href"))
		}
		if !strings.Contains(b.savedSheet.shadow.text, ":host([tabindex]:not(:target)){display:none!important}") {
			t.Error("the confirmation is not hidden")
		}
	}
	for origin, want := range map[string]string{"": "/a?b#", "https://oaks.example": "https://oaks.example/a?b#"} {
		links := find(parse(t, b.AppendStart(nil, &Page{Choice: Accepted, Origin: origin, ReturnTo: "/a?b"})), "a")
		if got := attr(links[len(links)-1], "href"); got != want {
			t.Errorf("hide leads to %q, want %q; with a base element # alone would leave the page", got, want)
		}
	}
}

func TestEndIsForThoseWhoDecided(t *testing.T) {
	b := testBanner(t, Config{})
	if got := b.AppendEnd(nil, &Page{}); len(got) != 0 {
		t.Errorf("undecided: %s", got)
	}
	for _, choice := range []Choice{Accepted, Declined} {
		links := find(parse(t, b.AppendEnd(nil, &Page{Choice: choice})), "a")
		if len(links) == 0 || !strings.HasPrefix(attr(links[0], "href"), "/_lychgate/consent") {
			t.Errorf("choice %d: no link back", choice)
		}
	}
}

func TestPurposesAreNamed(t *testing.T) {
	b := testBanner(t, Config{
		Purposes: []Purpose{{ID: "letters", Name: map[string]string{"en": "our letters"}}},
		Words:    map[string]Words{"en": {Question: "Are you OK with this?", Text: "We hope so."}},
	})
	got := text(parse(t, b.AppendStart(nil, &Page{Purposes: []string{"statistics", "letters", "unheard"}}))[0])
	for _, name := range []string{"Are you OK with this?", "We hope so.", "counting visits", "our letters", "unheard"} {
		if !strings.Contains(got, name) {
			t.Errorf("%q is missing in %q", name, got)
		}
	}
	wording := b.Wording(Visitor{}, []string{"statistics", "letters"})
	for _, word := range []string{"Are you OK with this?", "counting visits, our letters", "Accept", "Decline"} {
		if !strings.Contains(wording, word) {
			t.Errorf("%q is missing in the wording %q", word, wording)
		}
	}
}

// The page is not slower for the banner: no allocation once a language has been
// seen, at most 3 KB on the wire in any language, at most 1.5 KB of style.
func TestWeight(t *testing.T) {
	b := testBanner(t, Config{})
	for _, s := range []sheet{b.askSheet, b.savedSheet} {
		if n := len(s.shadow.text); n > 1536 {
			t.Errorf("style is %d bytes, at most 1536", n)
		}
	}
	site, err := os.ReadFile("testdata/page.html")
	if err != nil {
		t.Fatal(err)
	}
	bare := gzipped(t, site)
	for _, s := range b.tongues.speeches {
		p := &Page{Lang: []byte(s.Tag), ReturnTo: "/about/what-we-do.html", Policy: "0123456789abcdef", Purposes: []string{"statistics", "media", "advertising"}}
		start := b.AppendStart(nil, p)
		added := gzipped(t, bytes.Replace(site, []byte("<body>"), append([]byte("<body>"), start...), 1)) - bare
		if added > 3<<10 {
			t.Errorf("%s adds %d bytes on the wire, at most 3072", s.Tag, added)
		}
		t.Logf("%s adds %d bytes, %d on the wire", s.Tag, len(start), added)
	}
	dst := make([]byte, 0, 16<<10)
	for name, p := range testPages("cy") {
		p.AcceptLanguage = "pl,en;q=0.5"
		if n := testing.AllocsPerRun(100, func() { dst = b.AppendEnd(b.AppendStart(dst[:0], p), p) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func BenchmarkAppendStart(b *testing.B) {
	x := testBanner(b, Config{})
	p := &Page{Lang: []byte("en-GB"), ReturnTo: "/about/what-we-do.html", Policy: "0123456789abcdef"}
	dst := make([]byte, 0, 8<<10)
	b.ReportAllocs()
	for b.Loop() {
		dst = x.AppendStart(dst[:0], p)
	}
	b.SetBytes(int64(len(dst)))
}

// FuzzAppendStart puts foreign text into every hole. Nothing of it may become
// markup, and the form must hand it back as it was.
func FuzzAppendStart(f *testing.F) {
	for _, s := range []string{`/a?b=c&d=e`, `"><script>alert(1)</script>`, "/\x00\xff\n\t\r", "/é\u2028\ufffe", "'&quot;&#x27;", "{purposes}", "]]>--><!--"} {
		f.Add(s, s, s, s, s)
	}
	b := testBanner(f, Config{})
	f.Fuzz(func(t *testing.T, lang, accept, returnTo, source, purpose string) {
		p := &Page{Lang: []byte(lang), AcceptLanguage: accept, ReturnTo: returnTo, Policy: source, Source: source, Purposes: []string{"statistics", purpose}, Changed: true}
		got := b.AppendStart(nil, p)
		for _, c := range got {
			if c >= 0x80 {
				t.Fatalf("not ASCII: %q", got)
			}
		}
		nodes := parse(t, got)
		if n := len(find(nodes, "script")) + len(find(nodes, "img")); n > 0 {
			t.Fatalf("markup got in: %s", got)
		}
		if n := len(find(nodes, "button")); n != 2 {
			t.Fatalf("%d buttons: %s", n, got)
		}
		for _, n := range find(nodes, "input") {
			if attr(n, "name") == "return_to" && clean(returnTo) == returnTo && attr(n, "value") != returnTo {
				t.Fatalf("return_to %q came back as %q", returnTo, attr(n, "value"))
			}
		}
		p.XHTML = true
		wellFormed(t, b.AppendStart(nil, p))
	})
}

// clean is s without what HTML and XML cannot hold in an attribute.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 || r == 0xfffd || r >= 0xfffe && r <= 0xffff {
			return -1
		}
		return r
	}, s)
}

func wellFormed(t testing.TB, markup []byte) {
	t.Helper()
	d := xml.NewDecoder(bytes.NewReader(append(append([]byte("<x>"), markup...), "</x>"...)))
	for {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("%v in %s", err, markup)
		}
	}
}

// parse returns every element of a fragment in document order, those of
// templates too.
func parse(t testing.TB, markup []byte) []*html.Node {
	t.Helper()
	root, err := html.Parse(bytes.NewReader(markup))
	if err != nil {
		t.Fatal(err)
	}
	var nodes []*html.Node
	for n := range root.Descendants() {
		if n.Type == html.ElementNode {
			nodes = append(nodes, n)
		}
	}
	return nodes
}

func find(nodes []*html.Node, name string) []*html.Node {
	var found []*html.Node
	for _, n := range nodes {
		if n.Data == name {
			found = append(found, n)
		}
	}
	return found
}

func attr(n *html.Node, key string) string {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}

func text(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			b.WriteString(c.Data)
		}
	}
	return b.String()
}

func gzipped(t testing.TB, data []byte) int {
	t.Helper()
	var w bytes.Buffer
	z, err := gzip.NewWriterLevel(&w, 6)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return w.Len()
}

func TestARegionWithoutASiteNameStillHasAName(t *testing.T) {
	b, err := New(Config{})
	if err != nil {
		t.Fatal(err)
	}
	if got := string(b.AppendStart(nil, &Page{Lang: []byte("en")})); !strings.Contains(got, `aria-label="Your cookie choices"`) {
		t.Errorf("the region of a site without a name begins %.120s", got)
	}
}
