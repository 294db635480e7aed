package proxy

import (
	"bytes"
	"context"
	"fmt"
	"image"
	"image/png"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lychgate/lychgate/consent"
	"github.com/lychgate/lychgate/proxy/rewrite"
)

// A thirdParty is a server of a third party that notes every request.
type thirdParty struct {
	*httptest.Server
	mu       sync.Mutex
	requests []*http.Request
}

// newThirdParty serves files by path; a value is type, newline, body.
func newThirdParty(t testing.TB, files map[string]string) *thirdParty {
	t.Helper()
	p := &thirdParty{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.requests = append(p.requests, r)
		p.mu.Unlock()
		switch r.URL.Path {
		case "/sets.png":
			w.Header().Set("Set-Cookie", "id=1")
		case "/nostore.png":
			w.Header().Set("Cache-Control", "private, No-Store")
		case "/hop.png":
			w.Header().Set("Set-Cookie", "id=1")
			http.Redirect(w, r, "/a.png", http.StatusFound)
			return
		case "/private.png":
			http.Redirect(w, r, "http://127.0.0.1:1/x.png", http.StatusFound)
			return
		}
		kind, body, ok := strings.Cut(files[r.URL.Path], "\n")
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(p.Close)
	return p
}

// dial connects to the third party whatever the address.
func (p *thirdParty) dial(ctx context.Context, network, _ string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, network, p.Listener.Addr().String())
}

func (p *thirdParty) seen() []*http.Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.requests
}

func testPNG(t testing.TB, w, h int) string {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, w, h))); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// testRelay is a relay whose every connection goes to p, and a judge with it.
func testRelay(t testing.TB, dir string, p *thirdParty) (*relay, *judge) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	keys := testRelayKeys
	r, err := newRelay(ctx, newSigner(relayPath, keys), dir, p.dial, testServices(t), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); r.settled(context.Background()) })
	j := testJudge(t, Site{})
	j.relay = r
	return r, j
}

var testRelayKeys = consent.NewKeys().DeriveAll("proxy/relay")

// testRelayed asks the judge for the path of a reference, "" when it is held.
func testRelayed(t testing.TB, j *judge, d rewrite.Dest, url string) string {
	t.Helper()
	h := j.open("https", "www.charity.org.uk", "/")
	defer h.close()
	v := h.URL(&rewrite.Ref{Dest: d, URL: []byte(url)})
	if v.Action != rewrite.Replace {
		return ""
	}
	return string(v.URL)
}

func testRelayGet(r *relay, path string, header ...string) *httptest.ResponseRecorder {
	req := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	return w
}

func TestRelayShowsWhatPagesShow(t *testing.T) {
	p := newThirdParty(t, map[string]string{
		"/a.png":         "image/png\n" + testPNG(t, 40, 30),
		"/a.svg":         "image/svg+xml\n<svg xmlns='http://www.w3.org/2000/svg'><path d='M0 0'/></svg>",
		"/bad.svg":       "image/svg+xml\n<svg xmlns='http://www.w3.org/2000/svg' onload='x()'/>",
		"/a.css":         "text/css\n@font-face{src:url(fonts/a.woff2)}body{background:url(http://pics.example/b.png)}",
		"/page.png":      "text/html\n<script>steal()</script>",
		"/lib.js":        "text/javascript\nvar x",
		"/fonts/a.woff2": "font/woff2\nwOF2",
	})
	r, j := testRelay(t, t.TempDir(), p)
	for _, tt := range []struct {
		name, url string
		dest      rewrite.Dest
		status    int
		kind      string
	}{
		{"a picture", "http://pics.example/a.png?x=1#f", rewrite.Image, 200, "image/png"},
		{"a drawing", "http://pics.example/a.svg", rewrite.Image, 200, "image/svg+xml"},
		{"a drawing with a script", "http://pics.example/bad.svg", rewrite.Image, 404, ""},
		{"a page in the place of a picture", "http://pics.example/page.png", rewrite.Image, 404, ""},
		{"a script in the place of a picture", "http://pics.example/lib.js", rewrite.Image, 404, ""},
		{"a script of a library", "http://cdnjs.cloudflare.com/lib.js", rewrite.Script, 200, "text/javascript; charset=utf-8"},
		{"what is not there", "http://pics.example/none.png", rewrite.Image, 404, ""},
		{"a redirect into the own network", "http://pics.example/private.png", rewrite.Image, 404, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := testRelayed(t, j, tt.dest, tt.url)
			if path == "" {
				t.Fatal("held")
			}
			path, _, _ = strings.Cut(path, "#")
			w := testRelayGet(r, path, "Cookie", "canary=1", "User-Agent", "canary", "Referer", "https://canary/")
			if w.Code != tt.status || (tt.status == 200 && w.Header().Get("Content-Type") != tt.kind) {
				t.Errorf("%d %s, want %d %s", w.Code, w.Header().Get("Content-Type"), tt.status, tt.kind)
			}
			if csp := w.Header().Get("Content-Security-Policy"); tt.status == 200 && !strings.Contains(csp, "sandbox") {
				t.Errorf("the file may run: %q", csp)
			}
		})
	}
	if path := testRelayed(t, j, rewrite.Script, "http://unknown.example/lib.js"); path != "" {
		t.Error("a script of an unknown host is relayed")
	}
	for _, req := range p.seen() {
		for name, values := range req.Header {
			if strings.Contains(strings.Join(values, " "), "canary") || name == "Cookie" || name == "Referer" {
				t.Errorf("the third party was told %s: %q", name, values)
			}
		}
	}
}

