package relay

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lychgate/lychgate/internal/signedpath"
	"github.com/lychgate/lychgate/proxy/relay/relaytest"
)

var testPaths = signedpath.New("/relay/", [][]byte{[]byte("a key of this test")})

// testRelay is a relay whose every connection goes to p. Its style sheets load
// nothing.
func testRelay(t testing.TB, dir string, p *relaytest.ThirdParty) *Relay {
	t.Helper()
	return testRelayOf(t, Config{Dir: dir, Dial: p.Dial, Sheet: func(_ string, css []byte, _ int) ([]byte, []string) { return css, nil }})
}

func testRelayOf(t testing.TB, c Config) *Relay {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	c.Paths, c.Log = testPaths, slog.New(slog.DiscardHandler)
	r := New(ctx, c)
	t.Cleanup(func() { cancel(); r.Settled(context.Background()) })
	return r
}

// want wants a file of http://pics.example and returns its path.
func want(t testing.TB, r *Relay, kind byte, path string) string {
	t.Helper()
	f := r.Want([]byte(string(kind)+"http://pics.example"+path), 0)
	if f == nil {
		t.Fatal("there are too many files")
	}
	return string(f.Path())
}

func TestOnlyWhatAKindMayBeIsSent(t *testing.T) {
	p := relaytest.New(t, map[string]string{
		"/a.png":         "image/png\n" + relaytest.PNG(t, 40, 30),
		"/a.svg":         "image/svg+xml\n<svg xmlns='http://www.w3.org/2000/svg'><path d='M0 0'/></svg>",
		"/bad.svg":       "image/svg+xml\n<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>",
		"/a.css":         "text/css;charset=latin1\nb{}",
		"/page.png":      "text/html\n<script>steal()</script>",
		"/lib.js":        "text/javascript\nvar x",
		"/fonts/a.woff2": "font/woff2\nwOF2",
	})
	r := testRelay(t, t.TempDir(), p)
	for _, tt := range []struct {
		name   string
		kind   byte
		path   string
		status int
		want   string
	}{
		{"a picture", kindImage, "/a.png?x=1", 200, "image/png"},
		{"a drawing", kindImage, "/a.svg", 200, "image/svg+xml"},
		{"a style sheet", kindSheet, "/a.css", 200, "text/css; charset=latin1"},
		{"a font", kindFont, "/fonts/a.woff2", 200, "font/woff2"},
		{"a script", kindScript, "/lib.js", 200, "text/javascript; charset=utf-8"},
		{"a drawing with a script", kindImage, "/bad.svg", 404, ""},
		{"a page in the place of a picture", kindImage, "/page.png", 404, ""},
		{"a page in the place of a film", kindMedia, "/page.png", 404, ""},
		{"a script in the place of a picture", kindImage, "/lib.js", 404, ""},
		{"a picture in the place of a script", kindScript, "/a.png", 404, ""},
		{"what is not there", kindImage, "/none.png", 404, ""},
		{"a redirect into the own network", kindImage, "/private.png", 404, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := relaytest.Get(r, want(t, r, tt.kind, tt.path), "Cookie", "canary=1", "User-Agent", "canary", "Referer", "https://canary/")
			if w.Code != tt.status || (tt.status == 200 && w.Header().Get("Content-Type") != tt.want) {
				t.Errorf("%d %s, want %d %s", w.Code, w.Header().Get("Content-Type"), tt.status, tt.want)
			}
			if csp := w.Header().Get("Content-Security-Policy"); tt.status == 200 && !strings.Contains(csp, "sandbox") {
				t.Errorf("the file may run: %q", csp)
			}
			if tt.status == 404 && w.Header().Get("Cache-Control") != "no-store" {
				t.Error("that it is missing is kept")
			}
		})
	}
	for _, req := range p.Seen() {
		for name, values := range req.Header {
			if strings.Contains(strings.Join(values, " "), "canary") || name == "Cookie" || name == "Referer" {
				t.Errorf("the third party was told %s: %q", name, values)
			}
		}
	}
}

