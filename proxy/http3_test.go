package proxy

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// A testDoors is a gateway with its real doors open.
type testDoors struct {
	*Server
	g      *Gateway
	client *tls.Config
	log    *lockedBuffer
	served chan error
	stop   context.CancelFunc
}

// testListen opens a gateway's doors on free ports, HTTP/3 among them, and serves
// after change has had them.
func testListen(t testing.TB, c Config, change ...func(*testDoors)) *testDoors {
	t.Helper()
	d := &testDoors{log: &lockedBuffer{}, served: make(chan error, 1)}
	c.Log = slog.New(slog.NewTextHandler(d.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	for i := range c.Sites {
		c.Sites[i] = testSite(t, c.Sites[i])
	}
	var err error
	if d.g, err = New(c); err != nil {
		t.Fatal(err)
	}
	var server *tls.Config
	server, d.client = testCertificate(t)
	ctx, stop := context.WithCancel(context.Background())
	d.stop = stop
	if d.Server, err = d.g.Listen(ctx, ListenConfig{HTTPS: "127.0.0.1:0", TLS: server, HTTP3: true, Drain: 20 * time.Second}); err != nil {
		t.Fatal(err)
	}
	for _, f := range change {
		f(d)
	}
	go func() { d.served <- d.Serve(ctx) }()
	t.Cleanup(stop)
	return d
}

// http3 is a browser that speaks nothing else.
func (d *testDoors) http3(t testing.TB) *http.Client {
	t.Helper()
	h3 := &http3.Transport{TLSClientConfig: d.client}
	t.Cleanup(func() { _ = h3.Close() })
	return &http.Client{Transport: h3, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func (d *testDoors) url(path string) string { return "https://" + d.HTTPS().String() + path }

func TestHTTP3(t *testing.T) {
	image := bytes.Repeat([]byte("picture "), 128<<10)
	var mu sync.Mutex
	var told []http.Header
	var remotes []string
	up := testUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		told = append(told, r.Header)
		mu.Unlock()
		switch r.URL.Path {
		case "/image.png":
			w.Header().Set("Content-Type", "image/png")
			_, _ = w.Write(image)
		case "/upload":
			n, err := io.Copy(io.Discard, r.Body)
			_, _ = fmt.Fprintf(w, "%d %v", n, err)
		case "/cut":
			w.Header().Set("Content-Length", "100")
			w.Header().Set("Content-Type", "image/png")
			_, _ = io.WriteString(w, "half")
		default:
			w.Header().Set("Content-Type", "text/html")
			w.Header().Set("Alt-Svc", `h3=":9999"`) // its own door, past the gate
			_, _ = io.WriteString(w, "<p>whole</p>")
		}
	})
	d := testListen(t, Config{Sites: []Site{{Upstream: up}}}, func(d *testDoors) {
		inner := d.quic.h3.Handler
		d.quic.h3.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			remotes = append(remotes, r.RemoteAddr)
			mu.Unlock()
			inner.ServeHTTP(w, r)
			mu.Lock()
			remotes = append(remotes, r.RemoteAddr)
			mu.Unlock()
		})
	})
	c := d.http3(t)

	r, err := http.NewRequest("GET", d.url("/"), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	res, err := c.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	page, err := io.ReadAll(res.Body)
	if err != nil || res.Proto != "HTTP/3.0" || !bytes.Contains(page, []byte("whole")) {
		t.Errorf("page: %v %s %s", err, res.Proto, page)
	}
	if res.TLS.DidResume || res.Header.Get("Alt-Svc") != "" {
		t.Errorf("headers: %v", res.Header)
	}
	if res, err = c.Get(d.url("/image.png")); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(res.Body); err != nil || !bytes.Equal(b, image) {
		t.Errorf("image: %d bytes, %v", len(b), err)
	}
	if res, err = c.Post(d.url("/upload"), "application/octet-stream", bytes.NewReader(image)); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(res.Body); err != nil || string(b) != fmt.Sprint(len(image), " <nil>") {
		t.Errorf("upload: %q, %v", b, err)
	}
	if res, err = c.Get(d.url("/cut")); err == nil {
		_, err = io.ReadAll(res.Body)
	}
	if err == nil {
		t.Error("a cut picture looks whole")
	}

	mu.Lock()
	for i, r := range remotes {
		if host, port, err := net.SplitHostPort(r); err != nil || host != "127.0.0.0" || i%2 == 1 && port != "0" {
			t.Errorf("RemoteAddr is %q", r)
		}
	}
	for _, h := range told {
		if h.Get("X-Forwarded-For") != "127.0.0.0" || h.Get("X-Forwarded-Proto") != "https" {
			t.Errorf("the site was told %v", h)
		}
	}
	mu.Unlock()
	if log := strings.ReplaceAll(d.log.String(), up.Host, "(upstream)"); strings.Contains(log, "127.0.0.1") {
		t.Errorf("the log names an address: %s", log)
	}

	// Browsers that come over TCP are told.
	tcp := &http.Client{Transport: &http.Transport{TLSClientConfig: d.client, ForceAttemptHTTP2: true}}
	defer tcp.CloseIdleConnections()
	res, err = tcp.Get(d.url("/"))
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if want := fmt.Sprintf(`h3=":%d"; ma=86400`, d.HTTPS().(*net.TCPAddr).Port); strings.Join(res.Header["Alt-Svc"], "|") != want || res.ProtoMajor != 2 {
		t.Errorf("Alt-Svc over %s: %q, want %q", res.Proto, res.Header["Alt-Svc"], want)
	}
}

// TestHTTP3Drain: what is in flight ends whole, what comes after goes elsewhere.
func TestHTTP3Drain(t *testing.T) {
	const inFlight = 20
	var arrived sync.WaitGroup
	arrived.Add(inFlight)
	release := make(chan struct{})
	up := testUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		arrived.Done()
		<-release
		_, _ = io.WriteString(w, "<p>whole</p>")
	})
	d := testListen(t, Config{Sites: []Site{{Upstream: up}}})
	c := d.http3(t)
	results := make(chan error)
	for range inFlight {
		go func() { results <- askFor(c, d.url("/page")) }()
	}
	arrived.Wait()
	d.stop()
	<-d.quic.draining.Done()
	close(release)
	for range inFlight {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	if err := <-d.served; err != nil {
		t.Errorf("Serve: %v", err)
	}
}

