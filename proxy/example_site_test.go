package proxy

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// loadingAttrs are the attributes by which a parsed page makes a browser load
// something, by element; "*" for any.
var loadingAttrs = map[string]string{
	"script": "src href", "iframe": "src", "frame": "src", "img": "src srcset", "source": "src srcset", "link": "href imagesrcset",
	"video": "src poster", "audio": "src", "track": "src", "embed": "src", "object": "data", "input": "src", "body": "background", "use": "href", "image": "href",
}

// loads lists what a browser would load from a page, with scripting on or off.
func loads(t *testing.T, page string, scripting bool) []string {
	t.Helper()
	doc, err := html.ParseWithOptions(strings.NewReader(page), html.ParseOptionEnableScripting(scripting))
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for n := range doc.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		for _, a := range n.Attr {
			if !strings.Contains(" "+loadingAttrs[n.Data]+" ", " "+a.Key+" ") {
				continue
			}
			for part := range strings.SplitSeq(a.Val, ", ") {
				if f := strings.Fields(part); len(f) > 0 {
					found = append(found, f[0])
				}
			}
		}
	}
	return found
}

func TestNothingOfTheExampleSiteIsLoadedFromElsewhere(t *testing.T) {
	dir := filepath.Join("..", "deploy", "example-site")
	g := testScanGateway(t, "", Site{Dir: dir})
	g.Learn(t.Context())
	pages, err := filepath.Glob(filepath.Join(dir, "*.html"))
	if err != nil || len(pages) == 0 {
		t.Fatal(pages, err)
	}
	before, after := 0, 0
	for _, name := range pages {
		src, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1/"+filepath.Base(name), nil)
		r.Header.Set("Accept", "text/html")
		w := httptest.NewRecorder()
		g.ServeHTTP(w, r)
		page := w.Body.String()
		for _, scripting := range []bool{true, false} {
			before += foreign(t, loads(t, string(src), scripting), nil)
			after += foreign(t, loads(t, page, scripting), func(ref string) {
				t.Errorf("%s, scripting %v, loads %s", name, scripting, ref)
			})
		}
		if strings.Contains(string(src), "g-recaptcha") && !strings.Contains(page, "captcha-") {
			t.Errorf("%s does not say that the check is needed", name)
		}
	}
	if before < 50 {
		t.Errorf("the example site itself loads only %d things from elsewhere: the test proves nothing", before)
	}
}

// foreign counts the references that lead to other hosts than donation ones.
func foreign(t *testing.T, refs []string, found func(string)) int {
	t.Helper()
	n := 0
	for _, ref := range refs {
		u, err := url.Parse(ref)
		if err != nil || u.Host == "" || u.Host == "127.0.0.1" || strings.HasSuffix(u.Host, "donorbox.org") {
			continue
		}
		if n++; found != nil {
			found(ref)
		}
	}
	return n
}
