package proxy

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/lychgate/lychgate/banner"
	"github.com/lychgate/lychgate/consent"
	"github.com/lychgate/lychgate/proxy/relay/relaytest"
)

// testScanSite writes a small site into a folder.
func testScanFolder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, body := range map[string]string{
		"index.html":        `<!doctype html><html><head><link rel=stylesheet href=/style.css></head><body><a href="about">About</a><script src="https://www.googletagmanager.com/gtag/js?id=G-1"></script>`,
		"about.html":        `<!doctype html><html><body><iframe src="https://www.youtube.com/embed/x"></iframe><script src=/pay.js></script>`,
		"not-linked.html":   `<!doctype html><html><body><script src="https://unknown.example/x.js"></script>`,
		".hidden/page.html": `<script src="https://hidden.example/x.js"></script>`,
		"style.css":         `body{background:url(https://pics.example/b.png)}`,
		"pay.js":            `load("https://js.stripe.com/v3")`,
	} {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(body), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func testScanGateway(t *testing.T, data string, s Site) *Gateway {
	t.Helper()
	b, err := banner.New(banner.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var g *Gateway
	s.Name, s.Banner = "default", b
	if s.Gate, err = consent.NewGate(consent.Config{Site: "default", Banner: b, Services: func() []consent.Service { return g.Services("default") }}); err != nil {
		t.Fatal(err)
	}
	p := relaytest.New(t, map[string]string{"/b.png": "image/png\n" + relaytest.PNG(t, 40, 30)})
	if g, err = New(Config{Sites: []Site{s}, Dir: data, Dial: p.Dial}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(g.stop)
	return g
}

func serviceNames(services []consent.Service) string {
	var names []string
	for _, s := range services {
		names = append(names, s.Name+" for "+s.Purpose)
	}
	return strings.Join(names, ", ")
}

func TestTheListIsWholeFromTheFirstPage(t *testing.T) {
	data := t.TempDir()
	g := testScanGateway(t, data, Site{Dir: testScanFolder(t)})
	g.Learn(t.Context())
	const want = "Google Analytics for measurement, YouTube for media, unknown.example for other"
	if got := serviceNames(g.sites().list[0].Gate.Services()); got != want {
		t.Errorf("in force: %s; want %s", got, want)
	}
	parties, _ := g.ThirdParties("default")
	var got []string
	for _, p := range parties {
		got = append(got, p.Verdict+" "+p.Host)
		if strings.Contains(p.Host, "hidden") {
			t.Error("a file that is never served is listed")
		}
	}
	for _, want := range []string{"relayed pics.example", "passed stripe.com"} {
		if !strings.Contains(strings.Join(got, ","), want) {
			t.Errorf("%q is not in %q", want, got)
		}
	}

	// After a start without a crawl the file has it all.
	again := testScanGateway(t, data, Site{Dir: t.TempDir()})
	if got := serviceNames(again.Services("default")); got != want {
		t.Errorf("after a start: %s; want %s", got, want)
	}
	kept, _ := again.ThirdParties("default")
	if len(kept) != len(parties) || kept[0].Since != parties[0].Since || kept[0].Pages != parties[0].Pages {
		t.Errorf("kept %v, want %v", kept, parties)
	}
}

func TestWhatIsFoundLaterIsHeldForEverybodyUntilAdmitted(t *testing.T) {
	g := testScanGateway(t, "", Site{Dir: testScanFolder(t)})
	g.Learn(t.Context())
	j := g.sites().list[0].thirdParties
	ask := func() bool {
		h := j.open("https", "a.example", "/new")
		defer h.close()
		h.granted = 0xFF
		return h.grants(nil, []byte("later.example"))
	}
	h := j.open("https", "a.example", "/new")
	h.URL(refTo("https://later.example/x.js"))
	h.close()
	if ask() {
		t.Error("a host that nobody was asked about is let through")
	}
	if err := g.Admit("default"); err != nil {
		t.Fatal(err)
	}
	if !ask() || !strings.Contains(serviceNames(g.sites().list[0].Gate.Services()), "later.example") {
		t.Error("an admitted host is not on the list")
	}
}

func TestScanOfAnUpstreamFollowsItsOwnLinks(t *testing.T) {
	folder := http.FileServer(http.Dir(testScanFolder(t)))
	var mu sync.Mutex
	asked := map[string]bool{}
	up := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked[r.URL.Path] = true
		mu.Unlock()
		if r.URL.Path == "/about" {
			r.URL.Path = "/about.html"
		}
		w.Header().Add("Set-Cookie", "_ga=1; Path=/")
		w.Header().Add("Set-Cookie", "visitor_0123456789=1")
		w.Header().Add("Set-Cookie", "PHPSESSID=1")
		folder.ServeHTTP(w, r)
	}))
	t.Cleanup(up.Close)
	u, err := url.Parse(up.URL)
	if err != nil {
		t.Fatal(err)
	}
	g := testScanGateway(t, "", Site{Upstream: u})
	reports := g.Scan(t.Context())
	if len(reports) != 1 || !reports[0].Complete || asked["/not-linked.html"] || !asked["/pay.js"] {
		t.Fatalf("reports %+v, asked %v", reports, asked)
	}
	var b bytes.Buffer
	if err := reports[0].WriteTable(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"youtube", "googletagmanager.com", "/about", "relayed", "_ga", "visitor_*"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("the table lacks %q:\n%s", want, b.String())
		}
	}
	if strings.Contains(b.String(), "PHPSESSID") {
		t.Error("an essential cookie is listed")
	}
	if names := serviceNames(g.Services("default")); !strings.Contains(names, "Other cookies of this site") {
		t.Errorf("visitors are not told of the undeclared cookie: %s", names)
	}
}

func TestAListThatCannotBeReadIsPutAside(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, partyFileName), []byte("[[site"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := (&partyFile{dir: dir}).read(); err == nil {
		t.Error("no error")
	}
	if _, err := os.Stat(filepath.Join(dir, partyFileName+".unreadable")); err != nil {
		t.Error(err)
	}
}

func TestCookieNamesLoseWhatMayBeAVisitorsNumber(t *testing.T) {
	for in, want := range map[string]string{
		"_ga_AB12CD34": "_ga_*", "session": "session", "u_1f3c9a77be": "u_*", "facade": "facade", "": "", "a1b2": "a1b2", "_ga_G12": "_ga_G12",
	} {
		if got := withoutNumbers(in); got != want {
			t.Errorf("%q becomes %q, want %q", in, got, want)
		}
	}
}

func TestWhatAlwaysPassesIsNamed(t *testing.T) {
	g := testScanGateway(t, "", Site{Dir: testScanFolder(t), Allow: []string{"unknown.example"}})
	g.Learn(t.Context())
	if got := serviceNames(g.Always("default")); got != "Stripe for , unknown.example for " {
		t.Errorf("always: %q", got)
	}
	if got := serviceNames(g.Services("default")); strings.Contains(got, "unknown") {
		t.Errorf("asked about as well: %q", got)
	}
	if g.Always("none") != nil || (*Gateway)(nil).Always("default") != nil {
		t.Error("a site that is not there has something")
	}
}
