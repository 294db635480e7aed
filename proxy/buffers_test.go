package proxy

import (
	"io"
	"net/http"
	"testing"
	"unicode/utf16"
)

// TestAFileAfterAPageInAnotherCharset: a page that was recoded leaves no buffer
// behind that is too small for what streams after it.
func TestAFileAfterAPageInAnotherCharset(t *testing.T) {
	var page []byte
	for _, u := range utf16.Encode([]rune("\ufeff<!doctype html><title>x</title><p>words</p>")) {
		page = append(page, byte(u), byte(u>>8))
	}
	up := testUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/page" {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write(page)
			return
		}
		w.Header().Set("Content-Type", "text/javascript")
		_ = http.NewResponseController(w).Flush() // of unknown length
		_, _ = io.WriteString(w, "script")
	})
	g := testGateway(t, Config{Sites: []Site{{Upstream: up}}})
	for range 8 {
		if res, _ := testGet(t, g, "/page", "Accept", "text/html"); res.StatusCode != http.StatusOK {
			t.Fatalf("page: %d", res.StatusCode)
		}
		if res, body := testGet(t, g, "/worker.js", "Sec-Fetch-Dest", "worker"); res.StatusCode != http.StatusOK || body != "script" {
			t.Fatalf("script: %d, %q", res.StatusCode, body)
		}
	}
}

// TestLentBuffersHaveRoom: whoever borrows one may count on its first size.
func TestLentBuffersHaveRoom(t *testing.T) {
	var b buffers
	for range 8 {
		small := make([]byte, 0, 10)
		b.put(&small)
		if got := cap(*b.get()); got < firstBuffer {
			t.Fatalf("a buffer of %d bytes", got)
		}
	}
}