// TestHTTP3Limits: a head that never comes is given up, a flood of requests
// taken back is cut off, and nothing is taken before the handshake is made.
func TestHTTP3Limits(t *testing.T) {
	up := testUpstream(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<p>whole</p>")
	})
	d := testListen(t, Config{Sites: []Site{{Upstream: up}}, Limits: Limits{HeaderTimeout: time.Second / 2}})
	client := http3.ConfigureTLSConfig(d.client)
	client.NextProtos = []string{http3.NextProtoH3}
	client.ClientSessionCache = tls.NewLRUClientSessionCache(1)
	dial := func() *quic.Conn {
		t.Helper()
		c, err := quic.DialAddr(t.Context(), d.HTTPS().String(), client, nil)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := dial()
	if c.ConnectionState().Used0RTT {
		t.Error("0-RTT was used")
	}
	s, err := c.OpenStreamSync(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Write([]byte{1, 200}); err != nil { // the beginning of a HEADERS frame
		t.Fatal(err)
	}
	if _, err := io.ReadAll(s); err == nil {
		t.Error("half a head was answered")
	} else if se := (*quic.StreamError)(nil); !errors.As(err, &se) || !se.Remote {
		t.Errorf("half a head: %v", err)
	}
	_ = c.CloseWithError(0, "")

	h3 := &http3.Transport{TLSClientConfig: d.client}
	defer h3.Close()
	conn := h3.NewClientConn(dial())
	for range 10 * maxResets {
		s, err := conn.OpenRequestStream(t.Context())
		if err != nil {
			break
		}
		r, err := http.NewRequest("GET", d.url("/page"), nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.SendRequestHeader(r); err != nil {
			break
		}
		s.CancelRead(quic.StreamErrorCode(http3.ErrCodeRequestCanceled))
		s.CancelWrite(quic.StreamErrorCode(http3.ErrCodeRequestCanceled))
	}
	<-conn.Context().Done()
	var app *quic.ApplicationError
	if err := context.Cause(conn.Context()); !errors.As(err, &app) || app.ErrorCode != quic.ApplicationErrorCode(http3.ErrCodeExcessiveLoad) {
		t.Errorf("after a flood of requests taken back: %v", err)
	}
	if n := d.g.Refused().Cut; n != 1 {
		t.Errorf("%d connections were cut", n)
	}
	if err := askFor(d.http3(t), d.url("/page")); err != nil {
		t.Errorf("a visitor beside it: %v", err)
	}
}

// TestCoarsePackets: QUIC tells peers apart although it is not told who they are.
func TestCoarsePackets(t *testing.T) {
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	c := newCoarsePacketConn(socket)
	defer c.Close()
	if _, ok := any(c).(quic.OOBCapablePacketConn); ok {
		t.Error("quic-go would read past it")
	}
	seen := map[string]bool{}
	for range 3 {
		peer, err := net.DialUDP("udp", nil, c.LocalAddr().(*net.UDPAddr))
		if err != nil {
			t.Fatal(err)
		}
		defer peer.Close()
		if _, err := peer.Write([]byte("hello")); err != nil {
			t.Fatal(err)
		}
		var buf [100]byte
		n, from, err := c.ReadFrom(buf[:])
		if err != nil {
			t.Fatal(err)
		}
		seen[from.String()] = true
		for _, text := range []string{from.String(), fmt.Sprintf("%v", from), fmt.Sprintf("%+v", from), fmt.Sprintf("%#v", from), fmt.Sprintf("%s", []any{from})} {
			if !strings.Contains(text, "127.0.0.0:") || strings.Contains(text, "127.0.0.1") {
				t.Errorf("the peer shows: %s", text)
			}
		}
		if _, err := c.WriteTo(buf[:n], from); err != nil {
			t.Fatal(err)
		}
		if n, err := peer.Read(buf[:]); err != nil || string(buf[:n]) != "hello" {
			t.Errorf("the answer went astray: %q %v", buf[:n], err)
		}
		if _, err := c.WriteTo(buf[:n], peer.LocalAddr()); err == nil {
			t.Error("a full address was taken")
		}
	}
	if len(seen) < 2 { // of 65,536 marks
		t.Errorf("three peers look like %v", seen)
	}
}
