package proxy

import (
	"context"
	"database/sql"
	"io"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
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

// testAnalytics counts for the default site, and its end brings the sums to the
// store in dir.
func testAnalytics(t *testing.T) (a *analytics.Analytics, end func() (dir string)) {
	t.Helper()
	dir := t.TempDir()
	keys, err := consent.OpenKeys(filepath.Join(dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	a, err = analytics.Open(context.Background(), analytics.Config{
		Sites: []analytics.SiteConfig{{Site: "default", Goals: []analytics.Goal{{Name: "Leaflet", Path: "/leaflet.pdf"}}, Events: []string{"signed up"}}},
		Dir:   dir, Keys: keys,
	})
	if err != nil {
		t.Fatal(err)
	}
	end = sync.OnceValue(func() string {
		if err := a.Close(context.Background()); err != nil {
			t.Error(err)
		}
		return dir
	})
	t.Cleanup(func() { end() })
	return a, end
}

// TestFilesAndDeadLinksAreCounted: what is no page is told apart, from a folder and
// from a server, after a yes only.
func TestFilesAndDeadLinksAreCounted(t *testing.T) {
	up := testUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public, max-age=600")
		switch r.URL.Path {
		case "/":
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, "<!doctype html><html><body>x")
		case "/leaflet.pdf":
			w.Header().Set("Content-Type", "application/pdf")
			_, _ = io.WriteString(w, "%PDF-1.7")
		default:
			http.NotFound(w, r)
		}
	})
	folder := testFolder(t, map[string]string{"index.html": "<!doctype html><p>x", "leaflet.pdf": "%PDF-1.7"})
	for name, site := range map[string]Site{"server": {Upstream: up}, "folder": {Dir: folder}} {
		t.Run(name, func(t *testing.T) {
			a, end := testAnalytics(t)
			g := testGateway(t, Config{Sites: []Site{testConsent(t, site)}, Analytics: a})
			accepted := testDecide(t, g, "accept")
			cookie := accepted
			nav := []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}
			// The note of the visit replaces the one that came with the accept.
			accepted = regexp.MustCompile(`(^|; )lychgate=[^;]*`).FindString(accepted)
			see := func(path string, headers ...string) *http.Response {
				res, _ := testGet(t, g, path, append(nav, headers...)...)
				for _, c := range res.Cookies() {
					if strings.Contains(c.Name, "count") {
						cookie = accepted + "; " + c.Name + "=" + c.Value
					}
				}
				return res
			}
			see("/", "Cookie", cookie)
			if res := see("/leaflet.pdf", "Cookie", cookie); len(res.Cookies()) != 1 || res.Header.Get("Cache-Control") != "private, no-cache" {
				t.Errorf("a goal was reached: %v", res.Header)
			}
			if res := see("/leaflet.pdf", "Cookie", cookie); len(res.Cookies()) != 0 || res.Header.Get("Cache-Control") == "private, no-cache" {
				t.Errorf("a goal is reached once: %v", res.Header)
			}
			see("/gone.html", "Cookie", cookie, "Referer", g.URL+"/from")
			for _, path := range []string{"/leaflet.pdf", "/gone.html"} {
				see(path)
				see(path, "Cookie", cookie, "Sec-Purpose", "prefetch")
				testGet(t, g, path, "Cookie", cookie, "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image")
			}
			got := testSums(t, end())
			for key, want := range map[string]int64{"total//": 1, "download//leaflet.pdf": 2, "notfound//gone.html": 1, "notfound/gone.html/from": 1} {
				if got[key] != want {
					t.Errorf("%s: got %d, want %d", key, got[key], want)
				}
			}
		})
	}
}

// testSums are the views of a day by dimension, page and value.
func testSums(t *testing.T, dir string) map[string]int64 {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(dir, "stats.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query("SELECT dim || '/' || trim(page, '/') || '/' || trim(value, '/'), views FROM sums WHERE grain = 'day'")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	sums := map[string]int64{}
	for rows.Next() {
		var key string
		var views int64
		if err := rows.Scan(&key, &views); err != nil {
			t.Fatal(err)
		}
		sums[key] += views
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return sums
}

// TestBeacon: the script is on the pages of those who agreed, and what it sends is
// heard from nobody else, and from nobody where it is off.
func TestBeacon(t *testing.T) {
	folder := testFolder(t, map[string]string{"index.html": "<!doctype html><html><head><title>x</title></head><body><p>x</body></html>"})
	a, end := testAnalytics(t)
	g := testGateway(t, Config{Sites: []Site{testConsent(t, Site{Dir: folder, Beacon: true})}, Analytics: a})
	off := testGateway(t, Config{Sites: []Site{testConsent(t, Site{Dir: folder})}, Analytics: a})
	accepted, declined := testDecide(t, g, "accept"), testDecide(t, g, "decline")
	for _, tt := range []struct {
		name    string
		g       *testGate
		headers []string
		there   bool
		status  int
	}{
		{"accepted", g, []string{"Cookie", accepted}, true, 204},
		{"undecided", g, nil, false, 204},
		{"declined", g, []string{"Cookie", declined}, false, 204},
		{"under Global Privacy Control", g, []string{"Sec-GPC", "1"}, false, 204},
		{"where it is off", off, []string{"Cookie", testDecide(t, off, "accept")}, false, 404},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, page := testGet(t, tt.g, "/", append(tt.headers, "Accept", "text/html")...)
			if got := strings.Contains(page, `<script async="" src="/_lychgate/assets/beacon-`); got != tt.there {
				t.Errorf("the script is there: %v", got)
			}
			res, _ := testDo(t, tt.g, http.MethodPost, "/_lychgate/event", strings.NewReader("kind=event&value=signed+up"),
				append(tt.headers, "Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "same-origin")...)
			if res.StatusCode != tt.status || res.Header.Get("Set-Cookie") != "" {
				t.Errorf("got %d %v, want %d", res.StatusCode, res.Header, tt.status)
			}
		})
	}
	if got := testSums(t, end()); got["event//signed up"] != 1 {
		t.Errorf("got %d events, want 1", got["event//signed up"])
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
	a, _ := testAnalytics(t)
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
