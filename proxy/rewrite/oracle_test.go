package rewrite

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// testLoads parses page as a browser does, with or without scripts, and returns
// every address of another host than own.test that it would contact.
func testLoads(page []byte, scripts bool) (found []string) {
	doc, err := html.ParseWithOptions(bytes.NewReader(page), html.ParseOptionEnableScripting(scripts))
	if err != nil {
		return nil // too deep
	}
	for n := range doc.Descendants() {
		switch {
		case n.Type == html.ElementNode:
			found = append(found, elementLoads(n, scripts)...)
		case n.Type == html.TextNode && n.Parent != nil && n.Parent.Data == "style":
			found = append(found, cssLoads(n.Data)...)
		}
	}
	return found
}

func elementLoads(n *html.Node, scripts bool) (found []string) {
	get := func(key string) string {
		for _, a := range n.Attr { // the first of a name wins
			if a.Key == key {
				return a.Val
			}
		}
		return ""
	}
	check := func(keys ...string) {
		for _, key := range keys {
			if u := get(key); foreign(testClean(u)) {
				found = append(found, n.Data+" "+key+" "+u)
			}
		}
	}
	for _, a := range n.Attr {
		switch a.Key {
		case "style", "fill", "filter", "mask", "clip-path", "stroke":
			found = append(found, cssLoads(a.Val)...)
		}
	}
	check("background")
	for _, key := range []string{"ping", "attributionsrc"} {
		for _, u := range strings.Fields(get(key)) {
			if foreign(testClean(u)) {
				found = append(found, n.Data+" "+key+" "+u)
			}
		}
	}
	if n.Namespace == "svg" {
		switch n.Data {
		case "image", "use", "feImage", "script":
			for _, a := range n.Attr {
				if a.Key == "href" && foreign(testClean(a.Val)) && !(n.Data == "script" && inert(get("type"))) {
					found = append(found, n.Data+" "+a.Val)
				}
			}
		}
		return found
	}
	switch n.Data {
	case "script":
		if inert(get("type")) {
			return found
		}
		check("src")
		if n.FirstChild != nil && get("src") == "" && strings.Contains(n.FirstChild.Data, "//evil.test") {
			found = append(found, "inline script "+n.FirstChild.Data)
		}
	case "iframe", "frame", "embed", "track":
		if s := get("srcdoc"); s != "" {
			found = append(found, testLoads([]byte(s), scripts)...)
		}
		check("src")
	case "img", "source", "video", "audio", "input":
		check("src", "poster")
		for _, u := range testSrcset(get("srcset")) {
			if foreign(testClean(u)) {
				found = append(found, n.Data+" srcset "+u)
			}
		}
	case "object":
		check("data")
	case "link":
		for _, rel := range strings.Fields(strings.ToLower(get("rel"))) {
			switch rel {
			case "stylesheet", "icon", "preload", "modulepreload", "preconnect", "dns-prefetch", "prefetch", "prerender", "manifest":
				check("href")
			}
		}
	case "base":
		check("href")
	case "meta":
		if strings.EqualFold(get("http-equiv"), "refresh") {
			if m := refreshURLs.FindStringSubmatch(get("content")); m != nil && foreign(testClean(m[1])) {
				found = append(found, "refresh "+m[1])
			}
		}
	}
	return found
}

// inert reports whether a script of this type never runs.
func inert(t string) bool {
	switch strings.ToLower(strings.Trim(t, " \t\n\f\r")) {
	case "", "module", "text/javascript", "application/javascript":
		return false
	}
	return true
}

var (
	refreshURLs = regexp.MustCompile(`(?i)^[ \t\n\f\r]*[0-9]+[ \t\n\f\r]*[;,][ \t\n\f\r]*(?:url[ \t\n\f\r]*=[ \t\n\f\r]*)?["']?([^"']*)`)
	cssURLs     = regexp.MustCompile(`(?i)(?:^|[^-_a-z0-9\x80-\xff])url\([ \t\n\f\r]*([^()"' \t\n\f\r]*)[ \t\n\f\r]*\)`)
	srcsetURLs  = regexp.MustCompile(`^[ \t\n\f\r,]*([^ \t\n\f\r]+)`)
)

// cssLoads finds what plain CSS loads: none with strings, comments and escapes,
// which a regular expression cannot follow.
func cssLoads(s string) (found []string) {
	if strings.ContainsAny(s, `"'\@<`) || strings.Contains(s, "/*") || strings.Contains(strings.ToLower(s), "url-prefix") {
		return nil
	}
	for _, m := range cssURLs.FindAllStringSubmatch(s, -1) {
		if foreign(testClean(m[1])) {
			found = append(found, "css "+m[1])
		}
	}
	return found
}

