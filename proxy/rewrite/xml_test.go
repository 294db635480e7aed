package rewrite

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"math/rand/v2"
	"regexp"
	"strings"
	"testing"
)

func TestXML(t *testing.T) {
	tests := []struct{ name, page, want string }{
		{"CDATA is text anywhere", `<html><body><p><![CDATA[<img src="//evil.test/"/>]]></p></body></html>`, `<html>[H]<body>[S]<p><![CDATA[<img src="//evil.test/"/>]]></p>[E]</body></html>`},
		{"no implied body", `<html><head/><p/></html>`, `<html><head/>[H]<p/></html>`},
		{"a script closes itself", `<html><body><script src="//evil.test/"/><img src="/a"/></body></html>`, `<html>[H]<body>[S]<script type="text/plain" data-lychgate="held" /><img src="/a"/>[E]</body></html>`},
		{"a prefix", `<h:html><h:body><h:script src="//evil.test/">x</h:script></h:body></h:html>`, `<h:html>[H]<h:body>[S]<h:script type="text/plain" data-lychgate="held" >x</h:script>[E]</h:body></h:html>`},
		{"a style sheet", `<?xml-stylesheet href="//evil.test/a.css"?><?xml-stylesheet href="/a.css"?><svg/>`, `<?xml-stylesheet href="/a.css"?><svg/>`},
		{"entities", `<!DOCTYPE html [<!ENTITY a "<img src='//evil.test/'/>">]><html/>`, `<!DOCTYPE html ><html/>`},
		{"references in a style", `<svg><style>a{b:url(&quot;//evil.test&quot;)}</style></svg>`, `<svg><style><![CDATA[a{b:url("data:,")}]]></style></svg>`},
		{"an address in a CDATA section", `<svg><style>a{b:url(<![CDATA[//evil.test]]>)}</style></svg>`, `<svg><style><![CDATA[a{b:url("data:,")}]]></style></svg>`},
		{"markup in a style", `<svg><style>a{<a>"</a>b:url("/a")}</style></svg>`, `<svg><style></style></svg>`},
		{"a link of another prefix", `<svg><use l:href="//evil.test/#a"/></svg>`, `<svg><use data-lychgate="held" /></svg>`},
		{"raw text is markup", `<html><body><textarea><img src="//evil.test/"/></textarea></body></html>`, `<html>[H]<body>[S]<textarea><img data-lychgate="held" src="` + picture("1", "1") + `"/></textarea>[E]</body></html>`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := placing(ownOnly{})
			o.XHTML = true
			if got := string(Append(nil, []byte(tt.page), o)); got != tt.want {
				t.Errorf("\ngot  %s\nwant %s", got, tt.want)
			}
			testChunks(t, []byte(tt.page), o)
		})
	}
}

var pseudoHref = regexp.MustCompile(`(?:^|\s)href\s*=\s*["']([^"'&]*)["']`)

// xmlLoads returns what the well-formed document b loads from other hosts, and
// whether it is well-formed.
func xmlLoads(b []byte) (found []string, ok bool) {
	d := xml.NewDecoder(bytes.NewReader(b))
	d.Entity = xml.HTMLEntity
	style := 0
	var css strings.Builder
	for {
		t, err := d.Token()
		if errors.Is(err, io.EOF) {
			return found, true
		}
		if err != nil {
			return nil, false
		}
		switch t := t.(type) {
		case xml.ProcInst:
			m := pseudoHref.FindSubmatch(t.Inst)
			if t.Target == "xml-stylesheet" && m != nil && foreign(testClean(string(m[1]))) {
				found = append(found, string(t.Inst))
			}
		case xml.StartElement:
			if t.Name.Local == "style" {
				style++
			}
			idle := t.Name.Local == "link"
			for _, a := range t.Attr {
				switch t.Name.Local + " " + a.Name.Local {
				case "script type":
					idle = inert(a.Value)
				case "link rel":
					idle = !strings.EqualFold(strings.TrimSpace(a.Value), "stylesheet")
				}
			}
			for _, a := range t.Attr {
				switch key := t.Name.Local + " " + a.Name.Local; key {
				case "img src", "script src", "script href", "image href", "use href", "iframe src", "link href":
					if foreign(testClean(a.Value)) && !idle {
						found = append(found, key+" "+a.Value)
					}
				}
				if a.Name.Local == "style" {
					found = append(found, foreignCSS(a.Value)...)
				}
			}
		case xml.EndElement:
			if t.Name.Local == "style" {
				style--
				found = append(found, foreignCSS(css.String())...)
				css.Reset()
			}
		case xml.CharData:
			if style > 0 {
				css.Write(t)
			}
		}
	}
}

func foreignCSS(s string) (found []string) {
	for _, u := range cssOracle(s) {
		if foreign(testClean(u)) {
			found = append(found, "css "+u)
		}
	}
	return found
}

var xmlPieces = []string{
	"<p>", "</p>", "<img src='//evil.test/a'/>", "<script src=\"//evil.test/b\"/>", "<script>", "</script>", "<style>", "</style>",
	"<image x:href='//evil.test/c'/>", "<use href='//evil.test/d'/>", "<![CDATA[", "]]>", "<!--", "-->", "<?xml-stylesheet href='//evil.test/e'?>",
	"<?a ", "?>", "&lt;", "&quot;", "a{b:url(//evil.test/f)}", "url(", ")", "'", "<iframe src='//evil.test/g'>", "</iframe>", "<textarea>", "</textarea>",
	"<p style='b:url(&quot;//evil.test/h&quot;)'>", "<h:script src='//evil.test/i'>", "</h:script>", "<svg>", "</svg>", "<title>", "</title>",
	"<noscript>", "</noscript>", "<script type='text/javascript' src='//evil.test/j' />", "&#47;", "<link rel='stylesheet' href='//evil.test/k'/>",
}

func checkXML(t *testing.T, page []byte) (wellFormed bool) {
	t.Helper()
	_, wellFormed = xmlLoads(page)
	o := &Options{Judge: ownOnly{}, XHTML: true}
	got := Append(nil, page, o)
	found, ok := xmlLoads(got)
	if wellFormed && !ok {
		t.Fatalf("%q\nbecame %q\nwhich is not well-formed", page, got)
	}
	if len(found) > 0 {
		t.Fatalf("%q\nbecame %q\nwhich loads %q", page, got, found)
	}
	testChunks(t, page, o)
	return wellFormed
}

func TestXMLPieces(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 8))
	good, rounds := 0, 3000
	for range rounds {
		var page []byte
		for range 1 + rnd.IntN(6) {
			page = append(page, xmlPieces[rnd.IntN(len(xmlPieces))]...)
		}
		if checkXML(t, page) {
			good++
		}
	}
	if good < rounds/50 {
		t.Errorf("only %d of %d documents are well-formed", good, rounds)
	}
}

func FuzzXML(f *testing.F) {
	for _, s := range xmlPieces {
		f.Add("<html>" + s + "</html>")
	}
	f.Fuzz(func(t *testing.T, page string) { checkXML(t, []byte(page)) })
}
