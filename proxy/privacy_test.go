package proxy

import (
	"bytes"
	"io"
	"io/fs"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// TestCanaries sends what must never be seen again through the gateway, on
// every kind of route, and looks for it in the log, in the data folder and in
// what the upstream was told.
func TestCanaries(t *testing.T) {
	const (
		addr   = "203.0.113.77"
		addr6  = "2001:db8:aa:bb:cc:dd:ee:ff"
		agent  = "CanaryAgent/7"
		query  = "canaryquery"
		cookie = "canarycookie"
	)
	var mu sync.Mutex
	var told bytes.Buffer
	up := testUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if err := r.Header.Write(&told); err != nil {
			t.Error(err)
		}
		switch r.URL.Path {
		case "/cut":
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, "short")
			panic(http.ErrAbortHandler)
		case "/panic":
			panic(http.ErrAbortHandler)
		}
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<!doctype html><body>hello")
	})
	dir := t.TempDir()
	g := testGateway(t, Config{
		Sites: []Site{{Upstream: up}}, Dir: dir,
		TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	})
	for _, path := range []string{"/", "/cut", "/panic", "/a%00", "/_lychgate/nothing", "/_lychgate/consent", "/_lychgate/healthz", "/.well-known/gpc.json"} {
		for _, forwarded := range []string{addr, "::ffff:" + addr, addr6, "[" + addr6 + "]:443"} {
			r, err := http.NewRequest(http.MethodGet, g.URL+path+"?email="+query, nil)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range forwardingHeaders {
				r.Header.Set(name, forwarded)
			}
			r.Header.Set("X-Forwarded-For", forwarded)
			r.Header.Set("User-Agent", agent)
			r.Header.Set("Cookie", "__Host-lychgate="+cookie+"; lychgate-count="+cookie+"; __Secure-lychgate-receipt="+cookie)
			res, err := g.Client().Do(r)
			if err == nil {
				_, _ = io.Copy(io.Discard, res.Body) // cut on purpose
				res.Body.Close()
			}
		}
	}
	g.Close()

	seen := map[string]string{"log": g.log.String(), "upstream": told.String()}
	err := fs.WalkDir(os.DirFS(dir), ".", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(filepath.Join(dir, p))
		seen[p] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for where, text := range seen {
		for _, secret := range []string{addr, addr6, cookie, "203.0.113.7", "bb:cc"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s holds %q:\n%s", where, secret, text)
			}
		}
		if where == "upstream" {
			continue
		}
		for _, secret := range []string{agent, query} {
			if strings.Contains(text, secret) {
				t.Errorf("%s holds %q:\n%s", where, secret, text)
			}
		}
	}
	if !strings.Contains(told.String(), "X-Forwarded-For: 203.0.113.0") || !strings.Contains(told.String(), "X-Forwarded-For: 2001:db8:aa::") {
		t.Errorf("the upstream was not told the network:\n%s", told.String())
	}
}

// TestStrangersForwardNothing: without trusted proxies the headers are a
// visitor's own words.
func TestStrangersForwardNothing(t *testing.T) {
	var told http.Header
	up := testUpstream(t, func(w http.ResponseWriter, r *http.Request) { told = r.Header })
	g := testGateway(t, Config{Sites: []Site{{Upstream: up}}})
	testGet(t, g, "/", "X-Forwarded-For", "203.0.113.77", "X-Forwarded-Proto", "https", "X-Real-Ip", "203.0.113.77",
		"Forwarded", "for=203.0.113.77", "Cf-Connecting-Ip", "203.0.113.77", "X-Forwarded-Host", "evil.example")
	if got := told.Get("X-Forwarded-For"); got != "127.0.0.0" {
		t.Errorf("X-Forwarded-For: got %q", got)
	}
	if got := told.Get("X-Forwarded-Proto"); got != "http" {
		t.Errorf("X-Forwarded-Proto: got %q", got)
	}
	if got := told.Get("X-Forwarded-Host"); strings.Contains(got, "evil") {
		t.Errorf("X-Forwarded-Host: got %q", got)
	}
	for _, name := range []string{"X-Real-Ip", "Forwarded", "Cf-Connecting-Ip"} {
		if told.Get(name) != "" {
			t.Errorf("%s came through", name)
		}
	}
}
