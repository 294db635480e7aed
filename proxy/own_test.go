package proxy

import (
	"context"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lychgate/lychgate/analytics"
	"github.com/lychgate/lychgate/consent"
)

func TestOwnPages(t *testing.T) {
	up := testUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(strings.ToLower(r.URL.Path), "lychgate") {
			t.Errorf("%s reached the site", r.URL.Path)
		}
		w.WriteHeader(http.StatusNotFound)
	})
	admin := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "dashboard "+r.URL.Path) })
	g := testGateway(t, Config{Sites: []Site{{Upstream: up}}, Admin: admin})
	apart := testGateway(t, Config{Sites: []Site{{Upstream: up}}, Admin: admin, AdminHost: "Stats.example"})
	for _, tt := range []struct {
		g                *testGate
		host, path, body string
		status           int
	}{
		{g, "a.example", "/_lychgate/consent", "<main", 200},
		{g, "a.example", "/_lychgate/healthz", "OK", 200},
		{g, "a.example", "/_lychgate/admin/x", "dashboard /_lychgate/admin/x", 200},
		{g, "a.example", "/_lychgate/shared/x", "dashboard", 200},
		{g, "a.example", "/_lychgate/nothing", "<main", 404},
		{g, "a.example", "/_lychgate", "<main", 404},
		{g, "a.example", "/_LYCHGATE/consent", "<main", 404},
		{g, "a.example", "/.well-known/gpc.json", `{"gpc":true`, 200},
		{apart, "stats.example:8443", "/_lychgate/admin/", "dashboard", 200},
		{apart, "stats.example", "/", "", 303},
		{apart, "stats.example", "/about", "", 404},
		{apart, "stats.example", "/_lychgate/consent", "", 404},
		{apart, "stats.example", "/_lychgate/healthz", "OK", 200},
		{apart, "a.example", "/_lychgate/admin/", "", 404},
	} {
		t.Run(tt.host+tt.path, func(t *testing.T) {
			res, body := testGet(t, tt.g, tt.path, "Host", tt.host, "Accept", "text/html")
			if res.StatusCode != tt.status || !strings.Contains(body, tt.body) {
				t.Errorf("got %d %q", res.StatusCode, body)
			}
			if strings.HasPrefix(tt.path, "/_lychgate") && (res.Header.Get("X-Robots-Tag") != "noindex" || res.Header.Get("X-Content-Type-Options") != "nosniff") {
				t.Errorf("headers: %v", res.Header)
			}
			if res.Header.Get("Set-Cookie") != "" {
				t.Errorf("a cookie: %v", res.Header)
			}
		})
	}
}

// TestOnlyAgreedPagesAreCounted: the counting cookie is the trace of a count.
func TestOnlyAgreedPagesAreCounted(t *testing.T) {
	up := testUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/x.png":
			w.Header().Set("Content-Type", "image/png")
		case "/moved":
			w.Header().Set("Location", "/")
			w.WriteHeader(http.StatusFound)
		default:
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<!doctype html><html><body>x")
		}
	})
	dir := t.TempDir()
	keys, err := consent.OpenKeys(filepath.Join(dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	a, err := analytics.Open(context.Background(), analytics.Config{
		Sites: []analytics.SiteConfig{{Site: "default"}}, Dir: dir, Keys: keys,
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := a.Close(context.Background()); err != nil {
			t.Error(err)
		}
	}()
	g := testGateway(t, Config{Sites: []Site{testConsent(t, Site{Upstream: up})}, Analytics: a})
	accepted, declined := testDecide(t, g, "accept"), testDecide(t, g, "decline")
	nav := []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}
	for _, tt := range []struct {
		name, method, path string
		headers            []string
		counted            bool
	}{
		{"accepted", "GET", "/", append(nav, "Cookie", accepted), true},
		{"plain http", "GET", "/", []string{"Accept", "text/html", "Cookie", accepted}, true},
		{"service worker", "GET", "/", []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "empty", "Cookie", accepted}, true},
		{"undecided", "GET", "/", nav, false},
		{"declined", "GET", "/", append(nav, "Cookie", declined), false},
		{"gpc", "GET", "/", append(nav, "Sec-GPC", "1"), false},
		{"forged", "GET", "/", append(nav, "Cookie", "lychgate=accept"), false},
		{"the https cookie over http", "GET", "/", append(nav, "Cookie", "__Host-"+accepted), false},
		{"prerender", "GET", "/", append(nav, "Cookie", accepted, "Sec-Purpose", "prefetch;prerender"), false},
		{"frame", "GET", "/", []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe", "Cookie", accepted}, false},
		{"fetch", "GET", "/", []string{"Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty", "Cookie", accepted}, false},
		{"image", "GET", "/x.png", append(nav, "Cookie", accepted), false},
		{"redirect", "GET", "/moved", append(nav, "Cookie", accepted), false},
		{"post", "POST", "/", append(nav, "Cookie", accepted), false},
		{"head", "HEAD", "/", append(nav, "Cookie", accepted), false},
		{"own page", "GET", "/_lychgate/consent", append(nav, "Cookie", accepted), false},
		{"range", "GET", "/", append(nav, "Cookie", accepted, "Range", "bytes=0-1"), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			res, _ := testDo(t, g, tt.method, tt.path, nil, append(tt.headers, "User-Agent", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156 Safari/537.36", "Accept-Language", "en")...)
			if got := strings.Contains(strings.Join(res.Header["Set-Cookie"], " "), "lychgate-count="); got != tt.counted {
				t.Errorf("got %d, counted %v: %q", res.StatusCode, got, res.Header["Set-Cookie"])
			}
		})
	}
}