func TestRelayedStyleSheetsAreRelayedWithWhatTheyLoad(t *testing.T) {
	p := newThirdParty(t, map[string]string{
		"/css/a.css":     "text/css\n@font-face{src:url(../fonts/a.woff2)}body{background:url(http://pics.example/b.png)}i{background:url(https://www.facebook.com/tr?id=1)}",
		"/fonts/a.woff2": "font/woff2\nwOF2",
		"/b.png":         "image/png\n" + testPNG(t, 40, 30),
	})
	r, j := testRelay(t, t.TempDir(), p)
	path := testRelayed(t, j, rewrite.Style, "http://pics.example/css/a.css")
	css := testRelayGet(r, path).Body.String()
	if strings.Contains(css, "pics.example") || strings.Contains(css, "facebook") || strings.Count(css, relayPath) != 2 {
		t.Fatalf("the sheet is sent as %s", css)
	}
	loads := strings.Split(css, "url(")[1:]
	if len(loads) != 3 { // the pixel is empty
		t.Fatalf("%d addresses in %s", len(loads), css)
	}
	for _, part := range loads[:2] {
		part, _, _ = strings.Cut(strings.Trim(part, `"'`), ")")
		part = strings.Trim(part, `"'`)
		if w := testRelayGet(r, part); w.Code != 200 {
			t.Errorf("what the sheet loads answers %d", w.Code)
		}
	}
}

func TestBeaconsInTheShapeOfPicturesAreHeld(t *testing.T) {
	p := newThirdParty(t, map[string]string{
		"/tiny.png":    "image/png\n" + testPNG(t, 1, 1),
		"/a.png":       "image/png\n" + testPNG(t, 40, 30),
		"/sets.png":    "image/png\n" + testPNG(t, 40, 30),
		"/nostore.png": "image/png\n" + testPNG(t, 40, 30),
	})
	dir := t.TempDir()
	r, j := testRelay(t, dir, p)
	for _, path := range []string{"/tiny.png", "/sets.png", "/nostore.png", "/hop.png"} {
		url := "http://pics.example" + path
		// The first page was sent before anybody could know; it shows nothing.
		if first := testRelayed(t, j, rewrite.Image, url); first != "" {
			if w := testRelayGet(r, first); w.Code != 404 {
				t.Errorf("%s is sent", path)
			}
		}
		r.settled(t.Context())
		if again := testRelayed(t, j, rewrite.Image, url); again != "" {
			t.Errorf("%s is not held", path)
		}
	}
	// It is still known after a start, without asking anybody.
	before := len(p.seen())
	r2, j2 := testRelay(t, dir, p)
	testRelayed(t, j2, rewrite.Image, "http://pics.example/tiny.png")
	r2.settled(t.Context())
	if testRelayed(t, j2, rewrite.Image, "http://pics.example/tiny.png") != "" || len(p.seen()) != before {
		t.Errorf("a beacon is forgotten at the start: %d requests", len(p.seen())-before)
	}
}

