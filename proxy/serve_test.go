package proxy

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"
	"time"
)

// TestDrain: a hundred requests in flight end whole after the stop.
func TestDrain(t *testing.T) {
	const inFlight = 100
	var arrived sync.WaitGroup
	arrived.Add(inFlight)
	release := make(chan struct{})
	up := testUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		arrived.Done()
		<-release
		_, _ = io.WriteString(w, "<p>whole</p>")
	})
	g, err := New(Config{Sites: []Site{testSite(t, Site{Upstream: up})}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	s, err := g.Listen(ctx, ListenConfig{HTTP: "127.0.0.1:0", Drain: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- s.Serve(ctx) }()
	results := make(chan error)
	for range inFlight {
		go func() {
			res, err := http.Get("http://" + s.HTTP().String())
			if err == nil {
				var b []byte
				b, err = io.ReadAll(res.Body)
				res.Body.Close()
				if err == nil && !bytes.Contains(b, []byte("<p>whole</p>")) {
					err = fmt.Errorf("got %q", b)
				}
			}
			results <- err
		}()
	}
	arrived.Wait()
	w := httptest.NewRecorder()
	g.ServeHTTP(w, httptest.NewRequest("GET", healthzPath, nil))
	if w.Code != 200 {
		t.Errorf("healthz: got %d", w.Code)
	}
	stop()
	<-g.draining.Done()
	w = httptest.NewRecorder()
	g.ServeHTTP(w, httptest.NewRequest("GET", healthzPath, nil))
	if w.Code != 503 {
		t.Errorf("healthz while draining: got %d", w.Code)
	}
	close(release)
	for range inFlight {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if err := <-served; err != nil {
		t.Errorf("Serve: %v", err)
	}
}

func TestHTTPSAndOccupiedPort(t *testing.T) {
	var seen string
	up := testUpstream(t, func(w http.ResponseWriter, r *http.Request) { seen = r.Header.Get("X-Forwarded-Proto") })
	g, err := New(Config{Sites: []Site{testSite(t, Site{Upstream: up})}})
	if err != nil {
		t.Fatal(err)
	}
	keys := httptest.NewUnstartedServer(nil)
	keys.StartTLS()
	defer keys.Close()
	ctx, stop := context.WithCancel(context.Background())
	s, err := g.Listen(ctx, ListenConfig{
		HTTP: "127.0.0.1:0", HTTPS: "127.0.0.1:0", TLS: &tls.Config{Certificates: keys.TLS.Certificates}, HSTS: 24 * time.Hour,
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := g.Listen(ctx, ListenConfig{HTTP: s.HTTP().String()}); err == nil {
		t.Error("an occupied port was no error")
	}
	served := make(chan error)
	go func() { served <- s.Serve(ctx) }()
	c := keys.Client()
	for _, h2 := range []bool{false, true} {
		c.Transport.(*http.Transport).ForceAttemptHTTP2 = h2
		res, err := c.Get("https://" + s.HTTPS().String() + "/")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != 200 || seen != "https" {
			t.Errorf("got %d over %s, told %q", res.StatusCode, res.Proto, seen)
		}
		if got := res.Header.Get(hstsHeader); got != "max-age=86400" {
			t.Errorf("over https %s is %q", hstsHeader, got)
		}
		c.CloseIdleConnections()
	}
	old := c.Transport.(*http.Transport).TLSClientConfig.Clone()
	old.MaxVersion, old.CipherSuites = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, tls.TLS_RSA_WITH_AES_128_GCM_SHA256}
	if conn, err := tls.Dial("tcp", s.HTTPS().String(), old); err == nil {
		_ = conn.Close()
		t.Error("a weak cipher suite was taken")
	}
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := c.Get("http://" + s.HTTP().String() + "/x?y")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if want := "https://" + s.HTTPS().String() + "/x?y"; res.StatusCode != 308 || res.Header.Get("Location") != want {
		t.Errorf("plain: got %d %q, want %q", res.StatusCode, res.Header.Get("Location"), want)
	}
	if got := res.Header[hstsHeader]; got != nil {
		t.Errorf("over plain http %s is %q", hstsHeader, got)
	}
	stop()
	if err := <-served; err != nil {
		t.Error(err)
	}
}

// TestPanicsLeaveNoTrace: a panic ends one connection, and its value, which can
// hold what a visitor sent, is not logged.
func TestPanicsLeaveNoTrace(t *testing.T) {
	var b bytes.Buffer
	g := &Gateway{log: slog.New(slog.NewTextHandler(&b, nil))}
	func() {
		defer func() {
			if v := recover(); v != http.ErrAbortHandler {
				t.Errorf("got %v", v)
			}
		}()
		defer g.recover()
		panic("visitor@example.org")
	}()
	if !bytes.Contains(b.Bytes(), []byte("panic in a request")) || bytes.Contains(b.Bytes(), []byte("visitor@")) {
		t.Errorf("got %s", b.String())
	}
}

// A nullWriter takes an answer and keeps nothing of it.
type nullWriter struct {
	h http.Header
	n int
}

func (w *nullWriter) Header() http.Header         { return w.h }
func (w *nullWriter) Write(p []byte) (int, error) { w.n += len(p); return len(p), nil }
func (w *nullWriter) WriteHeader(int)             {}

// BenchmarkServe is one request through the gateway, beside the same through
// httputil.ReverseProxy: the same upstream, handler called directly.
func BenchmarkServe(b *testing.B) {
	page := testPage(41 << 10)
	image := bytes.Repeat([]byte{0xff, 0xd8, 7}, 200<<10/3)
	up := testUpstream(b, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/image.jpg" {
			w.Header().Set("Content-Type", "image/jpeg")
			_, _ = w.Write(image)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, page)
	})
	g, err := New(Config{Sites: []Site{testSite(b, Site{Upstream: up})}})
	if err != nil {
		b.Fatal(err)
	}
	for _, h := range []struct {
		name    string
		handler http.Handler
	}{{"lychgate", g}, {"reverseproxy", bareProxy(up)}} {
		for _, c := range []struct{ name, path, accept string }{
			{"page", "/", ""}, {"page-br", "/", "gzip, deflate, br, zstd"}, {"image", "/image.jpg", ""},
		} {
			b.Run(h.name+"/"+c.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					r := httptest.NewRequest("GET", "http://example.org"+c.path, nil)
					r.RemoteAddr = "127.0.0.0:0" // not limited
					r.Header.Set("Accept-Encoding", c.accept)
					r.Header.Set("Accept", "text/html")
					w := &nullWriter{h: http.Header{}}
					h.handler.ServeHTTP(w, r)
					if w.n < 1000 {
						b.Fatalf("only %d bytes", w.n)
					}
				}
			})
		}
	}
}

// bareProxy is what one would write without lychgate.
func bareProxy(up *url.URL) http.Handler {
	return &httputil.ReverseProxy{
		Transport: &http.Transport{MaxIdleConnsPerHost: upstreamIdleConns, DisableCompression: true},
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(up)
			p.SetXForwarded()
		},
	}
}
