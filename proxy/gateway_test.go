package proxy

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lychgate/lychgate/banner"
	"github.com/lychgate/lychgate/consent"
)

// A testGate is a running gateway with what it wrote to its log.
type testGate struct {
	*httptest.Server
	g   *Gateway
	log *lockedBuffer
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// testSite fills in what every site needs.
func testSite(t testing.TB, s Site) Site {
	t.Helper()
	if s.Name == "" {
		s.Name = "default"
	}
	b, err := banner.New(banner.Config{SiteName: "Test"})
	if err != nil {
		t.Fatal(err)
	}
	gate, err := consent.NewGate(consent.Config{Site: s.Name, Banner: b, Statistics: true})
	if err != nil {
		t.Fatal(err)
	}
	s.Banner, s.Gate = b, gate
	return s
}

// testGateway serves sites on a real port through the real listener.
func testGateway(t testing.TB, c Config) *testGate {
	t.Helper()
	log := &lockedBuffer{}
	c.Log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	for i := range c.Sites {
		if c.Sites[i].Gate == nil {
			c.Sites[i] = testSite(t, c.Sites[i])
		}
	}
	if c.Observe == nil { // so that every test passes the observing writer
		c.Observe = func(o Observation) {
			if !slices.Contains(Routes(), o.Route) {
				t.Errorf("observed a route %q", o.Route)
			}
		}
	}
	g, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(g)
	s.Listener = &coarseListener{Listener: s.Listener, trusted: g.trusted, limiter: g.limiter}
	s.Config.ConnContext = connContext
	s.Config.MaxHeaderBytes, s.Config.ReadHeaderTimeout = g.limits.HeaderBytes, g.limits.HeaderTimeout
	s.Config.ErrorLog = slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug)
	s.Start()
	t.Cleanup(func() {
		s.Close()
		if strings.Contains(log.String(), "panic in a request") {
			t.Error(log.String())
		}
	})
	s.Client().CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	s.Client().Transport.(*http.Transport).DisableCompression = true
	return &testGate{s, g, log}
}

// testUpstream is a site's own server.
func testUpstream(t testing.TB, h http.HandlerFunc) *url.URL {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// testFolder writes files into a new folder.
func testFolder(t testing.TB, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// testGet asks for a path with extra headers ("Name", "value", ...).
func testGet(t testing.TB, g *testGate, path string, headers ...string) (*http.Response, string) {
	t.Helper()
	return testDo(t, g, http.MethodGet, path, nil, headers...)
}

func testDo(t testing.TB, g *testGate, method, path string, body io.Reader, headers ...string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, g.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
			continue
		}
		r.Header.Add(headers[i], headers[i+1])
	}
	res, err := g.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(b)
}

func mustURL(s string) *url.URL {
	u, err := url.Parse(s)
	if err != nil {
		panic(err)
	}
	return u
}

func newRecorder() *httptest.ResponseRecorder { return httptest.NewRecorder() }

func TestAPageComesThrough(t *testing.T) {
	const page = "<!doctype html><html lang=en><title>Hello</title><body><p>Hello</p></body></html>"
	up := testUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Etag", `"theirs"`)
		w.Header().Set("Last-Modified", "Mon, 02 Jan 2006 15:04:05 GMT")
		_, _ = io.WriteString(w, page)
	})
	for name, site := range map[string]Site{
		"upstream": {Upstream: up},
		"folder":   {Dir: testFolder(t, map[string]string{"index.html": page})},
	} {
		t.Run(name, func(t *testing.T) {
			g := testGateway(t, Config{Sites: []Site{site}})
			res, body := testGet(t, g, "/", "Accept", "text/html")
			if res.StatusCode != 200 || !strings.Contains(body, "<p>Hello</p>") {
				t.Fatalf("got %d %q", res.StatusCode, body)
			}
			h := res.Header
			if got := h.Get("Etag"); got == `"theirs"` || h.Get("Last-Modified") != "" {
				t.Errorf("the site's validators came through: %v", h)
			}
			if got, want := h.Get("Vary"), varies; got != want {
				t.Errorf("Vary: got %q, want %q", got, want)
			}
			if got := h.Get("Cache-Control"); !strings.HasPrefix(got, "private, no-") {
				t.Errorf("Cache-Control: got %q", got)
			}
		})
	}
}
