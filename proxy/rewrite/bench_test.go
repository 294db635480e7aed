package rewrite

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// testPages returns real pages: the example site, and the sites that npm
// packages ship, fetched with
//
//	cd ~/.cache/lychgate/npm && npm pack startbootstrap-creative startbootstrap-resume \
//		startbootstrap-sb-admin startbootstrap-sb-admin-2 startbootstrap-simple-sidebar
//
// Without them it says so and makes do with the example site and a page of its own.
func testPages(tb testing.TB) [][]byte {
	tb.Helper()
	var pages [][]byte
	example, err := filepath.Glob("../../deploy/example-site/*.html")
	if err != nil {
		tb.Fatal(err)
	}
	for _, file := range example {
		b, err := os.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		pages = append(pages, b)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		tb.Fatal(err)
	}
	packs, err := filepath.Glob(filepath.Join(cache, "lychgate/npm/*.tgz"))
	if err != nil {
		tb.Fatal(err)
	}
	if len(packs) == 0 {
		tb.Log("NO NPM SITES in", cache, "- see testPages for how to fetch them")
		pages = append(pages, testPage())
	}
	for _, file := range packs {
		pages = append(pages, testPack(tb, file)...)
	}
	return pages
}

// testPack returns the HTML files in a package.
func testPack(tb testing.TB, file string) (pages [][]byte) {
	tb.Helper()
	f, err := os.Open(file)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		tb.Fatal(err)
	}
	for t := tar.NewReader(z); ; {
		h, err := t.Next()
		if errors.Is(err, io.EOF) {
			return pages
		}
		if err != nil {
			tb.Fatal(err)
		}
		if strings.HasSuffix(h.Name, ".html") && !strings.Contains(h.Name, "node_modules") {
			b, err := io.ReadAll(t)
			if err != nil {
				tb.Fatal(err)
			}
			pages = append(pages, b)
		}
	}
}

// testPage makes a page of about 40 KB as site generators write them.
func testPage() []byte {
	var b bytes.Buffer
	b.WriteString(`<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Page</title>` +
		`<link rel="stylesheet" href="/css/main.css?v=3"><script>window.a=1;</script></head><body class="home">`)
	for range 60 {
		b.WriteString(`<article class="post card mb-4" id="post-12"><h2 class="title"><a href="/2026/11/a-good-day/" rel="bookmark">A good day</a></h2>
<p>On Saturday the families met in the hall, and there was cake &amp; tea for everybody who came along to help.</p>
<img class="img-fluid" src="/img/a.jpg" srcset="/img/a.jpg 1x, /img/a2.jpg 2x" width="640" height="360" alt="Families in the hall">
<ul class="meta"><li>21 November</li><li><a href="/tags/news/">News</a></li></ul></article>
`)
	}
	b.WriteString(`<script src="/js/main.js"></script></body></html>`)
	return b.Bytes()
}

func testBytes(pages [][]byte) (n int64) {
	for _, p := range pages {
		n += int64(len(p))
	}
	return n
}

// BenchmarkRewrite compares the rewriter with the tokenizer of x/net/html on the
// same pages in the same run.
func BenchmarkRewrite(b *testing.B) {
	pages := testPages(b)
	dst := make([]byte, 0, 1<<20)
	run := func(name string, o *Options) {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(testBytes(pages))
			b.ReportAllocs()
			for b.Loop() {
				for _, p := range pages {
					dst = Append(dst[:0], p, o)
				}
			}
		})
	}
	banner := bytes.Repeat([]byte("<p>banner</p>"), 200)
	put := func(dst []byte, _ Doc) []byte { return append(dst, banner...) }
	run("banner", &Options{Start: put})
	run("pass", &Options{Start: put, Judge: passing{}})
	run("own", &Options{Start: put, Judge: ownOnly{}})
	b.Run("xnet", func(b *testing.B) {
		b.SetBytes(testBytes(pages))
		b.ReportAllocs()
		for b.Loop() {
			for _, p := range pages {
				dst = tokenize(dst[:0], p)
			}
		}
	})
}

// tokenize copies page by the tokenizer of x/net/html, reading all attributes.
func tokenize(dst, page []byte) []byte {
	z := html.NewTokenizer(bytes.NewReader(page))
	for {
		t := z.Next()
		if t == html.ErrorToken {
			return dst
		}
		dst = append(dst, z.Raw()...)
		if t == html.StartTagToken || t == html.SelfClosingTagToken {
			for _, more := z.TagName(); more; {
				_, _, more = z.TagAttr()
			}
		}
	}
}

// ownOnly is a judge that holds every other host than own.test.
type ownOnly struct{}

var heldDocument = []byte("<p>held</p>")

func (ownOnly) URL(r *Ref) Verdict {
	if foreign(r.URL) || foreign(r.Base) {
		return Verdict{Action: Hold, Document: heldDocument}
	}
	return Verdict{}
}

func (ownOnly) Script(text []byte) Action {
	if bytes.Contains(text, []byte("//evil.test")) {
		return Hold
	}
	return Pass
}

func (ownOnly) Meta(name, content []byte) []byte { return nil }

// foreign reports whether u names a host that is not own.test. It knows what
// browsers make of backslashes and of special schemes without slashes.
func foreign(u []byte) bool {
	s := u
	for i, c := range s {
		if c == ':' && i > 0 {
			for _, scheme := range []string{"http", "https", "ws", "wss", "ftp"} {
				if equalFold(s[:i], scheme) {
					return !ownHost(bytes.TrimLeft(s[i+1:], `/\`))
				}
			}
			return false
		}
		if class[c]&letter == 0 && (i == 0 || !strings.ContainsRune("+-.0123456789", rune(c))) {
			break
		}
	}
	if len(s) > 1 && (s[0] == '/' || s[0] == '\\') && (s[1] == '/' || s[1] == '\\') {
		return !ownHost(bytes.TrimLeft(s, `/\`))
	}
	return false
}

func ownHost(s []byte) bool {
	if i := bytes.IndexAny(s, `/\?#`); i >= 0 {
		s = s[:i]
	}
	if i := bytes.LastIndexByte(s, '@'); i >= 0 {
		s = s[i+1:]
	}
	if i := bytes.IndexByte(s, ':'); i >= 0 {
		s = s[:i]
	}
	return equalFold(s, "own.test")
}
