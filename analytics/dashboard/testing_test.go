package dashboard

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/lychgate/lychgate/analytics"
	"github.com/lychgate/lychgate/consent"
)

// testDashboard opens a dashboard of the sites "willow.example" and
// "wren.example" over real files.
func testDashboard(t *testing.T) *Dashboard {
	t.Helper()
	return testDashboardIn(t, t.TempDir())
}

func testDashboardIn(t *testing.T, dir string) *Dashboard {
	t.Helper()
	// What is shown is by the day. In its last minute a test waits for the next one.
	if left := time.Until(today().Add(oneDay)); left < time.Minute {
		time.Sleep(left)
	}
	keys, log := consent.NewKeys(), slog.New(slog.NewTextHandler(io.Discard, nil))
	a, err := analytics.Open(t.Context(), analytics.Config{
		Dir: dir, Keys: keys, Log: log,
		Sites: []analytics.SiteConfig{{Site: "willow.example", Location: time.UTC}, {Site: "wren.example", Location: time.UTC}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { a.Close(t.Context()) }) //nolint:errcheck // nothing was counted
	d, err := Open(t.Context(), Config{
		Sites:     []Site{{ID: "willow.example", Name: "Willow Family Centre"}, {ID: "wren.example"}},
		Analytics: a, Keys: keys, Dir: dir, Log: log,
	})
	if err != nil {
		t.Fatal(err)
	}
	d.hasher = newHasher(cost{passes: 1, memory: 64, threads: 1}) // most tests are not about its cost
	t.Cleanup(func() { d.Close() })                               //nolint:errcheck // a test's own folder
	return d
}

// A browser asks the dashboard the way a browser does: it keeps cookies and
// sends the headers of somebody opening a page.
type browser struct {
	t       *testing.T
	d       *Dashboard
	scheme  string
	network string
	cookies map[string]string
	// alter changes a request before it is sent.
	alter func(*http.Request)
}

func (d *Dashboard) testBrowser(t *testing.T) *browser {
	return &browser{t: t, d: d, scheme: "https", network: "192.0.2.0:0", cookies: map[string]string{}}
}

func (b *browser) get(path string) *http.Response { return b.do(http.MethodGet, path, nil) }

// post sends a form: keys and values in turn.
func (b *browser) post(path string, form ...string) *http.Response {
	v := url.Values{}
	for i := 0; i+1 < len(form); i += 2 {
		v.Set(form[i], form[i+1])
	}
	return b.do(http.MethodPost, path, v)
}

func (b *browser) do(method, path string, form url.Values) *http.Response {
	b.t.Helper()
	r := httptest.NewRequestWithContext(b.t.Context(), method, b.scheme+"://willow.example"+path, strings.NewReader(form.Encode()))
	r.RemoteAddr = b.network
	r.Header.Set("Sec-Fetch-Mode", "navigate")
	r.Header.Set("Sec-Fetch-Dest", "document")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", b.scheme+"://willow.example")
	}
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	if b.alter != nil {
		b.alter(r)
	}
	w := httptest.NewRecorder()
	b.d.ServeHTTP(w, r)
	res := w.Result()
	for _, c := range res.Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
	return res
}

// signIn uses a sign-in link up.
func (b *browser) signIn(link string) *browser {
	b.t.Helper()
	want(b.t, b.post(link), http.StatusSeeOther)
	return b
}

// owner is a browser in which the first account is signed in.
func (d *Dashboard) owner(t *testing.T) *browser {
	t.Helper()
	return d.testBrowser(t).signIn(d.SignInPath())
}

// member is a browser in which somebody with one role is signed in.
func (d *Dashboard) member(t *testing.T, name, site string, role Role) *browser {
	t.Helper()
	link, err := d.accounts.Add(t.Context(), name, site, role)
	if err != nil {
		t.Fatal(err)
	}
	return d.testBrowser(t).signIn(link)
}

func want(t *testing.T, res *http.Response, status int) {
	t.Helper()
	if res.StatusCode != status {
		t.Errorf("got status %d, want %d: %s", res.StatusCode, status, body(t, res))
	}
}

func body(t *testing.T, res *http.Response) string {
	t.Helper()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// page parses an answer.
func page(t *testing.T, res *http.Response) *html.Node {
	t.Helper()
	want(t, res, http.StatusOK)
	n, err := html.Parse(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// find returns the elements of a page that match.
func find(n *html.Node, match func(*html.Node) bool) (all []*html.Node) {
	for c := range n.Descendants() {
		if c.Type == html.ElementNode && match(c) {
			all = append(all, c)
		}
	}
	return all
}

func tag(name string) func(*html.Node) bool {
	return func(n *html.Node) bool { return n.Data == name }
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
	return strings.Join(strings.Fields(b.String()), " ")
}
