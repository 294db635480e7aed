package proxy

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/netip"
)

// A coarseListener hands out connections that know only their visitor's
// network. Because it stands at accept, everything above it (net/http and its
// error log, crypto/tls, our own code) never learns more.
type coarseListener struct {
	net.Listener
	trusted networks
}

// Accept waits for the next connection and forgets its full address.
func (l *coarseListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	full := addrOf(c.RemoteAddr())
	return &coarseConn{
		Conn:    c,
		remote:  networkOf(full),
		trusted: full.IsValid() && l.trusted.contain(full),
	}, nil
}

// A coarseConn is a connection whose RemoteAddr is a network.
type coarseConn struct {
	net.Conn
	remote  netip.Addr
	trusted bool // the peer is a trusted proxy
}

// RemoteAddr is the visitor's network with port 0.
func (c *coarseConn) RemoteAddr() net.Addr {
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

// peerTrusted reports whether the request came over a connection of a trusted proxy.
func peerTrusted(ctx context.Context) bool {
	c, ok := ctx.Value(connKey{}).(*coarseConn)
	return ok && c.trusted
}
