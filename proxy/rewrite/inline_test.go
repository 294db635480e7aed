package rewrite

import (
	"bytes"
	"encoding/base64"
	"strings"
	"testing"
)

// relaying relays relay.test, holds evil.test and whatever of relay.test cannot
// be relayed, and passes the rest.
type relaying struct{ asked []Ref }

func (j *relaying) URL(r *Ref) Verdict {
	j.asked = append(j.asked, Ref{URL: bytes.Clone(r.URL), Fixed: r.Fixed, Rootless: r.Rootless})
	switch {
	case bytes.Contains(r.URL, []byte("evil.test")), bytes.HasPrefix(r.URL, []byte("http://[")):
		return Verdict{Action: Hold}
	case !bytes.Contains(r.URL, []byte("relay.test")):
		return Verdict{}
	case r.Fixed:
		return Verdict{Action: Hold}
	case r.Rootless:
		return Verdict{Action: Replace, URL: []byte("https://own.test/r")}
	}
	return Verdict{Action: Replace, URL: []byte("/r")}
}
func (j *relaying) Script([]byte) Action    { return Pass }
func (j *relaying) Meta(_, _ []byte) []byte { return nil }

func TestWhatCanBeReplacedAndHow(t *testing.T) {
	for _, tt := range []struct{ name, page, want string }{
		{"in a page", `<img src=//relay.test/a>`, `<img src="/r">`},
		{"in a srcdoc", `<iframe srcdoc="<img src=//relay.test/a>"></iframe>`, `<iframe srcdoc="&lt;img src=&quot;/r&quot;&gt;"></iframe>`},
		{
			"in a data: frame", `<iframe src="data:text/html,<img src='//relay.test/a'>"></iframe>`,
			`<iframe src="data:text/html,%3Cimg%20src=%22https://own.test/r%22%3E"></iframe>`,
		},
		{
			"in a base64 data: frame", `<iframe src="data:text/html;charset=utf-8;base64,PGltZyBzcmM9Ly9yZWxheS50ZXN0L2E+#x"></iframe>`,
			`<iframe src="data:text/html;charset=utf-8,%3Cimg%20src=%22https://own.test/r%22%3E#x"></iframe>`,
		},
		{
			"in a data: sheet", `<link rel=stylesheet href="data:text/css,@import%20'//relay.test/a';">`,
			`<link rel=stylesheet href="data:text/css,@import%20%22https://own.test/r%22;">`,
		},
		{
			"in a data: sheet in a sheet", `<style>@import "data:text/css,a{background:url(//relay.test/a)}"</style>`,
			`<style>@import "data:text/css,a%7Bbackground:url(%22https://own.test/r%22)%7D"</style>`,
		},
		{"markup in an svg style", `<svg><style><img src=//relay.test/a></style></svg>`, `<svg><style></style></svg>`},
		{"a module that is imported", `<script type=module>import "//relay.test/a"</script>`, `<script type="text/plain" data-lychgate="held" >import "//relay.test/a"</script>`},
		{"an animated reference", `<svg><animate attributeName=href values="//relay.test/a"/></svg>`, `<svg><animate data-lychgate="held" attributeName=href /></svg>`},
	} {
		if got := string(Append(nil, []byte(tt.page), &Options{Judge: &relaying{}})); got != tt.want {
			t.Errorf("%s:\n%s becomes\n%s, want\n%s", tt.name, tt.page, got, tt.want)
		}
	}
}

func TestDataDocumentsThatNestDeepAreHeld(t *testing.T) {
	page := "<img src='//relay.test/a'>"
	for range maxDepth + 2 {
		page = `<iframe src="` + string(percentEncoded([]byte("data:text/html,"), []byte(page))) + `"></iframe>`
	}
	got := string(Append(nil, []byte(page), &Options{Judge: &relaying{}}))
	if strings.Contains(got, "relay.test") || !strings.Contains(got, "held") {
		t.Error(got)
	}
	sheet := "@import '//relay.test/a';"
	for range maxDepth + 2 {
		sheet = `@import "` + string(percentEncoded([]byte("data:text/css,"), []byte(sheet))) + `";`
	}
	if got = string(AppendCSS(nil, []byte(sheet), &relaying{})); strings.Contains(got, "relay.test") {
		t.Error(got)
	}
}