func TestWhatASheetLoadsIsFetchedBeforeAnybodyAsks(t *testing.T) {
	p := relaytest.New(t, map[string]string{
		"/css/a.css": "text/css\nimport b",
		"/css/b.css": "text/css\nimport b",
	})
	var depths []int
	r := testRelayOf(t, Config{Dial: p.Dial, Sheet: func(url string, _ []byte, depth int) ([]byte, []string) {
		depths = append(depths, depth) // one sheet is fetched after the other
		next := fmt.Sprintf("shttp://pics.example/css/b.css?%d", depth)
		return []byte("rewritten from " + url), []string{next}
	}})
	path := want(t, r, kindSheet, "/css/a.css")
	r.Settled(t.Context())
	if !slices.Equal(depths, []int{1, 2, 3, 4, 5}) {
		t.Errorf("sheets were rewritten at depths %v, want 1 to 5", depths)
	}
	if n := len(p.Seen()); n != 1+maxDepth {
		t.Errorf("%d requests, want %d", n, 1+maxDepth)
	}
	if got := relaytest.Get(r, path).Body.String(); got != "rewritten from http://pics.example/css/a.css" {
		t.Errorf("sent %q", got)
	}
}

func TestTheThirdPartyIsAskedOnceWhateverVisitorsAsk(t *testing.T) {
	p := relaytest.New(t, map[string]string{"/a.png": "image/png\n" + relaytest.PNG(t, 40, 30)})
	dir := t.TempDir()
	r := testRelay(t, dir, p)
	path := want(t, r, kindImage, "/a.png")
	for range 20 {
		want(t, r, kindImage, "/a.png")
		if w := relaytest.Get(r, path); w.Code != 200 {
			t.Fatal(w.Code)
		}
	}
	if n := len(p.Seen()); n != 1 {
		t.Errorf("%d requests to the third party, want 1", n)
	}
	// After a start the disk answers, even before any page was seen.
	r2 := testRelay(t, dir, p)
	if w := relaytest.Get(r2, path); w.Code != 200 || len(p.Seen()) != 1 {
		t.Errorf("after a start: %d, %d requests", w.Code, len(p.Seen()))
	}
	// When its time has come it is asked for again.
	r.now = func() time.Time { return time.Now().Add(25 * time.Hour) }
	r.refresh()
	r.Settled(t.Context())
	if n := len(p.Seen()); n != 2 {
		t.Errorf("%d requests after a day, want 2", n)
	}
}

func TestOnlyWhatWasSignedIsAnsweredFor(t *testing.T) {
	p := relaytest.New(t, map[string]string{"/a.png": "image/png\n" + relaytest.PNG(t, 40, 30)})
	r := testRelay(t, "", p)
	path := want(t, r, kindImage, "/a.png")
	r.Settled(t.Context())
	forged := signedpath.New("/relay/", [][]byte{[]byte("another key")}).Append(nil, []byte("ihttp://pics.example/secret.png"))
	for _, bad := range []string{path[:len(path)-2] + "AA", string(forged), "/relay/", "/relay/x/y", "/relay//"} {
		if w := relaytest.Get(r, bad); w.Code != 404 {
			t.Errorf("%s: %d", bad, w.Code)
		}
	}
	if n := len(p.Seen()); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

func TestAddressesOfTheOwnNetworkAreRefused(t *testing.T) {
	for _, a := range []string{"127.0.0.1", "10.1.2.3", "169.254.169.254", "192.168.1.1", "100.64.0.1", "0.0.0.0", "::1", "fe80::1", "fd00::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "224.0.0.1", "255.255.255.255"} {
		if isPublic(netip.MustParseAddr(a)) {
			t.Errorf("%s counts as public", a)
		}
	}
	for _, a := range []string{"1.1.1.1", "93.184.216.34", "2606:4700::1111"} {
		if !isPublic(netip.MustParseAddr(a)) {
			t.Errorf("%s does not count as public", a)
		}
	}
	p := relaytest.New(t, map[string]string{"/a.png": "image/png\n" + relaytest.PNG(t, 40, 30)})
	r := testRelayOf(t, Config{})
	f := r.Want([]byte("i"+p.URL+"/a.png"), 0)
	r.Settled(t.Context())
	if f.state.Load() != failed || len(p.Seen()) != 0 {
		t.Errorf("state %d, %d requests reached the own network", f.state.Load(), len(p.Seen()))
	}
}

// What its third party refuses to a gateway is held, so that a yes brings it;
// what is not there, or cannot be reached for now, is nothing to ask about.
func TestWhatIsRefusedToAGatewayIsHeld(t *testing.T) {
	p := relaytest.Answering(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "image/png")
		switch r.URL.Path {
		case "/forbidden.png":
			w.WriteHeader(http.StatusForbidden)
		case "/gone.png":
			w.WriteHeader(http.StatusNotFound)
		case "/broken.png":
			w.WriteHeader(http.StatusBadGateway)
		case "/page.png":
			w.Header().Set("Content-Type", "text/html")
		}
	})
	r := testRelay(t, t.TempDir(), p)
	for path, due := range map[string]uint32{
		"/forbidden.png": refused, "/page.png": refused, "/gone.png": failed, "/broken.png": failed,
	} {
		f := r.Want([]byte("ihttp://pics.example"+path), 0)
		<-f.fetched
		if got := f.state.Load(); got != due {
			t.Errorf("%s: state %d, want %d", path, got, due)
		}
	}
	if got := r.turned.Load(); got != 2 {
		t.Errorf("%d turned out to be held, want 2", got)
	}
}

