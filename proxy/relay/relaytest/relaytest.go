// Package relaytest is a third party for tests of what the gateway fetches.
package relaytest

import (
	"bytes"
	"context"
	"image"
	"image/png"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// A ThirdParty is a server of a third party that notes every request.
type ThirdParty struct {
	*httptest.Server
	mu       sync.Mutex
	requests []*http.Request
}

// New serves files by path; a value is content type, newline, body. Some paths
// are special: "/sets.png" sets a cookie, "/nostore.png" must not be kept,
// "/hop.png" sets a cookie and leads to "/a.png", "/private.png" leads into the
// gateway's own network.
func New(t testing.TB, files map[string]string) *ThirdParty {
	t.Helper()
	return Answering(t, func(w http.ResponseWriter, r *http.Request) {
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
		_, _ = w.Write([]byte(body)) // the relay sees what is missing
	})
}

// Answering is a third party that answers as it is told.
func Answering(t testing.TB, answer http.HandlerFunc) *ThirdParty {
	t.Helper()
	p := &ThirdParty{}
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		p.requests = append(p.requests, r)
		p.mu.Unlock()
		answer(w, r)
	}))
	t.Cleanup(p.Close)
	return p
}

// Dial connects to the third party whatever the address.
func (p *ThirdParty) Dial(ctx context.Context, network, _ string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, network, p.Listener.Addr().String())
}

// Seen are the requests so far.
func (p *ThirdParty) Seen() []*http.Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.requests
}

// Get asks h for path, with header as names and values in turn.
func Get(h http.Handler, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// PNG is an empty picture of that size in pixels.
func PNG(t testing.TB, w, h int) string {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, image.NewGray(image.Rect(0, 0, w, h))); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
