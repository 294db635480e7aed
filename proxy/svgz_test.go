package proxy

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"
	"testing"
)

// TestCompressedDrawing serves .svgz files: browsers unpack them only when told.
func TestCompressedDrawing(t *testing.T) {
	zip := func(text string) string {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	plain := `<svg xmlns="http://www.w3.org/2000/svg"><rect/></svg>`
	long := `<svg xmlns="http://www.w3.org/2000/svg">` + strings.Repeat("<rect/>", 400) + `</svg>`
	tracker := `<svg xmlns="http://www.w3.org/2000/svg"><image href="https://www.google-analytics.com/collect"/></svg>`
	g := testGateway(t, Config{Sites: []Site{{Dir: testFolder(t, map[string]string{
		"a.svgz": zip(plain), "long.svgz": zip(long) + strings.Repeat("\x00", 2000), "not.svgz": plain, "tracker.svgz": zip(tracker), "empty.svgz": "",
	})}}})
	for _, tt := range []struct{ path, coding, text string }{
		{"/a.svgz", "gzip", plain},
		{"/long.svgz", "gzip", ""},
		{"/not.svgz", "", plain},
		{"/empty.svgz", "", ""},
	} {
		for _, accepts := range []string{"gzip", "br, zstd", "identity"} {
			res, body := testGet(t, g, tt.path, "Accept-Encoding", accepts)
			if got := res.Header.Get("Content-Encoding"); got != tt.coding || res.Header.Get("Content-Type") != "image/svg+xml" {
				t.Errorf("%s, %s: coding %q, type %q", tt.path, accepts, got, res.Header.Get("Content-Type"))
			}
			if tt.coding == "gzip" && tt.text != "" {
				r, err := gzip.NewReader(strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				text, err := io.ReadAll(r)
				if err != nil {
					t.Fatal(err)
				}
				body = string(text)
			}
			if tt.text != "" && body != tt.text {
				t.Errorf("%s, %s: got %q", tt.path, accepts, body)
			}
		}
	}
	if res, body := testGet(t, g, "/tracker.svgz", "Accept-Encoding", "gzip"); res.Header.Get("Content-Encoding") != "" || !strings.Contains(body, "<svg") || strings.Contains(body, "google-analytics") {
		t.Errorf("a drawing that loads from a tracker: got %q %q", res.Header.Get("Content-Encoding"), body)
	}
}
