package proxy

import (
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lychgate/lychgate/banner"
	"github.com/lychgate/lychgate/consent"
)

// testConsent gives a site a gate at which visitors can really decide.
func testConsent(t testing.TB, s Site, services ...consent.Service) Site {
	t.Helper()
	dir := t.TempDir()
	keys, err := consent.OpenKeys(filepath.Join(dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	ledger := consent.OpenLedger(consent.LedgerConfig{Dir: dir, Keys: keys})
	t.Cleanup(func() {
		if err := ledger.Close(); err != nil {
			t.Error(err)
		}
	})
	if s.Name == "" {
		s.Name = "default"
	}
	if s.Banner, err = banner.New(banner.Config{SiteName: "Test"}); err != nil {
		t.Fatal(err)
	}
	s.Gate, err = consent.NewGate(consent.Config{
		Site: s.Name, Banner: s.Banner, Statistics: true, Keys: keys, Ledger: ledger,
		Services: func() []consent.Service { return services },
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// testDecide presses a button of the banner and returns the Cookie header the
// browser sends from then on.
func testDecide(t testing.TB, g *testGate, decision string) string {
	t.Helper()
	_, page := testGet(t, g, "/", "Accept", "text/html")
	form := url.Values{"decision": {decision}, "return_to": {"/"}}
	if m := regexp.MustCompile(`name="?policy"? value="?([^" >]+)`).FindStringSubmatch(page); m != nil {
		form.Set("policy", m[1])
	}
	res, body := testDo(t, g, http.MethodPost, "/_lychgate/consent", strings.NewReader(form.Encode()),
		"Content-Type", "application/x-www-form-urlencoded", "Origin", g.URL, "Accept", "text/html")
	if res.StatusCode != http.StatusSeeOther {
		t.Fatalf("%s: got %d %s", decision, res.StatusCode, body)
	}
	var cookies []string
	for _, c := range res.Cookies() {
		if c.MaxAge >= 0 && c.Value != "" && c.Path == "/" {
			cookies = append(cookies, c.Name+"="+c.Value)
		}
	}
	return strings.Join(cookies, "; ")
}

var youtube = consent.Service{Name: "YouTube", Purpose: "media", Hosts: []string{"youtube.com", "youtube-nocookie.com"}}

const embedPage = `<!doctype html><html lang="en"><head><title>x</title></head><body>` +
	`<iframe src="https://www.youtube.com/embed/x"></iframe><script src="https://js.stripe.com/v3/"></script></body></html>`

func TestBelts(t *testing.T) {
	up := testUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/own-policy" {
			w.Header().Set("Content-Security-Policy", "default-src 'self'")
			w.Header().Set("Connection-Allowlist", "(response-origin)")
		}
		switch r.URL.Path {
		case "/worker.js":
			w.Header().Set("Content-Type", "text/javascript")
			w.Header().Set("Cache-Control", "max-age=9999")
			w.Header().Set("Etag", `"w"`)
		case "/gone":
			w.WriteHeader(http.StatusNotFound)
		case "/moved":
			w.Header().Set("Location", "/")
			w.WriteHeader(http.StatusFound)
		default:
			w.Header().Set("Content-Type", "text/html")
			_, _ = io.WriteString(w, embedPage)
		}
	})
	g := testGateway(t, Config{Sites: []Site{testConsent(t, Site{Upstream: up}, youtube)}})
	accepted, declined := testDecide(t, g, "accept"), testDecide(t, g, "decline")
	for _, path := range []string{"/", "/worker.js", "/gone", "/moved", "/own-policy"} {
		for name, cookie := range map[string]string{"undecided": "", "declined": declined, "accepted": accepted} {
			res, _ := testGet(t, g, path, "Cookie", cookie, "Host", "www.oak.example", "Sec-Fetch-Dest", map[bool]string{true: "worker", false: "document"}[path == "/worker.js"], "Sec-Fetch-Mode", "navigate")
			policies := res.Header.Values("Content-Security-Policy")
			belt := ""
			if len(policies) > 0 {
				belt = policies[len(policies)-1]
			}
			on := strings.HasPrefix(belt, "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob: ") && res.Header.Get("X-Dns-Prefetch-Control") == "off" &&
				strings.Contains(res.Header.Get("Connection-Allowlist"), "redirects=allow")
			if on == (name == "accepted") {
				t.Errorf("%s %s: belt %v: %v", path, name, on, res.Header)
			}
			if on && !strings.Contains(belt, " oak.example:* *.oak.example:* ws://oak.example:* ws://*.oak.example:*") {
				t.Errorf("%s %s: %s", path, name, belt)
			}
			if on && !strings.Contains(belt, " stripe.com:*") && !strings.Contains(belt, "js.stripe.com:*") {
				t.Errorf("%s %s: payment is shut out: %s", path, name, belt)
			}
			if strings.Contains(belt, "youtube") {
				t.Errorf("%s %s: what is held is let in: %s", path, name, belt)
			}
			if path == "/own-policy" && (policies[0][:18] != "default-src 'self'" || (name == "accepted") != (res.Header.Get("Connection-Allowlist") == "(response-origin)")) {
				t.Errorf("%s: the site's own policies changed: %v", name, res.Header)
			}
			if path == "/worker.js" && (res.Header.Get("Etag") != "" || res.Header.Get("Cache-Control") != "private, no-cache") {
				t.Errorf("a worker's script would be kept with its belt, or without: %v", res.Header)
			}
		}
	}
}

func TestGuardGoesWhereSomethingIsHeld(t *testing.T) {
	up := testUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		if r.URL.Path == "/plain" {
			_, _ = io.WriteString(w, "<!doctype html><html><head><title>x</title></head><body>x</body></html>")
			return
		}
		_, _ = io.WriteString(w, embedPage)
	})
	g := testGateway(t, Config{Sites: []Site{testConsent(t, Site{Upstream: up}, youtube)}})
	g.g.sites().any.thirdParties.inventory.learn(true) // what is found now is what visitors are asked about
	accepted := testDecide(t, g, "accept")
	_, page := testGet(t, g, "/")
	m := regexp.MustCompile(`<head><script src="(/_lychgate/assets/guard-[0-9a-f]{12}\.js)" data-allow="([^"]*)" data-granted="([^"]*)"></script>`).FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("no guard first in the head: %s", page)
	}
	if hosts := strings.Fields(m[2]); !slices.Contains(hosts, "=127.0.0.1") || slices.Contains(hosts, "youtube.com") || m[3] != "" {
		t.Errorf("allowed: %q, granted %q", m[2], m[3])
	}
	if _, plain := testGet(t, g, "/plain"); strings.Contains(plain, "guard-") {
		t.Error("a guard where nothing is held")
	}
	if _, page := testGet(t, g, "/", "Cookie", accepted); strings.Contains(page, "guard-") || !strings.Contains(page, `src="https://www.youtube.com/embed/x"`) {
		t.Errorf("after accepting: %s", page)
	}
	for _, coding := range []string{"gzip", "br"} {
		res, body := testGet(t, g, m[1], "Accept-Encoding", coding)
		if res.StatusCode != 200 || !strings.Contains(res.Header.Get("Cache-Control"), "immutable") || !strings.HasPrefix(testDecode(t, coding, body), "(function guard(names)") {
			t.Errorf("the guard itself in %s: got %d %v", coding, res.StatusCode, res.Header)
		}
		if limit := 3 << 10; len(body) > limit {
			t.Errorf("the guard is %d bytes on the wire in %s, want at most %d", len(body), coding, limit)
		}
	}
	if res, _ := testGet(t, g, "/_lychgate/assets/guard-000000000000.js"); res.StatusCode != 404 {
		t.Errorf("another version: got %d", res.StatusCode)
	}
}

// heldFor is a third party held for a purpose.
func heldFor(purpose string) consent.Service {
	return consent.Service{Name: "Some", Purpose: purpose, Hosts: []string{"some.example"}}
}

func TestATrackerUnderTheSitesOwnNameIsShutOut(t *testing.T) {
	up := testUpstream(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, `<!doctype html><html><head><title>x</title></head><body><img src="https://metrics.oak.example/t.gif"><img src="https://img.oak.example/a.png"></body></html>`)
	})
	g := testGateway(t, Config{Sites: []Site{testConsent(t, Site{Upstream: up, Hold: []string{"metrics.oak.example"}, Allow: []string{"img.oak.example"}})}})
	res, page := testGet(t, g, "/", "Host", "www.oak.example")
	belt := res.Header.Get("Content-Security-Policy")
	for _, want := range []string{" www.oak.example:*", " oak.example:*", " img.oak.example:*"} {
		if !strings.Contains(belt, want) {
			t.Errorf("%q is shut out: %s", want, belt)
		}
	}
	if strings.Contains(belt, "*.oak.example") || strings.Contains(belt, "metrics") || strings.Contains(page, `src="https://metrics`) {
		t.Errorf("it is let in: %s\n%s", belt, page)
	}
}
