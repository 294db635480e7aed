package proxy

import (
	"context"
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
	c, err := l.accept()
	if err != nil {
		return nil, err // not a nil *coarseConn in a net.Conn
	}
	return c, nil
}

func (l *coarseListener) accept() (*coarseConn, error) {
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

// A peer is the visitor's end of a connection, as requests know it.
type peer struct {
	trusted bool        // a trusted proxy that speaks HTTP
	frames  *frameGuard // of HTTP/2, else nil
	quic    *quicPeer   // of HTTP/3, else nil
}

// A coarseConn is a connection whose RemoteAddr is a network.
type coarseConn struct {
	net.Conn
	peer
	remote netip.Addr

	listener *coarseListener // set until a PROXY protocol header was read
	proxied  sync.Once

	limiter *limiter // nil when the connection is not counted
	closed  atomic.Bool
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

// connKey is the context key of a request's peer.
type connKey struct{}

// connContext is the http.Server.ConnContext that lets a request find its peer.
func connContext(ctx context.Context, c net.Conn) context.Context {
	switch c := c.(type) {
	case *secureConn:
		return context.WithValue(ctx, connKey{}, &c.coarse.peer)
	case *coarseConn:
		return context.WithValue(ctx, connKey{}, &c.peer)
	}
	return ctx
}

// peerOf is whom a request came from; nil when it did not come through a
// listener of ours.
func peerOf(ctx context.Context) *peer {
	p, _ := ctx.Value(connKey{}).(*peer)
	return p
}

// peerTrusted reports whether the request came over a connection of a trusted proxy.
func peerTrusted(ctx context.Context) bool {
	p := peerOf(ctx)
	return p != nil && p.trusted
}
