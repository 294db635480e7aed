package proxy

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pires/go-proxyproto"
)

// A coarseListener hands out connections that know only their visitor's
// network. Because it stands at accept, everything above it (net/http and its
// error log, crypto/tls, our own code) never learns more.
type coarseListener struct {
	net.Listener
	trusted networks
	limiter *limiter
	// proxied: connections come from trusted proxies alone and begin with a
	// PROXY protocol header, which says whose they are.
	proxied bool
}

// Accept waits for the next connection, forgets its full address, and closes it
// when its network has too many or has no business here.
func (l *coarseListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		full := addrOf(c.RemoteAddr())
		trusted := full.IsValid() && l.trusted.contain(full)
		conn := &coarseConn{Conn: c}
		switch {
		case l.proxied && trusted:
			conn.Conn = proxyproto.NewConn(c, proxyproto.WithPolicy(proxyproto.REQUIRE), proxyproto.SetReadHeaderTimeout(proxyHeaderTimeout))
			conn.listener = l // its header is read by whoever serves it, not here
			return conn, nil
		case l.proxied:
			_ = c.Close() // it was never used
			continue
		case trusted:
			conn.remote, conn.trusted = networkOf(full), true
			return conn, nil
		}
		if conn.settle(l, full) {
			return conn, nil
		}
		_ = c.Close()
	}
}

// proxyHeaderTimeout is how long a proxy may take to say whose connection it is.
const proxyHeaderTimeout = 5 * time.Second

// A coarseConn is a connection whose RemoteAddr is a network.
type coarseConn struct {
	net.Conn
	remote  netip.Addr
	trusted bool // the peer is a trusted proxy that speaks HTTP

	listener *coarseListener // set until a PROXY protocol header was read
	proxied  sync.Once

	limiter *limiter // nil when the connection is not counted
	closed  atomic.Bool

	resets     atomic.Int32
	resetsFrom atomic.Int64 // when counting them began, Unix seconds
}

// settle gives the connection its network and puts it on the network's account.
// It reports whether there is room.
func (c *coarseConn) settle(l *coarseListener, full netip.Addr) bool {
	c.remote = networkOf(full)
	if isPrivate(c.remote) {
		return true
	}
	if !l.limiter.connect(c.remote) {
		return false
	}
	c.limiter = l.limiter
	return true
}

// meet reads the PROXY protocol header, when there is to be one. What proxies
// of that kind forward is the visitor's own HTTP, so its headers are not trusted.
func (c *coarseConn) meet() {
	c.proxied.Do(func() {
		if c.listener != nil && !c.settle(c.listener, addrOf(c.Conn.RemoteAddr())) {
			_ = c.Conn.Close() // the next read says so
		}
	})
}

// Close closes the connection and takes it off its network's account.
func (c *coarseConn) Close() error {
	if c.limiter != nil && !c.closed.Swap(true) {
		c.limiter.disconnect(c.remote)
	}
	return c.Conn.Close()
}

// A visitor's browser takes back some requests when a page is left. Who takes
// back more than maxResets in resetWindow keeps the site busy for nothing
// (CVE-2023-44487).
const (
	maxResets   = 200
	resetWindow = 10 * time.Second
)

// reset notes that the peer took back a request, and cuts it off when it does
// nothing else.
func (c *coarseConn) reset(now time.Time) {
	if from := c.resetsFrom.Load(); now.Unix()-from > int64(resetWindow/time.Second) {
		c.resetsFrom.Store(now.Unix())
		c.resets.Store(0)
	}
	if c.resets.Add(1) > maxResets {
		_ = c.Conn.Close() // net/http notices, and closes us
	}
}

// RemoteAddr is the visitor's network with port 0.
func (c *coarseConn) RemoteAddr() net.Addr {
	c.meet()
	a := c.remote
	if !a.IsValid() {
		a = netip.IPv4Unspecified()
	}
	return net.TCPAddrFromAddrPort(netip.AddrPortFrom(a, 0))
}

// ReadFrom keeps sendfile and splice for bodies that pass as they are.
func (c *coarseConn) ReadFrom(r io.Reader) (int64, error) {
	if rf, ok := c.Conn.(io.ReaderFrom); ok {
		return rf.ReadFrom(r)
	}
	return io.Copy(struct{ io.Writer }{c.Conn}, r)
}

// CloseWrite lets net/http end a connection without cutting off its last answer.
func (c *coarseConn) CloseWrite() error {
	if cw, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return cw.CloseWrite()
	}
	return nil
}

// connKey is the context key of a request's connection.
type connKey struct{}

// connContext is the http.Server.ConnContext that lets a request find its connection.
func connContext(ctx context.Context, c net.Conn) context.Context {
	if t, ok := c.(*tls.Conn); ok {
		c = t.NetConn()
	}
	return context.WithValue(ctx, connKey{}, c)
}

// connOf is the connection a request came over; nil when it did not come
// through our listener.
func connOf(ctx context.Context) *coarseConn {
	c, _ := ctx.Value(connKey{}).(*coarseConn)
	return c
}

// peerTrusted reports whether the request came over a connection of a trusted proxy.
func peerTrusted(ctx context.Context) bool {
	c := connOf(ctx)
	return c != nil && c.trusted
}
