package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// sendRaw sends one request as it is written and returns the answer's status.
func sendRaw(t *testing.T, g *testGate, request string) (status int, h http.Header, body string) {
	t.Helper()
	c, err := net.Dial("tcp", g.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0, nil, ""
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, res.Header, string(b)
}

// TestSpoofing: what a visitor says about addresses, hosts, hops and lychgate's
// own paths is not believed, in 96 ways.
func TestSpoofing(t *testing.T) {
	var mu sync.Mutex
	var told []*http.Request
	up := testUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		told = append(told, r)
		mu.Unlock()
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, "the site")
	})
	g := testGateway(t, Config{Sites: []Site{{Name: "a.example", Hosts: []string{"a.example", "www.a.example"}, Upstream: up}}})
	last := func() *http.Request {
		mu.Lock()
		defer mu.Unlock()
		if len(told) == 0 {
			return nil
		}
		r := told[len(told)-1]
		told = nil
		return r
	}
	checks, right := 0, 0
	check := func(name string, ok bool, format string, args ...any) {
		checks++
		if ok {
			right++
		} else {
			t.Errorf("%s: %s", name, fmt.Sprintf(format, args...))
		}
	}

	// Addresses: none of it reaches the site, nor any log.
	const spoofed = "198.51.100.77"
	names := []string{
		"X-Forwarded-For", "x-forwarded-for", "X-FORWARDED-FOR",
		// CGI and its heirs read these as the names with hyphens.
		"X_Forwarded_For", "x_forwarded-for", "X.Forwarded.For", "X_Real_IP", "Transfer_Encoding", "Content_Length",
	}
	for _, name := range append(names, forwardingHeaders[:]...) {
		sendRaw(t, g, "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n"+name+": "+spoofed+"\r\n\r\n")
		r := last()
		ok := r != nil && r.Header.Get("X-Forwarded-For") == "127.0.0.0" && len(r.Header["X-Forwarded-For"]) == 1
		if ok {
			for _, values := range r.Header {
				ok = ok && !strings.Contains(strings.Join(values, " "), spoofed)
			}
		}
		check("address in "+name, ok, "the site was told %v", r)
	}
	sendRaw(t, g, "POST / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\nTransfer-Encoding: chunked\r\nTrailer: X-Forwarded-For\r\n\r\n1\r\na\r\n0\r\nX-Forwarded-For: "+spoofed+"\r\n\r\n")
	posted := last()
	check("address in a trailer", posted != nil && len(posted.Trailer) == 0, "the site was told %v", posted)
	check("addresses in the log", !strings.Contains(g.log.String(), spoofed), "%s", g.log)

	// Hosts: only the site's own are answered.
	for _, host := range []string{"evil.example", "a.example.evil.example", "a.example@evil.example", "evil.example:80", "a.example.", "A.EXAMPLE", "a.example:80", "[::1]", "127.0.0.1", "localhost", "a.example:evil", "", ".a.example", "a..example", "a.example.."} {
		status, h, _ := sendRaw(t, g, "GET / HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\nX-Forwarded-Host: evil.example\r\n\r\n")
		r := last()
		own := strings.EqualFold(strings.TrimSuffix(strings.TrimSuffix(host, ":80"), "."), "a.example")
		if own {
			check("host "+host, status == 200 && r != nil && r.Host == "a.example" && r.Header.Get("X-Forwarded-Host") == "a.example", "%d, the site was told %v", status, r)
		} else {
			check("host "+host, r == nil && (status == 421 || status == 400) && !strings.Contains(h.Get("Location"), "evil"), "%d %v, the site was told %v", status, h, r)
		}
	}
	status, h, _ := sendRaw(t, g, "GET http://evil.example/ HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n")
	check("absolute form", status == 421 && last() == nil, "%d %v", status, h)

	// Hop by hop: nothing of one connection passes to the other.
	for _, name := range []string{"Keep-Alive", "Proxy-Authorization", "Proxy-Authenticate", "Proxy-Connection", "Trailer", "Upgrade", "HTTP2-Settings", "TE"} {
		sendRaw(t, g, "GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n"+name+": gzip\r\n\r\n")
		r := last()
		check("hop header "+name, r != nil && r.Header.Get(name) == "", "the site was told %v", r)
	}
	for _, connection := range []string{"close, X-Secret", "x-secret,close", "close\r\nConnection: X-Secret", "X-Forwarded-For, close", "Cookie, X-Forwarded-Proto, close", "Host, close"} {
		sendRaw(t, g, "GET / HTTP/1.1\r\nHost: a.example\r\nX-Secret: 1\r\nConnection: "+connection+"\r\n\r\n")
		r := last()
		ok := r != nil && r.Header.Get("X-Forwarded-For") == "127.0.0.0" && r.Header.Get("X-Forwarded-Proto") == "http" && r.Host == "a.example"
		if strings.Contains(strings.ToLower(connection), "secret") {
			ok = ok && r.Header.Get("X-Secret") == ""
		}
		check("connection "+connection, ok, "the site was told %v", r)
	}

	// The reserved prefix: whatever some server could read as it never reaches the site.
	for _, path := range []string{
		"/_lychgate/x", "//_lychgate/x", "/./_lychgate/x", "/x/../_lychgate/x", "/%5flychgate/x", "/_lychgat%65/x", "/_LYCHGATE/x", "/_Lychgate/x", "/%2f_lychgate/x", "/x/..%2f_lychgate/x",
		"/%2e/_lychgate/x", "/%2e%2e/_lychgate/x", "/\\_lychgate/x", "/x\\..\\_lychgate/x", "/%5c_lychgate/x", "/_lychgate%2fx", "/_lychgate;a/x", "/_lychgate./x", "/_lychgate%20/x", "/_lychgate%00/x",
		"/%255flychgate/x", "/%25%35flychgate/x", "/_lychgate%252fx", "///_lychgate/x", "/x//../_lychgate/x", "/_lychgate", "/x/_lychgate/x",
	} {
		sendRaw(t, g, "GET "+path+" HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n")
		r := last()
		check("prefix "+path, r == nil, "the site was asked for %v", r)
	}
	t.Logf("%d of %d", right, checks)
	if checks < 96 {
		t.Errorf("only %d checks", checks)
	}
}
