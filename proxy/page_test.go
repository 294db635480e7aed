package proxy

import (
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

func TestWhatGoesIntoPages(t *testing.T) {
	const doc = `<!doctype html><html lang="en"><head><title>x</title></head><body><p>site</p></body></html>`
	pages := map[string]string{
		"/":         doc,
		"/fragment": "<p>piece</p>",
		"/amp":      strings.Replace(doc, "<html ", "<html ⚡ ", 1),
		"/base":     strings.Replace(doc, "<title>", `<base href="https://elsewhere.example/"><title>`, 1),
		"/links":    strings.Replace(doc, "<p>", `<a href="/_lychgate/consent">Cookies</a><p>`, 1),
		"/sandbox":  doc,
		"/late":     "<!doctype html><html><head>" + `<script src="https://www.googletagmanager.com/gtm.js"></script>` + `<meta charset="shift_jis"></head><body>x`,
	}
	up := testUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		if r.URL.Path == "/sandbox" {
			w.Header().Set("Content-Security-Policy", "sandbox allow-scripts")
		}
		_, _ = io.WriteString(w, pages[r.URL.Path])
	})
	g := testGateway(t, Config{Sites: []Site{testConsent(t, Site{Upstream: up}, youtube)}})
	accepted, declined := testDecide(t, g, "accept"), testDecide(t, g, "decline")
	const asks, links = `name="decision"`, `href="/_lychgate/consent`
	nav := []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Sec-Fetch-Site", "same-origin"}
	for _, tt := range []struct {
		name, path  string
		headers     []string
		asks, links bool
	}{
		{"undecided", "/", nav, true, true},
		{"plain http", "/", []string{"Accept", "text/html"}, true, true},
		{"declined", "/", append(nav, "Cookie", declined), false, true},
		{"accepted", "/", append(nav, "Cookie", accepted), false, true},
		{"gpc", "/", append(nav, "Sec-GPC", "1"), false, true},
		{"accepted beats gpc", "/", append(nav, "Sec-GPC", "1", "Cookie", accepted), false, true},
		{"the page links itself", "/links", append(nav, "Cookie", declined), false, true},
		{"service worker", "/", []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "empty"}, true, true},
		{"frame", "/", []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}, false, false},
		{"fetch", "/", []string{"Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty"}, false, false},
		{"fragment", "/fragment", []string{"Accept", "text/html"}, false, false},
		{"fragment that a browser opens as a page", "/fragment", nav, true, true},
		{"prerender", "/", append(nav, "Sec-Purpose", "prefetch;prerender"), true, true},
		{"sandbox", "/sandbox", nav, false, true},
		{"amp", "/amp", nav, false, true},
		{"amp, declined", "/amp", append(nav, "Cookie", declined), false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, body := testGet(t, g, tt.path, tt.headers...)
			if got := strings.Contains(body, asks); got != tt.asks {
				t.Errorf("asks %v: %s", got, body)
			}
			if got := strings.Contains(body, links); got != tt.links {
				t.Errorf("links %v: %s", got, body)
			}
		})
	}
	if _, body := testGet(t, g, "/base", nav...); !strings.Contains(body, `action="`+g.URL+`/_lychgate/consent"`) {
		t.Errorf("under a base the form must name its origin: %s", body)
	}
	if res, _ := testGet(t, g, "/late", nav...); res.Header.Get("Content-Type") != "text/html; charset=shift_jis" {
		t.Errorf("the charset was pushed away: %q", res.Header.Get("Content-Type"))
	}
	_, body := testGet(t, g, "/?a=1&gclid=2&utm_source=x&b=3", nav...)
	if !regexp.MustCompile(`name="return_to" value="/\?a=1&amp;b=3"`).MatchString(body) {
		t.Errorf("return_to: %s", body)
	}
}

// TestRefererSoftens: on plain http our form must be able to say where it stands.
func TestRefererSoftens(t *testing.T) {
	up := testUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Referrer-Policy", "no-referrer")
		_, _ = io.WriteString(w, `<!doctype html><html><head><meta name="referrer" content="No-Referrer"><meta http-equiv="Content-Security-Policy" content="style-src 'self'; form-action 'none'"></head><body>x`)
	})
	g := testGateway(t, Config{Sites: []Site{testConsent(t, Site{Upstream: up})}})
	res, body := testGet(t, g, "/", "Accept", "text/html")
	if strings.Contains(strings.ToLower(body), "no-referrer") || res.Header.Get("Referrer-Policy") != "same-origin" {
		t.Errorf("got %q %s", res.Header.Get("Referrer-Policy"), body)
	}
	if !strings.Contains(body, "sha256-") || !strings.Contains(body, "form-action &#39;self&#39;") && !strings.Contains(body, "form-action 'self'") {
		t.Errorf("the page's own policy shuts the banner out: %s", body)
	}
	res, body = testGet(t, g, "/", "Accept", "text/html", "Cookie", testDecide(t, g, "decline"))
	if !strings.Contains(body, `content="No-Referrer"`) || res.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("softened without need: %s", body)
	}
}

func TestCacheControlByState(t *testing.T) {
	up := testUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Cache-Control", r.URL.Query().Get("cc"))
		_, _ = io.WriteString(w, "<!doctype html><html><body>x")
	})
	g := testGateway(t, Config{Sites: []Site{testConsent(t, Site{Upstream: up})}})
	accepted, declined := testDecide(t, g, "accept"), testDecide(t, g, "decline")
	for _, tt := range []struct{ name, query, cookie, want string }{
		{"undecided", "", "", "private, no-store"},
		{"declined", "", declined, "private, no-cache"},
		{"accepted on plain http", "", accepted, "private, no-store"},
		{"the site says no-store", "?cc=no-store", declined, "private, no-store"},
		{"the site says public", "?cc=public,max-age=9999", declined, "private, no-cache"},
	} {
		if res, _ := testGet(t, g, "/"+tt.query, "Accept", "text/html", "Cookie", tt.cookie); res.Header.Get("Cache-Control") != tt.want {
			t.Errorf("%s: got %q", tt.name, res.Header.Get("Cache-Control"))
		}
	}
	// A page that the visitor has already costs no body, and no other state's does.
	res, _ := testGet(t, g, "/", "Accept", "text/html", "Cookie", declined)
	tag := res.Header.Get("Etag")
	if res, _ := testGet(t, g, "/", "Accept", "text/html", "Cookie", declined, "If-None-Match", tag); res.StatusCode != 304 {
		t.Errorf("got %d to its own tag", res.StatusCode)
	}
	if res, _ := testGet(t, g, "/", "Accept", "text/html", "If-None-Match", tag); res.StatusCode != 200 {
		t.Errorf("got %d to another state's tag", res.StatusCode)
	}
}
