// Package deploy_test holds the files an operator starts from to their promises.
package deploy_test

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

const exampleSite = "example-site"

// thirdParties are what the example site must contain to be a fair example: the
// kinds of third party that generated and hand-made charity sites really carry.
var thirdParties = []struct{ name, mark string }{
	{"analytics tag", "googletagmanager.com/gtag/js?id="},
	{"data layer", "window.dataLayer = window.dataLayer || [];"},
	{"tag manager in noscript", "googletagmanager.com/ns.html?id="},
	{"pixel", "connect.facebook.net/en_GB/fbevents.js"},
	{"pixel in noscript", "facebook.com/tr?id="},
	{"video embed", "youtube.com/embed/"},
	{"map embed", "google.com/maps/embed?"},
	{"web font", "fonts.googleapis.com/css2?"},
	{"connection hint", `rel="preconnect"`},
	{"donation widget", "donorbox.org/widget.js"},
	{"chat loader", "embed.tawk.to/"},
	{"newsletter form", "list-manage.com/subscribe/post?"},
	{"captcha", "google.com/recaptcha/api.js"},
}

func TestExampleSiteHoldsEveryKindOfThirdParty(t *testing.T) {
	var all strings.Builder
	for _, page := range examplePages(t) {
		all.WriteString(page.text)
	}
	for _, p := range thirdParties {
		if !strings.Contains(all.String(), p.mark) {
			t.Errorf("no page of %s contains the %s (%s)", exampleSite, p.name, p.mark)
		}
	}
}

func TestExampleSiteIsWhole(t *testing.T) {
	for _, page := range examplePages(t) {
		t.Run(page.name, func(t *testing.T) {
			doc, err := html.Parse(strings.NewReader(page.text))
			if err != nil {
				t.Fatal(err)
			}
			headings := 0
			for n := range doc.Descendants() {
				if n.Type != html.ElementNode {
					continue
				}
				switch n.Data {
				case "html":
					requireAttr(t, n, "lang")
				case "h1":
					headings++
				case "img":
					requireAttr(t, n, "alt")
				case "iframe":
					requireAttr(t, n, "title")
				}
				for _, key := range []string{"href", "src"} {
					if ref, ok := attr(n, key); ok {
						checkLocal(t, ref)
					}
				}
			}
			if headings != 1 {
				t.Errorf("%d h1 elements, want 1", headings)
			}
		})
	}
}

type examplePage struct{ name, text string }

func examplePages(t *testing.T) []examplePage {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(exampleSite, "*.html"))
	if err != nil {
		t.Fatal(err)
	}
	if len(files) < 7 {
		t.Fatalf("%d pages in %s, want at least 7", len(files), exampleSite)
	}
	var pages []examplePage
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, examplePage{filepath.Base(f), string(text)})
	}
	return pages
}

// checkLocal fails the test if ref names a file of the site that does not exist.
func checkLocal(t *testing.T, ref string) {
	t.Helper()
	u, err := url.Parse(ref)
	if err != nil {
		t.Errorf("reference %q: %v", ref, err)
		return
	}
	if u.IsAbs() || u.Host != "" || u.Path == "" || u.Path == "/" {
		return
	}
	if _, err := os.Stat(filepath.Join(exampleSite, filepath.FromSlash(u.Path))); err != nil {
		t.Errorf("reference %q: %v", ref, err)
	}
}

func requireAttr(t *testing.T, n *html.Node, key string) {
	t.Helper()
	if _, ok := attr(n, key); !ok {
		t.Errorf("<%s> without %s", n.Data, key)
	}
}

func attr(n *html.Node, key string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == key {
			return a.Val, true
		}
	}
	return "", false
}
