package proxy

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestTheSiteIsToldOnlyWhatItMayKnow(t *testing.T) {
	var told *http.Request
	up := testUpstream(t, func(w http.ResponseWriter, r *http.Request) { told = r.Clone(context.Background()) })
	g := testGateway(t, Config{Sites: []Site{{Upstream: up}}})
	testGet(t, g, "/page?a=1&gclid=G&b=%20x&fbclid=F&utm_source=news", "Host", "charity.example",
		"Cookie", "__Host-lychgate=a; session=s; lychgate-count=b", "Cookie", "__Secure-Lychgate-admin=c; theme=dark",
		"If-None-Match", `"x"`, "If-Modified-Since", "Mon, 02 Jan 2006 15:04:05 GMT", "Range", "bytes=0-1",
		"Connection", "X-Secret, keep-alive", "X-Secret", "1", "Keep-Alive", "5", "Te", "trailers, gzip",
		"Accept", "text/html", "Proxy-Authorization", "x", "Upgrade", "h2c", "Http2-Settings", "x", "Cdn-Loop", "elsewhere; loops=1", "Accept-Encoding", "br", "Authorization", "Basic x")
	h := told.Header
	for name, want := range map[string]string{
		"Cookie": "session=s; theme=dark", "Accept-Encoding": "identity", "Authorization": "Basic x",
		"Cdn-Loop":         "elsewhere; loops=1|" + g.g.sites().list[0].upstream.mark,
		"X-Forwarded-Host": "charity.example", "X-Forwarded-Proto": "http", "X-Forwarded-For": "127.0.0.0",
		"If-None-Match": "", "If-Modified-Since": "", "Range": "", "X-Secret": "", "Keep-Alive": "", "Proxy-Authorization": "",
		"Upgrade": "", "Http2-Settings": "", "Connection": "",
	} {
		if got := strings.Join(h.Values(name), "|"); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if got, want := told.URL.RequestURI(), "/page?a=1&b=%20x&utm_source=news"; got != want {
		t.Errorf("URL: got %q, want %q", got, want)
	}
	if told.Host != "charity.example" {
		t.Errorf("Host: got %q", told.Host)
	}

	// What is certainly no page keeps its validators, ranges and codings.
	testGet(t, g, "/film.mp4", "Sec-Fetch-Dest", "video", "Sec-Fetch-Mode", "no-cors", "Range", "bytes=5-", "If-Range", `"x"`)
	if got := told.Header.Get("Range"); got != "bytes=5-" || told.Header.Get("Accept-Encoding") != "identity" {
		t.Errorf("Range: got %q, Accept-Encoding %q", got, told.Header.Get("Accept-Encoding"))
	}
	testGet(t, g, "/s.png", "Sec-Fetch-Dest", "image", "Sec-Fetch-Mode", "no-cors", "If-None-Match", `"x"`, "Accept-Encoding", "gzip, dcb, br;q=0.5, *")
	if told.Header.Get("If-None-Match") != `"x"` || told.Header.Get("Accept-Encoding") != "gzip, br;q=0.5" {
		t.Errorf("asset: got %v", told.Header)
	}
}

func TestUpstreamPathAndHost(t *testing.T) {
	var told *http.Request
	up := testUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		told = r.Clone(context.Background())
		own := "http://" + r.Host
		w.Header().Set("Content-Location", own+"/base/x")
		w.Header().Set("Refresh", "5; URL='"+own+"/base/next'")
		w.Header().Add("Link", "<"+own+`/s.css>; rel=preload, <https://other.example/>; rel=next`)
		w.Header().Add("Set-Cookie", "session=1; Domain=hosting.example; Path=/")
		w.Header().Add("Set-Cookie", "PHPSESSID=2; Domain=.charity.example")
		w.Header().Set("Location", own+"/base/there?x=y")
		w.WriteHeader(http.StatusFound)
	})
	up.Path, up.RawQuery = "/base/", "key=1"
	g := testGateway(t, Config{Sites: []Site{{Upstream: up, UpstreamHost: "oak.hosting.example"}}})
	res, _ := testGet(t, g, "/a%2Fb?c=d", "Host", "charity.example")
	if told.Host != "oak.hosting.example" || told.URL.RequestURI() != "/base/a%2Fb?key=1&c=d" {
		t.Errorf("asked %s %s", told.Host, told.URL.RequestURI())
	}
	for name, want := range map[string]string{
		"Location":         "http://charity.example/base/there?x=y",
		"Content-Location": "http://charity.example/base/x",
		"Refresh":          "5; url=http://charity.example/base/next",
		"Link":             `<http://charity.example/s.css>; rel=preload, <https://other.example/>; rel=next`,
		"Set-Cookie":       "session=1; Path=/|PHPSESSID=2; Domain=.charity.example",
	} {
		if got := strings.Join(res.Header.Values(name), "|"); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

func TestRedirectLoopIsReportedOnce(t *testing.T) {
	up := testUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/check" {
			w.Header().Set("Set-Cookie", "session=1")
		}
		w.Header().Set("Location", "http://"+r.Host+r.URL.RequestURI())
		w.WriteHeader(http.StatusMovedPermanently)
	})
	g := testGateway(t, Config{Sites: []Site{{Upstream: up}}})
	for range 2 {
		if res, _ := testGet(t, g, "/about?x"); res.StatusCode != 502 {
			t.Errorf("got %d", res.StatusCode)
		}
	}
	if n := strings.Count(g.log.String(), "redirects a page to itself"); n != 1 || !strings.Contains(g.log.String(), "upstream_host") {
		t.Errorf("the log tells it %d times:\n%s", n, g.log.String())
	}
	if res, _ := testGet(t, g, "/check"); res.StatusCode != 301 {
		t.Errorf("a cookie check is no loop: got %d", res.StatusCode)
	}
}

