package proxy

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/zstd"
)

// testEncode compresses as a site's own server does.
func testEncode(t testing.TB, coding string, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	w := testEncoder(t, coding, &out)
	if w == nil {
		return b
	}
	if _, err := w.Write(b); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// testEncoder compresses what is written to it; nil for a coding it does not know.
func testEncoder(t testing.TB, coding string, out io.Writer) io.WriteCloser {
	t.Helper()
	switch coding {
	case "gzip", "x-gzip":
		return gzip.NewWriter(out)
	case "br":
		return brotli.NewWriter(out)
	case "deflate":
		return zlib.NewWriter(out)
	case "raw deflate":
		w, err := flate.NewWriter(out, 6)
		if err != nil {
			t.Fatal(err)
		}
		return w
	case "zstd":
		w, err := zstd.NewWriter(out, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true))
		if err != nil {
			t.Fatal(err)
		}
		return w
	}
	return nil
}

// testDecode undoes a coding with other code than the product's.
func testDecode(t testing.TB, coding, body string) string {
	t.Helper()
	var r io.Reader = strings.NewReader(body)
	switch coding {
	case "gzip":
		z, err := gzip.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		r = z
	case "br":
		r = brotli.NewReader(r)
	case "zstd":
		z, err := zstd.NewReader(r)
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		r = z
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestCodedPages(t *testing.T) {
	page := "<!doctype html><title>Coded</title><body>" + strings.Repeat("<p>Some words of a page.</p>\n", 200) + "</body>"
	up := testUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		coding := r.URL.Query().Get("coding")
		body := []byte(page)
		for c := range strings.SplitSeq(coding, ",") {
			body = testEncode(t, strings.TrimSpace(c), body)
		}
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Encoding", strings.TrimPrefix(coding, "raw "))
		_, _ = w.Write(body)
	})
	g := testGateway(t, Config{Sites: []Site{{Upstream: up}}})
	for _, coding := range []string{"", "gzip", "x-gzip", "br", "zstd", "deflate", "raw%20deflate", "gzip,%20br", "identity", "foo"} {
		for _, accept := range []string{"", "gzip", "br", "zstd"} {
			for range 2 { // the second comes from the pools
				res, body := testGet(t, g, "/?coding="+coding, "Accept-Encoding", accept)
				got := res.Header.Get("Content-Encoding")
				if coding == "foo" {
					if got != "foo" || !strings.Contains(body, "Some words") {
						t.Errorf("unknown coding: got %q %q", got, body)
					}
					continue
				}
				if got != accept || !strings.Contains(testDecode(t, accept, body), "Some words") {
					t.Errorf("%q to %q: got %q", coding, accept, got)
				}
			}
		}
	}
}

func TestBombsAreCutOff(t *testing.T) {
	if raced {
		t.Skip("SKIPPED: one goroutine inflates 64 MB; the full run has this test")
	}
	bomb := testEncode(t, "gzip", make([]byte, 100<<20))
	up := testUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(bomb)
	})
	g := testGateway(t, Config{Sites: []Site{{Upstream: up}}})
	res, err := g.Client().Get(g.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	n, err := io.Copy(io.Discard, res.Body)
	if err == nil || n > maxInflated {
		t.Errorf("got %d bytes, %v", n, err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, c := range []string{"gzip", "br", "zstd", "deflate"} {
		f.Add(c, testEncode(f, c, []byte("<p>hello")))
	}
	f.Add("deflate", testEncode(f, "raw deflate", []byte("<p>hello")))
	f.Add("gzip, br, zstd", []byte{0x1f, 0x8b})
	f.Add("br,,identity", []byte{0x0b})
	f.Fuzz(func(t *testing.T, coding string, body []byte) {
		var ds decoders
		for range 2 {
			r, err := ds.open(bytes.NewReader(body), []string{coding})
			if err != nil {
				if r != nil {
					t.Fatal("a reader and an error")
				}
				continue
			}
			n, err := io.Copy(io.Discard, r)
			if n > maxInflated {
				t.Fatalf("%d bytes came out (%v)", n, err)
			}
			if err := r.Close(); err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Logf("close: %v", err)
			}
		}
	})
}
