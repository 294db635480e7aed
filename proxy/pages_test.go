package proxy

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/lychgate/lychgate/proxy/rewrite"
)

// testRealPages are the example site's pages and those of the sites that npm
// packages ship, where cmd/lychgate/browser/setup.sh has fetched them: whole
// pages, from 4 KB on.
func testRealPages(tb testing.TB) (pages [][]byte) {
	tb.Helper()
	cache, err := os.UserCacheDir()
	if err != nil {
		tb.Fatal(err)
	}
	for _, root := range []string{"../deploy/example-site", filepath.Join(cache, "lychgate/specimens")} {
		err := filepath.WalkDir(root, func(name string, _ fs.DirEntry, err error) error {
			if err != nil || !strings.HasSuffix(name, ".html") {
				return nil //nolint:nilerr // the specimens may not be there
			}
			page, err := os.ReadFile(name)
			if len(page) >= 4<<10 {
				pages = append(pages, page)
			}
			return err
		})
		if err != nil {
			tb.Fatal(err)
		}
	}
	return pages
}

// testJudged rewrites a page as a visitor without an answer gets it.
func testJudged(j *judge, dst, page []byte) (out []byte, held bool) {
	h := j.open("https", "www.oak.example", "/page")
	o := rewrite.Options{Judge: h}
	out = rewrite.Append(dst, page, &o)
	held = h.held
	h.close()
	return out, held
}

// A page on which nothing is held costs no memory, whatever it links to and
// loads of its own.
func TestPagesWithoutHeldElementsAllocateNothing(t *testing.T) {
	if raced {
		t.Skip("under the race detector pools forget what they lend")
	}
	j := testJudge(t, Site{Hosts: []string{"www.oak.example"}})
	var b bytes.Buffer
	b.WriteString(`<!doctype html><html lang="en"><head><title>x</title><link rel="stylesheet" href="/a.css"><style>@import "/b.css"; p{background:url(c.png)}</style><base href="/page/">`)
	for range 50 {
		b.WriteString(`<p style="background:url(d.png)"><a href="https://elsewhere.example/" onclick="go()">x</a><img src="/i.png?a=1&amp;b=2" srcset="i.png 1x, https://img.oak.example/i2.png 2x" alt="">` +
			`<iframe src="/map.html" title="Map"></iframe><script>menu.open();</script><script src="https://js.stripe.com/v3/"></script>`)
	}
	pages := append(testRealPages(t), b.Bytes())
	dst := make([]byte, 0, 4<<20)
	tested := 0
	for _, page := range pages {
		out, held := testJudged(j, dst[:0], page)
		if held || !bytes.Equal(out, page) {
			continue
		}
		tested++
		if n := testing.AllocsPerRun(20, func() { testJudged(j, dst[:0], page) }); n > 0 {
			t.Errorf("%.0f allocations on a page of %d bytes: %.60q", n, len(page), page)
		}
	}
	if tested == 0 {
		t.Error("no page without held elements")
	}
}

// BenchmarkPages rewrites real pages with the real judge, and reads them with
// the tokenizer of x/net/html in the same run.
func BenchmarkPages(b *testing.B) {
	pages := testRealPages(b)
	j := testJudge(b, Site{Hosts: []string{"www.oak.example"}})
	dst := make([]byte, 0, 4<<20)
	var size int64
	for _, page := range pages {
		size += int64(len(page))
		testJudged(j, dst[:0], page)
	}
	b.Run("judged", func(b *testing.B) {
		b.SetBytes(size)
		b.ReportAllocs()
		for b.Loop() {
			for _, page := range pages {
				dst, _ = testJudged(j, dst[:0], page)
			}
		}
	})
	b.Run("xnet", func(b *testing.B) {
		b.SetBytes(size)
		b.ReportAllocs()
		for b.Loop() {
			for _, page := range pages {
				z := html.NewTokenizer(bytes.NewReader(page))
				for t := z.Next(); t != html.ErrorToken; t = z.Next() {
					dst = append(dst[:0], z.Raw()...)
					if t == html.StartTagToken || t == html.SelfClosingTagToken {
						for _, more := z.TagName(); more; {
							_, _, more = z.TagAttr()
						}
					}
				}
			}
		}
	})
}