// testClean does what a URL parser does first.
func testClean(u string) []byte {
	u = strings.TrimFunc(u, func(r rune) bool { return r <= ' ' })
	return []byte(strings.NewReplacer("\t", "", "\n", "", "\r", "").Replace(u))
}

// testSrcset returns the candidates of a srcset without brackets.
func testSrcset(s string) (urls []string) {
	for {
		m := srcsetURLs.FindStringSubmatchIndex(s)
		if m == nil {
			return urls
		}
		u := s[m[2]:m[3]]
		s = s[m[3]:]
		if bare := strings.TrimRight(u, ","); bare != u {
			urls = append(urls, bare)
			continue
		}
		urls = append(urls, u)
		depth := 0
		k := strings.IndexFunc(s, func(r rune) bool {
			switch r {
			case '(':
				depth = 1
			case ')':
				depth = 0
			}
			return r == ',' && depth == 0
		})
		if k < 0 {
			return urls
		}
		s = s[k:]
	}
}

// testTrees returns the documents of the tree construction tests, a tenth of them
// with -short.
func testTrees(tb testing.TB) (pages []string) {
	tb.Helper()
	files, err := filepath.Glob(filepath.Join(testdata(tb), "tree-construction/*.dat"))
	if err != nil || len(files) < 10 {
		tb.Fatalf("html5lib tree tests: %d files, %v", len(files), err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		for _, t := range strings.Split("\n"+string(b), "\n#data\n")[1:] {
			page, _, _ := strings.Cut(t, "\n#errors")
			pages = append(pages, page)
		}
	}
	if testing.Short() {
		n := 0
		pages = slices.DeleteFunc(pages, func(string) bool { n++; return n%10 != 1 })
	}
	return pages
}

// hostile puts foreign addresses into a document, wherever it has an attribute
// or an element that could load one.
func hostile(page string) string {
	return strings.NewReplacer(
		"<b>", `<img src=//evil.test/>`, "<p>", `<p background=//evil.test/><img srcset="//evil.test/a 1x">`,
		"<i>", `<iframe src="https://evil.test/"></iframe>`, "</", `<image href=//evil.test/ src=//evil.test/></`,
		"foo", `<img src=//evil.test/>`,
	).Replace(page)
}

// check holds everything that must be so for any page. Failures name the rule.
func check(t *testing.T, page []byte) {
	t.Helper()
	if got := Append(nil, page, &Options{}); !bytes.Equal(got, page) {
		t.Fatalf("without a judge\n%q became\n%q", page, got)
	}
	plain := bytes.ToLower(page)
	unsure := false
	for _, s := range []string{"<noscript", "<svg", "<math", "<select", "<frameset", "<template", "speculationrules", "srcdoc", "data:"} {
		unsure = unsure || bytes.Contains(plain, []byte(s))
	}
	if got := Append(nil, page, &Options{Judge: passing{}}); !unsure && !bytes.Equal(got, page) {
		t.Fatalf("with all passing\n%q became\n%q", page, got)
	}
	got := Append(nil, page, &Options{Judge: ownOnly{}})
	for _, scripts := range []bool{true, false} {
		if found := testLoads(got, scripts); len(found) > 0 {
			t.Fatalf("scripts %v: %q\nbecame %q\nwhich loads %q", scripts, page, got, found)
		}
	}
	// An AMP service has no address to lose: it is asked about again.
	if again := Append(nil, got, &Options{Judge: ownOnly{}}); !bytes.Equal(again, got) && !bytes.Contains(plain, []byte("<amp-")) {
		t.Fatalf("%q\nbecame %q\nand then %q", page, got, again)
	}
	testChunks(t, page, placing(ownOnly{}))
}

func TestOracle(t *testing.T) {
	n, loading := 0, 0
	for _, page := range testTrees(t) {
		for _, p := range []string{page, hostile(page)} {
			n++
			if len(testLoads([]byte(p), false)) > 0 {
				loading++
			}
			t.Run(fmt.Sprint(n), func(t *testing.T) { check(t, []byte(p)) })
		}
	}
	if !testing.Short() {
		for _, page := range testPages(t) {
			check(t, page)
		}
	}
	if loading < n/4 {
		t.Errorf("only %d of %d documents would load anything", loading, n)
	}
}

func FuzzRewrite(f *testing.F) {
	for _, tt := range holdTests {
		f.Add(tt.page)
	}
	for _, page := range testTrees(f) {
		f.Add(hostile(page))
	}
	f.Fuzz(func(t *testing.T, page string) { check(t, []byte(page)) })
}

// pieces are what pages that parsers disagree about are made of.
var pieces = []string{
	"<img src=//evil.test/>", "<iframe src='//evil.test/'>", "<script src=\"//evil.test/\">", "<image href=//evil.test/ />",
	"<svg>", "</svg>", "<math>", "</math>", "<foreignObject>", "</foreignObject>", "<desc>", "</desc>", "<g>", "</g>", "<title>", "</title>", "<mi>", "</mi>", "<mglyph>", "</mglyph>", "<malignmark>",
	"<annotation-xml encoding=text/html>", "<annotation-xml>", "</annotation-xml>", "<style>", "</style>", "<script>", "</script>",
	"<textarea>", "</textarea>", "<xmp>", "</xmp>", "</iframe>", "<noembed>", "</noembed>", "<noframes>", "</noframes>",
	"<noscript>", "</noscript>", "<template>", "</template>", "<select>", "</select>", "<option>", "<frameset>", "</frameset>",
	"<frame src=//evil.test/>", "<plaintext>", "<!--", "-->", "--!>", "<!-->", "<![CDATA[", "]]>", "<?", ">", "<!x", "</", "</ x",
	"<table>", "<td>", "</table>", "<p>", "</p>", "<b>", "<font color=a>", "<head>", "</head>", "<body>", "</body>", "</html>",
	"<a title='", "'>", "<a b=\"", "\">", "<p ", "/>", "=", " ", "a", "\x00", "\n", "<svg><style>", "<svg><title>", "<br>", "</br>",
	"<link rel=stylesheet href=//evil.test/>", "{b:url(//evil.test/)}", "<caption>", "<col>", "<form>", "<button>", "<!doctype html>",
	"<base href=/>", "<SCRIPT>", "<!--<script>", "&lt;", "<svg/>", "<math/>", "<style/>", "<title/>", "<script/>",
}

// TestForeign holds pages on which it is easy to lose track of whether svg, math
// or HTML is read: in the first a style is raw text, in the others it is markup.
func TestForeign(t *testing.T) {
	const img, style = "<img src=//evil.test/>", "<style><img src=//evil.test/></style>"
	for _, page := range []string{
		"<math><mi><mglyph>" + style, "<math><mi><malignmark><title>" + img + "</title>",
		`<math><annotation-xml encoding="text/html"><script/>load("//evil.test/")</script>`,
		"<svg><math><mi>" + style, "<svg><g><desc></g>" + style, "<svg><desc><p></svg></p></desc>" + style,
		"<svg><g><desc><i><u></g><b></b></u></i></desc>" + style, "<svg><desc><div></desc></svg></div></desc>" + style,
	} {
		check(t, []byte(page))
	}
}

// What is in order inside svg is read as browsers do, not in every way there is.
func TestForeignInOrder(t *testing.T) {
	const script = "<script>if (a<b && c>d) document.write('<p>' + \"<svg>\")</script>"
	for _, page := range []string{
		"<svg><title>a</title><desc>b</desc><g><path d=x /></g><path></path></svg>" + script,
		"<svg><style/><foreignObject><div><br><p>a</p><img src=/b></div><b>c</b></foreignObject></svg>" + script,
		"<math><mi>x</mi><annotation-xml encoding=MathML-Content><apply></apply></annotation-xml></math>" + script,
		"<math><annotation-xml encoding=text/html><p>a</p></annotation-xml></math>" + script,
		"<svg><path d=x></svg>" + script,
	} {
		if got := Append(nil, []byte(page), &Options{Judge: ownOnly{}}); string(got) != page {
			t.Errorf("%s\nbecame %s", page, got)
		}
	}
}

// FuzzPieces makes a page of a piece for each byte.
func FuzzPieces(f *testing.F) {
	for i := range pieces {
		f.Add([]byte{byte(i), byte(i * 7), byte(i * 31)})
	}
	f.Fuzz(func(t *testing.T, recipe []byte) {
		if len(recipe) > 40 {
			return
		}
		var page []byte
		for _, b := range recipe {
			page = append(page, pieces[int(b)%len(pieces)]...)
		}
		check(t, page)
	})
}

// TestPieces tries random pages, which finds more than coverage does.
func TestPieces(t *testing.T) {
	rounds := 3000
	if testing.Short() {
		rounds = 500
	}
	const seed = 4
	rnd := rand.New(rand.NewPCG(3, seed))
	for range rounds {
		var page []byte
		for range 2 + rnd.IntN(9) {
			page = append(page, pieces[rnd.IntN(len(pieces))]...)
		}
		check(t, page)
	}
}
