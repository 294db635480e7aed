package proxy

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"
)

func TestHosts(t *testing.T) {
	dir := testFolder(t, map[string]string{"index.html": "<p>one"})
	two := testFolder(t, map[string]string{"index.html": "<p>two"})
	g := testGateway(t, Config{Sites: []Site{
		{Name: "one.example", Hosts: []string{"one.example", "www.one.example"}, Dir: dir},
		{Name: "two.example", Hosts: []string{"two.example", "zwei.example"}, NoRedirect: true, Dir: two},
		{Name: "café.example", Hosts: []string{"café.example"}, Dir: two},
	}})
	for _, tt := range []struct {
		host, path, location, body string
		status                     int
	}{
		{host: "one.example", path: "/", status: 200, body: "one"},
		{host: "ONE.example.", path: "/", status: 200, body: "one"},
		{host: "one.example:8080", path: "/", status: 200, body: "one"},
		{host: "two.example", path: "/", status: 200, body: "two"},
		{host: "zwei.example", path: "/", status: 200, body: "two"},
		{host: "xn--caf-dma.example", path: "/", status: 200, body: "two"},
		{host: "www.one.example", path: "/a%20b?c=d", status: 308, location: "http://one.example/a%20b?c=d"},
		{host: "www.one.example:8080", path: "/", status: 308, location: "http://one.example:8080/"},
		{host: "other.example", path: "/", status: 421},
		{host: "other.example", path: "/_lychgate/consent", status: 421},
		{host: "one.example.evil.example", path: "/", status: 421},
		{host: "127.0.0.1", path: "/", status: 421},
		{host: "other.example", path: "/_lychgate/healthz", status: 200},
	} {
		t.Run(tt.host+tt.path, func(t *testing.T) {
			res, body := testGet(t, g, tt.path, "Host", tt.host)
			if res.StatusCode != tt.status || res.Header.Get("Location") != tt.location || !strings.Contains(body, tt.body) {
				t.Errorf("got %d %q %q", res.StatusCode, res.Header.Get("Location"), body)
			}
		})
	}
}

func TestNewReportsWrongSites(t *testing.T) {
	dir := t.TempDir()
	whole := testSite(t, Site{Name: "a", Dir: dir})
	named := whole
	named.Hosts = []string{"a.example"}
	for want, sites := range map[string][]Site{
		"no site":                 nil,
		"neither an upstream":     {{Name: "a"}},
		"belongs to a already":    {named, {Name: "b", Hosts: []string{"A.example"}, Dir: dir, Gate: whole.Gate, Banner: whole.Banner}},
		"answers to every host":   {whole, whole},
		"no such file":            {{Name: "a", Dir: dir + "/none"}},
		`host "a b"`:              {{Name: "a", Hosts: []string{"a b"}, Dir: dir}},
		"has no gate":             {{Name: "a", Dir: dir}},
		"expected a URL like htt": {{Name: "a", Upstream: mustURL("ftp://x")}},
	} {
		if _, err := New(Config{Sites: sites}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q in it", err, want)
		}
	}
}

func TestPlainHTTPGoesToHTTPS(t *testing.T) {
	g, err := New(Config{
		Sites: []Site{testSite(t, Site{Name: "a.example", Hosts: []string{"a.example", "www.a.example"}, Dir: t.TempDir()})},
		Admin: http.NotFoundHandler(), AdminHost: "stats.a.example",
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		plain, port          int
		host, path, location string
		status               int
	}{
		{80, 443, "a.example", "/x?y", "https://a.example/x?y", 308},
		{8080, 8443, "a.example:8080", "/x", "https://a.example:8443/x", 308},
		{80, 8443, "a.example", "/x", "https://a.example:8443/x", 308},
		{8080, 8443, "a.example", "/x", "https://a.example/x", 308}, // a container's ports, published as 80 and 443
		{80, 443, "stats.a.example", "/_lychgate/admin/", "https://stats.a.example/_lychgate/admin/", 308},
		{80, 443, "b.example", "/", "", 421},
		{80, 443, "", "/", "", 421},
		{80, 443, "b.example", healthzPath, "", 200},
	} {
		r, _ := testRequest(t, tt.path, tt.host)
		w := newRecorder()
		g.toHTTPS(&net.TCPAddr{Port: tt.plain}, &net.TCPAddr{Port: tt.port}, func(string) bool { return true }).ServeHTTP(w, r.WithContext(context.Background()))
		if w.Code != tt.status || w.Header().Get("Location") != tt.location {
			t.Errorf("%s%s: got %d %q", tt.host, tt.path, w.Code, w.Header().Get("Location"))
		}
	}
}

func TestAHostWithoutItsCertificateIsServedPlainly(t *testing.T) {
	dir := testFolder(t, map[string]string{"index.html": "<p>the site"})
	g, err := New(Config{Sites: []Site{testSite(t, Site{Name: "a.example", Hosts: []string{"a.example"}, Dir: dir})}})
	if err != nil {
		t.Fatal(err)
	}
	r, _ := testRequest(t, "/", "a.example")
	w := newRecorder()
	g.toHTTPS(&net.TCPAddr{Port: 80}, &net.TCPAddr{Port: 443}, func(string) bool { return false }).ServeHTTP(w, r.WithContext(context.Background()))
	if w.Code != 200 || !strings.Contains(w.Body.String(), "the site") {
		t.Errorf("got %d %q", w.Code, w.Body)
	}
}

func TestMethods(t *testing.T) {
	up := testUpstream(t, func(w http.ResponseWriter, r *http.Request) { w.Header().Set("X-Method", r.Method) })
	g := testGateway(t, Config{Sites: []Site{{Upstream: up}}})
	for method, want := range map[string]int{"GET": 200, "HEAD": 200, "POST": 200, "DELETE": 200, "PROPFIND": 200, "TRACE": 405} {
		res, _ := testDo(t, g, method, "/", nil)
		if res.StatusCode != want || (want == 200 && res.Header.Get("X-Method") != method) {
			t.Errorf("%s: got %d %q", method, res.StatusCode, res.Header.Get("X-Method"))
		}
	}
}
