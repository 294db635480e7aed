package proxy

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/lychgate/lychgate/internal/signedpath"
	"github.com/lychgate/lychgate/proxy/relay"
	"github.com/lychgate/lychgate/proxy/relay/relaytest"
	"github.com/lychgate/lychgate/proxy/rewrite"
)

// testRelay is a relay whose every connection goes to p, and a judge with it.
func testRelay(t testing.TB, dir string, p *relaytest.ThirdParty) (*relay.Relay, *judge) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	paths := signedpath.New(relayPath, [][]byte{[]byte("a key of this test")})
	r, err := openRelay(ctx, relay.Config{Paths: paths, Dir: dir, Dial: p.Dial, Log: slog.New(slog.DiscardHandler)}, testServices(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); r.Settled(context.Background()) })
	j := testJudge(t, Site{})
	j.relay = r
	return r, j
}

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

func TestScriptsOfLibrariesAloneAreRelayed(t *testing.T) {
	p := relaytest.New(t, map[string]string{"/lib.js": "text/javascript\nvar x"})
	r, j := testRelay(t, "", p)
	path := testRelayed(t, j, rewrite.Script, "http://cdnjs.cloudflare.com/lib.js#part")
	path, _, found := strings.Cut(path, "#part")
	if w := relaytest.Get(r, path); !found || w.Code != http.StatusOK || w.Body.String() != "var x" {
		t.Errorf("the library: %q, %d %s", path, w.Code, w.Body)
	}
	if path := testRelayed(t, j, rewrite.Script, "http://unknown.example/lib.js"); path != "" {
		t.Error("a script of an unknown host is relayed")
	}
}

func TestRelayedStyleSheetsAreRelayedWithWhatTheyLoad(t *testing.T) {
	p := relaytest.New(t, map[string]string{
		"/css/a.css":     "text/css\n@font-face{src:url(../fonts/a.woff2)}body{background:url(http://pics.example/b.png)}i{background:url(https://www.facebook.com/tr?id=1)}",
		"/fonts/a.woff2": "font/woff2\nwOF2",
		"/b.png":         "image/png\n" + relaytest.PNG(t, 40, 30),
	})
	r, j := testRelay(t, t.TempDir(), p)
	path := testRelayed(t, j, rewrite.Style, "http://pics.example/css/a.css")
	css := relaytest.Get(r, path).Body.String()
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
		if w := relaytest.Get(r, part); w.Code != 200 {
			t.Errorf("what the sheet loads answers %d", w.Code)
		}
	}
}

func TestBeaconsInTheShapeOfPicturesAreHeld(t *testing.T) {
	p := relaytest.New(t, map[string]string{
		"/tiny.png":    "image/png\n" + relaytest.PNG(t, 1, 1),
		"/a.png":       "image/png\n" + relaytest.PNG(t, 40, 30),
		"/sets.png":    "image/png\n" + relaytest.PNG(t, 40, 30),
		"/nostore.png": "image/png\n" + relaytest.PNG(t, 40, 30),
	})
	dir := t.TempDir()
	r, j := testRelay(t, dir, p)
	for _, path := range []string{"/tiny.png", "/sets.png", "/nostore.png", "/hop.png"} {
		url := "http://pics.example" + path
		// The first page was sent before anybody could know; it shows nothing.
		if first := testRelayed(t, j, rewrite.Image, url); first != "" {
			if w := relaytest.Get(r, first); w.Code != 404 {
				t.Errorf("%s is sent", path)
			}
		}
		r.Settled(t.Context())
		if again := testRelayed(t, j, rewrite.Image, url); again != "" {
			t.Errorf("%s is not held", path)
		}
	}
	// It is still known after a start, without asking anybody.
	before := len(p.Seen())
	r2, j2 := testRelay(t, dir, p)
	testRelayed(t, j2, rewrite.Image, "http://pics.example/tiny.png")
	r2.Settled(t.Context())
	if testRelayed(t, j2, rewrite.Image, "http://pics.example/tiny.png") != "" || len(p.Seen()) != before {
		t.Errorf("a beacon is forgotten at the start: %d requests", len(p.Seen())-before)
	}
}
