package proxy

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// closedURL is an address where nobody listens.
func closedURL(t *testing.T) *url.URL {
	t.Helper()
	return mustURL("http://" + freeAddr(t))
}

func TestFallbacks(t *testing.T) {
	var asked atomic.Int32
	well := testUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		b, err := io.ReadAll(r.Body)
		w.Header().Set("Content-Type", "text/plain")
		_, _ = fmt.Fprintf(w, "whole %s %s %v", r.Method, b, err)
	})
	silent := testUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		panic(http.ErrAbortHandler)
	})
	t.Run("a server that is down", func(t *testing.T) {
		g := testGateway(t, Config{Sites: []Site{{Upstream: closedURL(t), Fallbacks: []*url.URL{closedURL(t), well}}}})
		for range 3 {
			if res, body := testGet(t, g, "/x"); res.StatusCode != 200 || !strings.HasPrefix(body, "whole GET") {
				t.Errorf("got %d %q", res.StatusCode, body)
			}
		}
		// Nothing of it was sent, so that even this may be asked elsewhere.
		if res, body := testDo(t, g, "POST", "/x", strings.NewReader("hello")); res.StatusCode != 200 || body != "whole POST hello <nil>" {
			t.Errorf("POST: got %d %q", res.StatusCode, body)
		}
		status := g.g.Upstream("default")
		if h := g.g.Health(); status.Down || len(status.Servers) != 3 || !status.Servers[0].Down || status.Servers[2].Down || h.Upstreams != 3 || h.UpstreamsDown != 2 {
			t.Errorf("status %+v", status)
		}
		if s := status.Servers[0]; !strings.Contains(s.Fault, "connection refused") || time.Since(s.Since) > time.Hour || status.Servers[2].Fault != "" {
			t.Errorf("the fault is not told: %+v", status.Servers)
		}
		if strings.Contains(g.log.String(), "does not answer") {
			t.Errorf("the site answered all the time: %s", g.log)
		}
	})
	t.Run("a server that breaks off", func(t *testing.T) {
		asked.Store(0)
		g := testGateway(t, Config{Sites: []Site{{Upstream: silent, Fallbacks: []*url.URL{well}}}})
		if res, body := testGet(t, g, "/x"); res.StatusCode != 200 || !strings.HasPrefix(body, "whole GET") {
			t.Errorf("GET: got %d %q", res.StatusCode, body)
		}
		// The first may have acted on it.
		if res, _ := testDo(t, g, "POST", "/x", strings.NewReader("hello")); res.StatusCode != 502 || asked.Load() != 1 {
			t.Errorf("POST: got %d, asked %d times", res.StatusCode, asked.Load())
		}
	})
	t.Run("all are down", func(t *testing.T) {
		g := testGateway(t, Config{Sites: []Site{{Upstream: closedURL(t), Fallbacks: []*url.URL{closedURL(t)}}}})
		if res, _ := testGet(t, g, "/x"); res.StatusCode != 502 || !g.g.Upstream("default").Down {
			t.Errorf("got %d, %+v", res.StatusCode, g.g.Upstream("default"))
		}
	})
}

func TestServerHealth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h serverHealth
		for range failuresAllowed - 1 {
			h.failed(time.Now(), false, "timeout")
		}
		if h.down() || h.rests(time.Now()) {
			t.Error("given up too soon")
		}
		h.failed(time.Now(), false, "timeout")
		if !h.down() || !h.rests(time.Now()) {
			t.Error("not given up")
		}
		time.Sleep(firstRest)
		if h.rests(time.Now()) {
			t.Error("never tried again")
		}
		for range 100 {
			h.failed(time.Now(), true, "timeout")
		}
		time.Sleep(longestRest)
		if !h.down() || h.rests(time.Now()) {
			t.Error("rests for ever")
		}
		h.answered()
		if h.down() {
			t.Error("not forgiven")
		}
	})
}

func TestHealthPath(t *testing.T) {
	var status atomic.Int32
	status.Store(503)
	var host atomic.Value
	sick := testUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthz" {
			host.Store(r.Host)
			w.WriteHeader(int(status.Load()))
			return
		}
		w.WriteHeader(500)
	})
	well := testUpstream(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, "whole") })
	g := testGateway(t, Config{Sites: []Site{{Hosts: []string{"a.example"}, Upstream: sick, Fallbacks: []*url.URL{well}, HealthPath: "/healthz"}}})
	first := g.g.sites().list[0].upstream.servers[0]
	get := func() int {
		res, _ := testGet(t, g, "/", "Host", "a.example")
		return res.StatusCode
	}
	if got := get(); got != 500 {
		t.Errorf("before anybody asked: got %d", got)
	}
	first.checkUp(t.Context())
	if got := get(); got != 200 {
		t.Errorf("a sick server is asked: got %d", got)
	}
	status.Store(404)
	first.checkUp(t.Context())
	if got := get(); got != 500 || host.Load() != "a.example" {
		t.Errorf("a server that is well again is not asked: got %d", got)
	}
}

func TestSecurityHeaders(t *testing.T) {
	up := testUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/own":
			w.Header().Set("X-Content-Type-Options", "none")
			w.Header().Set("Referrer-Policy", "unsafe-url")
			w.Header().Set("Permissions-Policy", "camera=*")
			w.Header().Set("X-Frame-Options", "DENY")
		case "/framed":
			w.Header().Set("Content-Security-Policy", "default-src *; Frame-Ancestors https://friend.example")
		}
		w.Header().Set("Content-Type", "text/plain")
	})
	on := testGateway(t, Config{Sites: []Site{{Upstream: up, SecurityHeaders: true}}})
	off := testGateway(t, Config{Sites: []Site{{Upstream: up}}})
	names := []string{"X-Content-Type-Options", "Referrer-Policy", "Permissions-Policy", "X-Frame-Options"}
	for _, tt := range []struct {
		g    *testGate
		path string
		want []string
	}{
		{on, "/", []string{"nosniff", "strict-origin-when-cross-origin", siteHeaders["Permissions-Policy"], "SAMEORIGIN"}},
		{on, "/own", []string{"none", "unsafe-url", "camera=*", "DENY"}},
		{on, "/framed", []string{"nosniff", "strict-origin-when-cross-origin", siteHeaders["Permissions-Policy"], ""}},
		{off, "/", []string{"", "", "", ""}},
	} {
		res, _ := testGet(t, tt.g, tt.path)
		for i, name := range names {
			if got := res.Header.Get(name); got != tt.want[i] {
				t.Errorf("%s: %s is %q, want %q", tt.path, name, got, tt.want[i])
			}
		}
	}
}