func TestRelayAsksOnceWhateverVisitorsAsk(t *testing.T) {
	p := newThirdParty(t, map[string]string{"/a.png": "image/png\n" + testPNG(t, 40, 30)})
	dir := t.TempDir()
	r, j := testRelay(t, dir, p)
	path := testRelayed(t, j, rewrite.Image, "http://pics.example/a.png")
	for range 20 {
		testRelayed(t, j, rewrite.Image, "http://pics.example/a.png")
		if w := testRelayGet(r, path); w.Code != 200 {
			t.Fatal(w.Code)
		}
	}
	if n := len(p.seen()); n != 1 {
		t.Errorf("%d requests to the third party, want 1", n)
	}
	// After a start the disk answers, even before any page was seen.
	r2, _ := testRelay(t, dir, p)
	if w := testRelayGet(r2, path); w.Code != 200 || len(p.seen()) != 1 {
		t.Errorf("after a start: %d, %d requests", w.Code, len(p.seen()))
	}
	// When its time has come it is asked for again.
	r.now = func() time.Time { return time.Now().Add(25 * time.Hour) }
	r.refresh()
	r.settled(t.Context())
	if n := len(p.seen()); n != 2 {
		t.Errorf("%d requests after a day, want 2", n)
	}
}

func TestRelayAnswersOnlyForWhatItSigned(t *testing.T) {
	p := newThirdParty(t, map[string]string{"/a.png": "image/png\n" + testPNG(t, 40, 30)})
	r, j := testRelay(t, "", p)
	path := testRelayed(t, j, rewrite.Image, "http://pics.example/a.png")
	r.settled(t.Context())
	forged := newSigner(relayPath, consent.NewKeys().DeriveAll("proxy/relay")).appendPath(nil, []byte("ihttp://pics.example/secret.png"))
	for _, bad := range []string{path[:len(path)-2] + "AA", string(forged), relayPath, relayPath + "x/y", relayPath + "/"} {
		if w := testRelayGet(r, bad); w.Code != 404 {
			t.Errorf("%s: %d", bad, w.Code)
		}
	}
	if n := len(p.seen()); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

func TestRelayRefusesAddressesOfTheOwnNetwork(t *testing.T) {
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
	p := newThirdParty(t, map[string]string{"/a.png": "image/png\n" + testPNG(t, 40, 30)})
	r, err := newRelay(t.Context(), newSigner(relayPath, testRelayKeys), "", nil, testServices(t), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	f := r.want([]byte("i"+p.URL+"/a.png"), 0)
	r.settled(t.Context())
	if f.state.Load() != relayFailed || len(p.seen()) != 0 {
		t.Errorf("state %d, %d requests reached the own network", f.state.Load(), len(p.seen()))
	}
}

func TestRelayCacheKeepsWithinItsLimit(t *testing.T) {
	dir := t.TempDir()
	c := openRelayCache(dir, slog.New(slog.DiscardHandler))
	body := bytes.Repeat([]byte("x"), 1000)
	for _, key := range []string{"ia", "ib", "ic", "id"} {
		if err := c.put(&relayMeta{Key: key, Type: "image/png"}, body); err != nil {
			t.Fatal(err)
		}
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(c.name("ia"), old, old); err != nil {
		t.Fatal(err)
	}
	c.shrink(3500)
	if _, _, err := c.open("ia"); err == nil {
		t.Error("the oldest file is still there")
	}
	if _, b, err := c.open("ib"); err != nil {
		t.Error(err)
	} else {
		b.Close()
	}
	if c.bytes > 3500 {
		t.Errorf("%d bytes", c.bytes)
	}
}

func FuzzSVG(f *testing.F) {
	for _, s := range []string{"<svg onload=x>", "<svg><script/></svg>", "<!DOCTYPE x [<!ENTITY a 'b'>]><svg/>", "<svg><a href='javascript:x'/></svg>", "<svg><use href='#a'/></svg>", "<?xml-stylesheet href='x'?><svg/>"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if checkSVG(data) == nil && bytes.Contains(bytes.ToLower(data), []byte("<script")) && !bytes.ContainsAny(data, "!?") {
			t.Errorf("a script is let through: %q", data)
		}
		tiny(data)
	})
}

// What its third party refuses to a gateway is held, so that a yes brings it;
// what is not there, or cannot be reached for now, is nothing to ask about.
func TestWhatIsRefusedToAGatewayIsHeld(t *testing.T) {
	refusing := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
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
	}))
	t.Cleanup(refusing.Close)
	p := &thirdParty{Server: refusing}
	r, _ := testRelay(t, t.TempDir(), p)
	for path, want := range map[string]uint32{
		"/forbidden.png": relayRefused, "/page.png": relayRefused, "/gone.png": relayFailed, "/broken.png": relayFailed,
	} {
		f := r.want([]byte("ihttp://pics.example"+path), 0)
		<-f.ready
		if got := f.state.Load(); got != want {
			t.Errorf("%s: state %d, want %d", path, got, want)
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
	flaky := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.Header().Set("Content-Type", "image/png")
		if down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_, _ = w.Write([]byte(testPNG(t, 40, 30)))
	}))
	t.Cleanup(flaky.Close)
	r, j := testRelay(t, t.TempDir(), &thirdParty{Server: flaky})
	begun := time.Now()
	later := func(passed time.Duration) {
		r.now = func() time.Time { return begun.Add(passed) }
		r.refresh()
		r.settled(t.Context())
	}
	down.Store(true)
	path := testRelayed(t, j, rewrite.Image, "http://pics.example/a.png")
	r.settled(t.Context())
	for minute := range 240 {
		later(time.Duration(minute) * time.Minute)
	}
	if want := 1 + 6 + 3; asked < want-1 || asked > want+1 { // after 1, 2, 4, 8, 16, 32 minutes, then each hour
		t.Errorf("asked %d times in four hours, want about %d", asked, want)
	}
	down.Store(false)
	later(6 * time.Hour)
	if w := testRelayGet(r, path); w.Code != http.StatusOK {
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
	if w := testRelayGet(r, path); w.Code != http.StatusOK {
		t.Errorf("the older file is not sent: %d", w.Code)
	}
}

