package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var varnishRequests = flag.Int("varnish", 5000, "requests that TestSharedCache sends through Varnish")

// TestSharedCache puts a real Varnish in front of the program and lets many
// visitors, who answer, change their minds, withdraw, come back and read several
// languages, ask for pages through it at the same time. None may see what belongs
// to another, and nothing may be kept that is not the same for everybody.
func TestSharedCache(t *testing.T) {
	varnishd, err := exec.LookPath("varnishd")
	if err != nil {
		message := "NO SHARED CACHE WAS TESTED: varnishd is missing; make setup installs it"
		if os.Getenv("CI") != "" || os.Getenv("LYCHGATE_TEST_ALL") != "" {
			t.Fatal(message)
		}
		t.Skip(message)
	}
	requests := *varnishRequests
	if testing.Short() {
		requests = min(requests, 1000)
	}
	upstream := httptest.NewServer(cachedSite())
	defer upstream.Close()
	p := startProgram(t, "serve", "-config", sharedCacheConfig(t, upstream.URL))

	t.Run("keeps visitors apart", func(t *testing.T) {
		c := startVarnish(t, varnishd, "usual.vcl", p.url)
		crowd := newCrowd(t, c, p.url)
		crowd.visit(requests)
		for _, m := range crowd.mistakes {
			t.Error(m)
		}
		t.Logf("%d requests by %d visitors, %d answered from the cache, %d not modified: %d mistakes; decisions %v",
			crowd.requests, crowd.visitors, crowd.hits, crowd.unmodified, len(crowd.mistakes), crowd.decisions)
		if crowd.hits < requests/50 || crowd.unmodified == 0 {
			t.Error("the cache was hardly used: the test shows nothing")
		}
	})
	t.Run("a careless cache would be noticed", func(t *testing.T) {
		c := startVarnish(t, varnishd, "careless.vcl", p.url)
		crowd := newCrowd(t, c, p.url)
		crowd.visit(300)
		if len(crowd.mistakes) == 0 {
			t.Error("a cache that keeps everything for everybody, and no mistake was seen")
		}
	})
}

// cachedSite is the site behind: it says of every page that anybody may keep it.
func cachedSite() http.Handler {
	const third = `<script src="https://www.googletagmanager.com/gtag/js?id=G-0"></script>` +
		`<iframe src="https://www.youtube.com/embed/zero" title="A film"></iframe>`
	pages := map[string]string{
		"/":                 `<!doctype html><title>Home</title><link rel="stylesheet" href="/site.css"><h1>Home</h1><a href="/about">About</a> <a href="/cymraeg">Cymraeg</a>` + third,
		"/about":            `<!doctype html><title>About</title><h1>About</h1><p>` + strings.Repeat("Play mornings and a warm room. ", 200) + third,
		"/cymraeg":          `<!doctype html><html lang="cy"><title>Hafan</title><h1>Hafan</h1>` + third,
		"/shape.svg":        `<svg xmlns="http://www.w3.org/2000/svg"><image href="https://www.googletagmanager.com/pixel.gif"/></svg>`,
		"/plain.css":        `body{margin:0}`,
		"/news.xml":         `<rss version="2.0"/>`,
		"/counter/count.js": `count()`,
		"/site.css":         `body{background:url(https://www.googletagmanager.com/pixel.gif)}`,
		"/photo.png":        "\x89PNG\r\n\x1a\n" + strings.Repeat("x", 4000),
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, ok := pages[r.URL.Path]
		kind := map[string]string{".css": "text/css", ".png": "image/png", ".svg": "image/svg+xml", ".xml": "application/xml", ".js": "text/javascript"}[filepath.Ext(r.URL.Path)]
		if kind == "" {
			kind = "text/html; charset=utf-8"
		}
		w.Header().Set("Content-Type", kind)
		w.Header().Set("Cache-Control", "public, max-age=600, s-maxage=600")
		w.Header().Set("Etag", `"as-it-was"`)
		w.Header().Set("Last-Modified", "Sun, 01 Nov 2026 10:00:00 GMT")
		if !ok {
			w.WriteHeader(http.StatusNotFound)
			body = `<!doctype html><title>Gone</title><h1>Gone</h1>` + third
		}
		fmt.Fprint(w, body)
	})
}

func sharedCacheConfig(t *testing.T, upstream string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "lychgate.toml")
	text := fmt.Sprintf("data = %q\n[listen]\nhttp = \"127.0.0.1:0\"\n[[site]]\nupstream = %q\nanalytics_paths = [\"/counter/\"]\n", t.TempDir(), upstream)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// startVarnish starts a Varnish in front of backend and returns a client that
// reaches it whatever host it is asked for. It listens on a socket in a folder
// of its own: no port can be taken.
func startVarnish(t *testing.T, varnishd, vcl, backend string) *http.Client {
	t.Helper()
	dir, err := os.MkdirTemp("", "lychgate-varnish") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(backend)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join("testdata", "varnish", vcl))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "site.vcl")
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(string(text), "PORT", u.Port())), 0o644); err != nil {
		t.Fatal(err)
	}
	socket := filepath.Join(dir, "door")
	var out lockedBuffer
	// With -d the program is spoken to by its standard input: it answers once it
	// listens, and ends when the input does.
	cmd := exec.Command(varnishd, "-d", "-j", "none", "-n", filepath.Join(dir, "work"), "-a", socket, "-f", file, "-s", "malloc,64m",
		"-p", "thread_pool_min=20", "-p", "thread_pool_max=200", "-p", "vsl_space=1M")
	cmd.Stderr = &out
	orders, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	answers, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := orders.Close(); err != nil {
			t.Error(err)
		}
		_, _ = io.Copy(&out, answers) // until it has ended
		if err := cmd.Wait(); err != nil {
			t.Logf("Varnish: %v\n%s", err, out.String())
		}
	})
	if _, err := io.WriteString(orders, "start\n"); err != nil {
		t.Fatal(err)
	}
	head := regexp.MustCompile(`^\d{3} +\d`)
	lines := bufio.NewScanner(io.TeeReader(answers, &out))
	for heads := 0; heads < 2 && lines.Scan(); { // that of the greeting, that of the answer
		if head.Match(lines.Bytes()) {
			heads++
		}
	}
	client := &http.Client{
		CheckRedirect: noRedirects.CheckRedirect,
		Transport: &http.Transport{
			DisableCompression: true, MaxIdleConnsPerHost: 64,
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				return (&net.Dialer{}).DialContext(ctx, "unix", socket)
			},
		},
	}
	t.Cleanup(client.CloseIdleConnections)
	res, err := client.Get(backend + "/_lychgate/healthz")
	if err != nil {
		t.Fatalf("Varnish does not answer: %v\n%s", err, out.String())
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("Varnish answers %d\n%s", res.StatusCode, out.String())
	}
	return client
}