func TestEntitiesOfAPage(t *testing.T) {
	laughs := `<!ENTITY a0 "ha">`
	for i := range 20 {
		n := string(rune('a' + i))
		laughs += `<!ENTITY ` + n + `1 "&` + string(rune('a'+max(i-1, 0))) + `1;&` + string(rune('a'+max(i-1, 0))) + `1;">`
	}
	for _, tt := range []struct{ name, subset, body, want string }{
		{"a character", `<!ENTITY nbsp "&#160;">`, `<p>&nbsp;</p>`, ""},
		{"a host that is held", `<!ENTITY h "evil.test">`, `<a ping="//&h;/"/>`, `<a data-lychgate="held" />`},
		{"a host that is relayed", `<!ENTITY h "relay.test">`, `<img src="//&h;/a?b&amp;c"/>`, `<img src="/r"/>`},
		{"a host of its own", `<!ENTITY h "own.test"><!-- ]> --><!ELEMENT a ANY>`, `<img src="//&h;/a"/>`, ""},
		{"in two parts, the later first", `<!ENTITY h "&e;.test"><!ENTITY e 'evil'>`, `<a ping="//&h;/"/>`, `<a data-lychgate="held" />`},
		{"of two of a name the first", `<!ENTITY h "evil.test"><!ENTITY h "own.test">`, `<a ping="//&h;/"/>`, `<a data-lychgate="held" />`},
		{"in a style", `<!ENTITY u "url(//evil.test/)">`, `<p style="background:&u;"/>`, `<p style="background:url(&quot;data:,&quot;)"/>`},
		{"a name that is not declared", `<!ENTITY h "own.test">`, `<img src="//&x;evil.test/a"/>`, `<img data-lychgate="held" src="` + picture("1", "1") + `"/>`},
		{"harmless markup", `<!ENTITY m "<b>bold</b>">`, `<p>&m;</p>`, ""},
	} {
		page := `<!DOCTYPE html [` + tt.subset + `]><html>` + tt.body + `</html>`
		want := page
		if tt.want != "" {
			want = strings.Replace(page, tt.body, tt.want, 1)
		}
		got := string(Append(nil, []byte(page), &Options{Judge: &relaying{}, XHTML: true}))
		if got != want {
			t.Errorf("%s:\n%s becomes\n%s, want\n%s", tt.name, page, got, want)
		}
	}
	for _, tt := range []struct{ name, subset string }{
		{"held markup", `<!ENTITY m "<img src='//evil.test/'/>">`},
		{"markup that would have to be relayed", `<!ENTITY m "<img src='//relay.test/'/>">`},
		{"markup in parts", `<!ENTITY m "<img src='//&h;/'/>"><!ENTITY h "evil.test">`},
		{"markup by number", `<!ENTITY m "&#60;img src='//evil.test/'/>">`},
		{"a default value", `<!ATTLIST img src CDATA "https://evil.test/t.gif">`},
		{"a default style", `<!ATTLIST img style CDATA 'background:url(//evil.test/)'>`},
		{"a parameter entity", `<!ENTITY % p "x">%p;`},
		{"an external entity", `<!ENTITY x SYSTEM "https://own.test/x">`},
		{"itself", `<!ENTITY x "&x;">`},
		{"a billion laughs", laughs},
		{"nonsense", `<!ENTITY`},
	} {
		page := `<!DOCTYPE html [` + tt.subset + `]><html><img/></html>`
		if got := string(Append(nil, []byte(page), &Options{Judge: &relaying{}, XHTML: true})); got != `<!DOCTYPE html ><html><img/></html>` {
			t.Errorf("%s stays: %s", tt.name, got)
		}
	}
}

func TestWhatIsHiddenInUTF16IsHeld(t *testing.T) {
	wide := func(s string) string {
		var b []byte
		for _, c := range []byte(s) {
			b = append(b, c, 0)
		}
		return base64.StdEncoding.EncodeToString(b)
	}
	for _, page := range []string{
		`<iframe src="data:text/html;charset=ucs-2;base64,` + wide("<script src=//evil.test/></script>") + `"></iframe>`,
		`<iframe src="data:text/html;charset=utf-16le;base64,` + wide("<img src=//evil.test/>") + `"></iframe>`,
		`<link rel=stylesheet href="data:text/css;charset=unicode;base64,` + wide("@import '//evil.test/'") + `">`,
		`<script src="data:text/javascript;charset=utf-16;base64,` + wide(`load("//evil.test/")`) + `"></script>`,
		`<script charset=utf-16le src="data:text/javascript;base64,` + wide(`load("//evil.test/")`) + `"></script>`,
	} {
		got := string(Append(nil, []byte(page), &Options{Judge: &relaying{}}))
		if strings.Contains(got, "base64") {
			t.Errorf("%s\nbecame %s", page, got)
		}
	}
	pdf := `<object data="data:application/pdf;base64,` + wide("%PDF-1.7") + `"></object>`
	if got := string(Append(nil, []byte(pdf), &Options{Judge: &relaying{}})); got != pdf {
		t.Errorf("%s\nbecame %s", pdf, got)
	}
}