// A third party that is out of reach for a moment, as when a machine starts before
// its network, is asked again in a minute and then ever less often.
func TestWhatCouldNotBeFetchedIsTriedAgainSoon(t *testing.T) {
	var down atomic.Bool
	asked := 0
	p := relaytest.Answering(t, func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.Header().Set("Content-Type", "image/png")
		if down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = w.Write([]byte(relaytest.PNG(t, 40, 30)))
	})
	r := testRelay(t, t.TempDir(), p)
	begun := time.Now()
	later := func(passed time.Duration) {
		r.now = func() time.Time { return begun.Add(passed) }
		r.refresh()
		r.Settled(t.Context())
	}
	down.Store(true)
	path := want(t, r, kindImage, "/a.png")
	r.Settled(t.Context())
	for minute := range 240 {
		later(time.Duration(minute) * time.Minute)
	}
	if due := 1 + 6 + 3; asked < due-1 || asked > due+1 { // after 1, 2, 4, 8, 16, 32 minutes, then each hour
		t.Errorf("asked %d times in four hours, want about %d", asked, due)
	}
	down.Store(false)
	later(6 * time.Hour)
	if w := relaytest.Get(r, path); w.Code != http.StatusOK {
		t.Errorf("when it is there again: %d", w.Code)
	}
	// Once it was there, a new trouble begins with a minute again.
	down.Store(true)
	later(48 * time.Hour)
	before := asked
	later(48*time.Hour + 2*time.Minute)
	if asked != before+1 {
		t.Errorf("asked %d times two minutes after a new trouble, want once", asked-before)
	}
	if w := relaytest.Get(r, path); w.Code != http.StatusOK {
		t.Errorf("the older file is not sent: %d", w.Code)
	}
}

// What the cache had no room for is fetched anew once a day,
// and whole: the third party would call it unchanged.
func TestAFileThatFellOutOfTheCacheComesBack(t *testing.T) {
	unchanged := 0
	p := relaytest.Answering(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", `"1"`)
		w.Header().Set("Cache-Control", "max-age=864000")
		if r.Header.Get("If-None-Match") != "" {
			unchanged++
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("Content-Type", "image/png")
		_, _ = w.Write([]byte(relaytest.PNG(t, 40, 30)))
	})
	r := testRelay(t, t.TempDir(), p)
	path := want(t, r, kindImage, "/a.png")
	r.Settled(t.Context())
	pass := func() {
		r.refetchMissing()
		r.refresh()
		r.Settled(t.Context())
	}
	pass()
	if unchanged != 0 {
		t.Error("a file that is there was asked for again")
	}
	r.cache.shrink(0)
	if w := relaytest.Get(r, path); w.Code != http.StatusNotFound {
		t.Errorf("after shrinking: %d", w.Code)
	}
	pass()
	if w := relaytest.Get(r, path); w.Code != http.StatusOK || unchanged != 0 {
		t.Errorf("after the daily pass: %d, %d answers without a body", w.Code, unchanged)
	}
}

func BenchmarkRefresh(b *testing.B) {
	r := testRelay(b, b.TempDir(), relaytest.New(b, nil))
	later := time.Now().Add(time.Hour)
	for i := range maxFiles {
		f := &File{key: fmt.Sprintf("ihttps://pics.example/%d.png", i)}
		if i%100 == 0 {
			f.key = fmt.Sprintf("shttps://pics.example/%d.css", i)
			f.meta.Children = []string{fmt.Sprintf("ihttps://pics.example/%d.png", i+1), fmt.Sprintf("ihttps://pics.example/%d.png", i+2)}
		}
		f.meta.Expires = later
		f.state.Store(ready)
		f.seen.Store(time.Now().Unix())
		r.files[f.key] = f
	}
	for b.Loop() {
		r.refresh()
	}
}
