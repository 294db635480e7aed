package proxy

import (
	"bufio"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// testRequest parses a request line as a server does, with every odd spelling.
func testRequest(t testing.TB, target, host string) (*http.Request, bool) {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(
		fmt.Sprintf("GET %s HTTP/1.1\r\nHost: %s\r\n\r\n", target, host))))
	return r, err == nil
}

func TestCanonicalPath(t *testing.T) {
	for _, tt := range []struct{ in, want string }{ // want "": refused
		{"/", "/"},
		{"/about", "/about"},
		{"/a//b", "/a//b"},
		{"/a%20b", "/a%20b"},
		{"/caf%C3%A9", "/caf%C3%A9"},
		{"/a+b;c=1", "/a+b;c=1"},
		{"/100%25", "/100%25"},
		{"//about", "/about"},
		{"///about//x", "/about//x"},
		{"/./about", "/about"},
		{"/x/../about", "/about"},
		{"/x/%2e%2e/about", "/about"},
		{"/x/.%2E/about", "/about"},
		{"/x//../about", "/about"},
		{"/about/.", "/about/"},
		{"/about/..", "/"},
		{"/a/b/..", "/a/"},
		{"/...", "/..."},
		{"/.well-known/x", "/.well-known/x"},
		{"/wiki/AC%2FDC", "/wiki/AC%2FDC"},
		{"/x/..%20", "/x/..%20"},
		{"/..", ""},
		{"/../etc/passwd", ""},
		{"/a/../../etc", ""},
		{"/%2e%2e/etc", ""},
		{"/a%2f..%2fb", ""},
		{"/a/%2f/b", ""},
		{"/%2fetc", ""},
		{"/a%5cb", ""},
		{`/a\b`, ""},
		{"/a%00", ""},
		{"/a%0d%0ab", ""},
		{"/a%7f", ""},
		{"/_lychgate%2fconsent", ""},
		{"*", ""},
	} {
		t.Run(tt.in, func(t *testing.T) {
			r, ok := testRequest(t, tt.in, "example.org")
			got := ""
			if ok && canonical(r, false) == 0 {
				got = r.URL.EscapedPath()
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestCanonicalHost(t *testing.T) {
	for _, tt := range []struct {
		in, want string
		https    bool
	}{
		{"Example.ORG", "example.org", false},
		{"example.org.", "example.org", false},
		{"example.org:80", "example.org", false},
		{"example.org:443", "example.org", true},
		{"example.org:443", "example.org:443", false},
		{"example.org:8080", "example.org:8080", false},
		{"127.0.0.1:8080", "127.0.0.1:8080", false},
		{"[::1]:8080", "[::1]:8080", false},
		{"[::1]", "[::1]", false},
		{"xn--caf-dma.example", "xn--caf-dma.example", false},
	} {
		if got, ok := canonicalHost(tt.in, tt.https); !ok || got != tt.want {
			t.Errorf("%q: got %q %v, want %q", tt.in, got, ok, tt.want)
		}
	}
	for _, bad := range []string{
		"a b", "a/b", "a@b", "a:b", "a:80:90", "[::1", "[1.2.3.4]", "[::1%25eth0]", "[::1]x", ":80", ".", "a..b",
		"a\x00b", "é.example", "a,b", "a:123456", strings.Repeat("a", 300),
	} {
		if got, ok := canonicalHost(bad, false); ok {
			t.Errorf("%q: got %q, want it refused", bad, got)
		}
	}
}

// TestReservedSpellings: whatever a server behind might read as /_lychgate/ is ours.
func TestReservedSpellings(t *testing.T) {
	for _, path := range []string{
		"/_lychgate", "/_lychgate/", "/_lychgate/consent", "/_LYCHGATE/consent", "/_Lychgate", "/%5flychgate/consent", "/%5Flychgate",
		"/_%6cychgate/x", "//_lychgate/consent", "/./_lychgate/consent", "/x/../_lychgate/consent", "/x/%2e%2e/_lychgate/",
		"/%255flychgate/x", "/%25255flychgate/x", "/_lychgate;a=b/x", "/_lychgate./x", "/_lychgate%20/x", "/a/_lychgate/x", "/%252e/_lychgate",
		"/a%252f_lychgate%252fx", "/_lychgate%252fconsent", "/_lychgate%253f",
	} {
		r, ok := testRequest(t, path, "example.org")
		if !ok {
			t.Errorf("%s: not parsed", path)
			continue
		}
		if canonical(r, false) == 0 && !reserved(r.URL.Path) {
			t.Errorf("%s: would reach the site as %s", path, r.URL.EscapedPath())
		}
	}
	for _, path := range []string{"/", "/lychgate", "/the_lychgate", "/_lychgates", "/_lychgate-history", "/about/lychgate/_x"} {
		if reserved(path) {
			t.Errorf("%s belongs to the site", path)
		}
	}
}

func FuzzCanonicalPath(f *testing.F) {
	for _, s := range []string{"/", "/a/../b", "/%2e%2e/", "/a%2fb", "//x", "/a/%2E./", "/%5f", "/..;/", "/a//..//b/.", "/%zz"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		u, err := url.ParseRequestURI(in)
		if err != nil || !strings.HasPrefix(u.Path, "/") {
			return
		}
		path, raw, ok := canonicalPath(u.Path, u.RawPath)
		if !ok {
			return
		}
		if !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") {
			t.Fatalf("%q: %q is not rooted once", in, path)
		}
		for s := range strings.SplitSeq(path[1:], "/") {
			if isDots(s) {
				t.Fatalf("%q: dots left in %q", in, path)
			}
		}
		escaped := (&url.URL{Path: path, RawPath: raw}).EscapedPath()
		again, err := url.ParseRequestURI(escaped)
		if err != nil || again.Path != path {
			t.Fatalf("%q: %q does not come back (%v)", in, escaped, err)
		}
		path2, raw2, ok := canonicalPath(again.Path, again.RawPath)
		if !ok || path2 != path || (&url.URL{Path: path2, RawPath: raw2}).EscapedPath() != escaped {
			t.Fatalf("%q: %q is not settled: %q %v", in, escaped, path2, ok)
		}
	})
}
