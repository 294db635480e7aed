package rewrite

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestChromium shows every page of the hold tests to a real browser, with and
// without scripts, and wants no request and no connection to another host. The
// pages as they were are the control: without their requests it proves nothing.
func TestChromium(t *testing.T) {
	chromium, err := exec.LookPath("chromium")
	if err != nil || testing.Short() {
		t.Skip("NO BROWSER: chromium is not installed, or -short")
	}
	contacted := testBrowse(t, chromium)
	for _, kind := range browsed {
		switch n := len(contacted[kind]); {
		case strings.HasPrefix(kind, "held") && n > 0:
			t.Errorf("%s: contacted %q", kind, contacted[kind])
		case strings.HasPrefix(kind, "original") && n < 25:
			t.Errorf("%s: only %d addresses contacted: %q", kind, n, contacted[kind])
		}
	}
}

// browsed are the ways in which each page is shown. The foreign host of a page
// is named evil.test. and the way.
var browsed = []string{"original", "original-noscript", "held", "held-noscript"}

var evil = regexp.MustCompile(`evil\.test\.([a-z-]+)`)

// testBrowse opens a page that frames all others in all ways, and returns the
// addresses that the browser contacted beyond own.test, by way.
func testBrowse(t *testing.T, chromium string) map[string][]string {
	t.Helper()
	var mu sync.Mutex
	contacted := map[string][]string{}
	note := func(host []byte, what string) {
		mu.Lock()
		defer mu.Unlock()
		if m := evil.FindSubmatch(host); m != nil && !slices.Contains(contacted[string(m[1])], what) {
			contacted[string(m[1])] = append(contacted[string(m[1])], what)
		}
	}
	mux := http.NewServeMux()
	mux.HandleFunc("own.test/{$}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		for i := range holdTests {
			for _, kind := range browsed {
				fmt.Fprintf(w, "<iframe src=/%s/%d></iframe>\n", kind, i)
			}
		}
	})
	for _, kind := range browsed {
		for i, tt := range holdTests {
			page := tt.page
			if !strings.HasPrefix(page, "<frameset") {
				page = "<!doctype html><body>" + page
			}
			page = strings.ReplaceAll(page, "//evil.test", fmt.Sprintf("//evil.test.%s/%d", kind, i))
			if strings.HasPrefix(kind, "held") {
				page = string(Append(nil, []byte(page), &Options{Judge: ownOnly{}}))
			}
			mux.HandleFunc(fmt.Sprintf("own.test/%s/%d", kind, i), func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				if strings.HasSuffix(kind, "noscript") {
					w.Header().Set("Content-Security-Policy", "sandbox allow-same-origin")
				}
				fmt.Fprint(w, page)
			})
		}
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		note([]byte(r.Host), r.URL.Path)
		mux.ServeHTTP(w, r)
	}))
	defer server.Close()
	secure, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer secure.Close()
	go func() {
		for {
			c, err := secure.Accept()
			if err != nil {
				return // closed
			}
			hello := make([]byte, 8192)
			if n, err := c.Read(hello); err == nil {
				note(bytes.ToLower(hello[:n]), "https")
			}
			c.Close()
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, chromium,
		"--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--user-data-dir="+t.TempDir(), "--virtual-time-budget=3000",
		"--renderer-process-limit=1", "--disable-features=IsolateSandboxedIframes", // hundreds of frames, and no secrets among them
		"--host-resolver-rules=MAP *:80 "+server.Listener.Addr().String()+",MAP *:443 "+secure.Addr().String(),
		"--screenshot="+filepath.Join(t.TempDir(), "page.png"), "http://own.test/").CombinedOutput()
	if err != nil {
		t.Fatalf("chromium: %v\n%s", err, out)
	}
	mu.Lock()
	defer mu.Unlock()
	return contacted
}