// Whoever moves a website behind the gateway turns its name to the gateway, and
// may have that name as upstream: then it would ask itself for ever.
func TestAnUpstreamThatLeadsBackHereIsSaidSo(t *testing.T) {
	there := testUpstream(t, func(http.ResponseWriter, *http.Request) {})
	g := testGateway(t, Config{Sites: []Site{{Name: "here", Upstream: there}, {Name: "round", Hosts: []string{"round.example"}, Upstream: there, UpstreamHost: "other"}}})
	back := mustURL(g.URL)
	g.g.sites().list[0].upstream.servers[0].host = back.Host
	for range 2 {
		res, body := testGet(t, g, "/", "Accept", "text/html")
		if res.StatusCode != 502 || !strings.Contains(body, "<main") {
			t.Errorf("got %d %s", res.StatusCode, body)
		}
	}
	if res, _ := testGet(t, g, "/live", "Connection", "Upgrade", "Upgrade", "websocket"); res.StatusCode != 502 {
		t.Errorf("a websocket got %d", res.StatusCode)
	}
	if n := strings.Count(g.log.String(), "leads back"); n != 1 || !strings.Contains(g.log.String(), "site=here") {
		t.Errorf("the log tells it %d times:\n%s", n, g.log.String())
	}
	// From one site to another and on to its server is no circle.
	g.g.sites().list[0].upstream.servers[0].host = there.Host
	g.g.sites().list[1].upstream.servers[0].host = back.Host
	if res, _ := testGet(t, g, "/", "Host", "round.example"); res.StatusCode != 200 {
		t.Errorf("by way of two sites: %d", res.StatusCode)
	}
}

func TestUpstreamDown(t *testing.T) {
	g := testGateway(t, Config{Sites: []Site{{Upstream: closedURL(t)}}})
	for range 3 {
		res, body := testGet(t, g, "/", "Accept", "text/html")
		if res.StatusCode != 502 || res.Header.Get("Cache-Control") != "no-store" || !strings.Contains(body, "<main") {
			t.Fatalf("got %d %v %s", res.StatusCode, res.Header, body)
		}
	}
	if res, body := testGet(t, g, "/x.png", "Sec-Fetch-Dest", "image", "Sec-Fetch-Mode", "no-cors"); res.StatusCode != 502 || strings.Contains(body, "<") {
		t.Errorf("an image got a page: %d %s", res.StatusCode, body)
	}
	if n := strings.Count(g.log.String(), "does not answer"); n != 1 {
		t.Errorf("logged %d times:\n%s", n, g.log.String())
	}
}

// TestBrokenUpstreams: whatever a server does wrong, a part is never shown as the whole.
func TestBrokenUpstreams(t *testing.T) {
	const head = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
	long := strings.Repeat("<p>text</p>", maxPage/8)
	for _, tt := range []struct {
		name, raw string
		status    int // 0: the connection breaks off
	}{
		{"nothing", "", 502},
		{"garbage", "\x16\x03\x01hello\r\n\r\n", 502},
		{"half a head", "HTTP/1.1 200 OK\r\nContent-Ty", 502},
		{"huge head", "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 300<<10) + "\r\n\r\n", 502},
		{"two lengths", head + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", 502},
		{"page cut short", head + "Content-Length: 100\r\n\r\n<p>half", 502},
		{"chunks cut short", head + "Transfer-Encoding: chunked\r\n\r\n5\r\n<p>ha\r\n", 502},
		{"bad chunk", head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n<p>ha\r\n", 502},
		{"bad gzip", head + "Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello", 502},
		{"cut gzip", head + "Content-Encoding: gzip\r\nConnection: close\r\n\r\n\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff", 502},
		{"long page cut short", head + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(long)+9, long), 0},
		{"file cut short", "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 100000\r\n\r\nhalf", 0},
		{"switches unasked", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\n", 502},
		{"ends without a length", head + "Connection: close\r\n\r\n<p>whole", 200},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g := testGateway(t, Config{Sites: []Site{{Upstream: rawUpstream(t, tt.raw)}}})
			r, err := http.NewRequest(http.MethodGet, g.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			res, err := g.Client().Do(r)
			if err != nil {
				if tt.status != 0 {
					t.Fatal(err)
				}
				return
			}
			defer res.Body.Close()
			_, err = io.ReadAll(res.Body)
			switch {
			case tt.status == 0 && err == nil:
				t.Errorf("got status %d and no sign that it is cut", res.StatusCode)
			case tt.status != 0 && (err != nil || res.StatusCode != tt.status):
				t.Errorf("got %d %v, want %d", res.StatusCode, err, tt.status)
			}
		})
	}
}

// rawUpstream answers every connection with the same bytes and closes it.
func rawUpstream(t testing.TB, raw string) *url.URL {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
					_, _ = io.WriteString(c, raw)
				}
			}()
		}
	}()
	return mustURL("http://" + l.Addr().String())
}

