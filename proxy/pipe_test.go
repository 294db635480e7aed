package proxy

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// A pipeListener accepts connections made in memory, so that time can be faked.
type pipeListener struct {
	conns  chan net.Conn
	closed chan struct{}
}

func newPipeListener() *pipeListener {
	return &pipeListener{make(chan net.Conn), make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}
func (l *pipeListener) Close() error   { close(l.closed); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.TCPAddr{} }

func (l *pipeListener) dial() net.Conn {
	ours, theirs := net.Pipe()
	select {
	case l.conns <- theirs:
	case <-l.closed: // the gateway may ask once more while all ends
		_ = theirs.Close()
	}
	return ours
}

// testPipe runs a gateway and its upstream in memory, and hands f a way in.
func testPipe(t *testing.T, upstream http.HandlerFunc, f func(dial func() net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		runPiped(t, nil, upstream, f)
	})
}

// testSecurePipe is testPipe by https, whose protocols the caller names.
func testSecurePipe(t *testing.T, upstream http.HandlerFunc, f func(t *testing.T, dial func(proto ...string) *tls.Conn)) {
	t.Helper()
	server, client := testCertificate(t)
	synctest.Test(t, func(t *testing.T) {
		runPiped(t, server, upstream, func(dial func() net.Conn) {
			f(t, func(proto ...string) *tls.Conn {
				c := client.Clone()
				c.NextProtos = proto
				return tls.Client(dial(), c)
			})
		})
	})
}

// runPiped runs a gateway, by https with secure, and its upstream until f returns.
func runPiped(t *testing.T, secure *tls.Config, upstream http.HandlerFunc, f func(dial func() net.Conn)) {
	t.Helper()
	up := newPipeListener()
	site := &http.Server{Handler: upstream}
	go func() { _ = site.Serve(up) }()
	g, err := New(Config{Sites: []Site{testSite(t, Site{Upstream: mustURL("http://127.0.0.1:1")})}})
	if err != nil {
		t.Fatal(err)
	}
	transport := g.sites().any.upstream.servers[0].transport
	transport.DialContext = func(context.Context, string, string) (net.Conn, error) { return up.dial(), nil }
	door := newPipeListener()
	var l net.Listener = &coarseListener{Listener: door, limiter: g.limiter}
	srv := g.server(g)
	if secure != nil {
		srv.TLSConfig, l = secure, &secureListener{l.(*coarseListener), secure}
	}
	go func() { _ = srv.Serve(l) }()
	f(door.dial)
	_ = srv.Close()
	transport.CloseIdleConnections()
	_ = site.Close()
	time.Sleep(time.Minute) // net/http lingers a moment on connections it ends
}