// What the cache had no room for is fetched anew once a day,
// and whole: the third party would call it unchanged.
func TestAFileThatFellOutOfTheCacheComesBack(t *testing.T) {
	unchanged := 0
	site := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Etag", `"1"`)
		w.Header().Set("Cache-Control", "max-age=864000")
		if r.Header.Get("If-None-Match") != "" {
			unchanged++
			w.WriteHeader(http.StatusNotModified)
			return
		}
		w.Header().Set("Content-Type", "image/png")
		_, _ = w.Write([]byte(testPNG(t, 40, 30)))
	}))
	t.Cleanup(site.Close)
	r, j := testRelay(t, t.TempDir(), &thirdParty{Server: site})
	path := testRelayed(t, j, rewrite.Image, "http://pics.example/a.png")
	r.settled(t.Context())
	pass := func() {
		r.refetchMissing()
		r.refresh()
		r.settled(t.Context())
	}
	pass()
	if unchanged != 0 {
		t.Error("a file that is there was asked for again")
	}
	r.cache.shrink(0)
	if w := testRelayGet(r, path); w.Code != http.StatusNotFound {
		t.Errorf("after shrinking: %d", w.Code)
	}
	pass()
	if w := testRelayGet(r, path); w.Code != http.StatusOK || unchanged != 0 {
		t.Errorf("after the daily pass: %d, %d answers without a body", w.Code, unchanged)
	}
}

func BenchmarkRelayRefresh(b *testing.B) {
	r, _ := testRelay(b, b.TempDir(), newThirdParty(b, nil))
	later := time.Now().Add(time.Hour)
	for i := range maxRelayFiles {
		f := &relayFile{key: fmt.Sprintf("ihttps://pics.example/%d.png", i)}
		if i%100 == 0 {
			f.key = fmt.Sprintf("shttps://pics.example/%d.css", i)
			f.meta.Children = []string{fmt.Sprintf("ihttps://pics.example/%d.png", i+1), fmt.Sprintf("ihttps://pics.example/%d.png", i+2)}
		}
		f.meta.Expires = later
		f.state.Store(relayReady)
		f.seen.Store(time.Now().Unix())
		r.files[f.key] = f
	}
	for b.Loop() {
		r.refresh()
	}
}