func TestUnknownStreamsPass(t *testing.T) {
	next := make(chan struct{})
	up := testUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		w.Header().Set("Trailer", "X-Sum")
		for i := range 3 {
			_, _ = fmt.Fprintf(w, "data: %d\n\n", i)
			_ = http.NewResponseController(w).Flush()
			<-next
		}
		w.Header().Set("X-Sum", "3")
	})
	g := testGateway(t, Config{Sites: []Site{{Upstream: up}}})
	res, err := g.Client().Get(g.URL + "/events")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	br := bufio.NewReader(res.Body)
	for i := range 3 { // each event arrives before the next is made
		line, err := br.ReadString('\n')
		if err != nil || line != fmt.Sprintf("data: %d\n", i) {
			t.Fatalf("got %q %v", line, err)
		}
		if _, err := br.ReadString('\n'); err != nil {
			t.Fatal(err)
		}
		next <- struct{}{}
	}
	if _, err := io.ReadAll(br); err != nil || res.Trailer.Get("X-Sum") != "3" {
		t.Errorf("trailer: got %v %v", res.Trailer, err)
	}
}

func TestWebSocketsPassAndEndWithTheGateway(t *testing.T) {
	up := testUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "websocket" || r.Header.Get("Connection") != "Upgrade" {
			http.Error(w, "no upgrade", http.StatusBadRequest)
			return
		}
		if r.Header.Get("Cookie") != "session=1" {
			t.Errorf("Cookie: got %q", r.Header.Get("Cookie"))
		}
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		_, _ = rw.WriteString("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade, X-Hop\r\nUpgrade: websocket\r\nX-Hop: 1\r\nKeep-Alive: 2\r\nSet-Cookie: _tracker=1\r\n\r\n")
		_ = rw.Flush()
		_, _ = io.Copy(c, rw) // echo
	})
	g := testGateway(t, Config{Sites: []Site{{Upstream: up}}})
	dial := func(upgrade string) (net.Conn, *bufio.Reader, *http.Response) {
		c, err := net.Dial("tcp", g.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = c.Close() })
		_ = c.SetDeadline(time.Now().Add(10 * time.Second))
		_, _ = fmt.Fprintf(c, "GET /chat HTTP/1.1\r\nHost: x.example\r\nConnection: keep-alive, Upgrade\r\nUpgrade: %s\r\nCookie: session=1; lychgate=2\r\n\r\n", upgrade)
		br := bufio.NewReader(c)
		res, err := http.ReadResponse(br, nil)
		if err != nil {
			t.Fatal(err)
		}
		return c, br, res
	}
	c, br, res := dial("websocket")
	if res.StatusCode != 101 || res.Header.Get("X-Hop") != "" || res.Header.Get("Keep-Alive") != "" || res.Header.Get("Set-Cookie") != "" {
		t.Fatalf("got %d %v", res.StatusCode, res.Header)
	}
	for i := range 100 {
		want := fmt.Sprintf("message %d\n", i)
		_, _ = io.WriteString(c, want)
		if got, err := br.ReadString('\n'); err != nil || got != want {
			t.Fatalf("got %q %v", got, err)
		}
	}
	g.g.stop() // the drain is over
	if _, err := br.ReadByte(); err == nil {
		t.Error("the tunnel outlives the gateway")
	}
	if _, _, res := dial("h2c"); res.StatusCode != 400 {
		t.Errorf("h2c: got %d, want the site's answer to a request without upgrade", res.StatusCode)
	}
}

func TestUploadsReachTheSite(t *testing.T) {
	var got int64
	up := testUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			t.Error(err)
		}
		got = n
	})
	g := testGateway(t, Config{Sites: []Site{{Upstream: up}}})
	const size = 10 << 20
	if res, _ := testDo(t, g, http.MethodPost, "/", io.LimitReader(zeros{}, size)); res.StatusCode != 200 || got != size {
		t.Errorf("got %d, %d bytes", res.StatusCode, got)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
