package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
)

// A secureListener speaks TLS on the connections of a coarseListener. It does
// what tls.NewListener does, and stands between TLS and HTTP/2.
type secureListener struct {
	*coarseListener
	config *tls.Config
}

// Accept returns the next connection; its handshake is made by whoever serves it.
func (l *secureListener) Accept() (net.Conn, error) {
	c, err := l.coarseListener.accept()
	if err != nil {
		return nil, err
	}
	return &secureConn{Conn: tls.Server(c, l.config), coarse: c, limiter: l.limiter}, nil
}

// A secureConn is a TLS connection whose HTTP/2 frames are watched.
type secureConn struct {
	*tls.Conn
	coarse  *coarseConn
	limiter *limiter
	frames  *frameGuard // nil unless it speaks HTTP/2
}

// HandshakeContext makes the handshake. A connection that is over with it, as
// an issuer's challenge is (RFC 8737), has nothing to be served.
func (c *secureConn) HandshakeContext(ctx context.Context) error {
	if err := c.Conn.HandshakeContext(ctx); err != nil {
		return err
	}
	switch proto := c.Conn.ConnectionState().NegotiatedProtocol; proto {
	case "", "http/1.1":
	case "h2":
		if c.coarse.trusted {
			break // a load balancer sends many visitors over one connection
		}
		c.frames = newFrameGuard(c.Conn, c.limiter.now, func() { c.limiter.misuse(c.coarse.remote) })
		c.coarse.frames = c.frames
	default:
		return fmt.Errorf("nothing is served by %q", proto)
	}
	return nil
}

// errMisuse ends a connection whose peer keeps us busy for nothing.
var errMisuse = errors.New("connection cut off: too much asked for nothing")

// Read reads what the visitor sends.
func (c *secureConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.frames != nil && n > 0 && !c.frames.read(p[:n]) {
		return 0, errMisuse
	}
	return n, err
}

// Write sends to the visitor.
func (c *secureConn) Write(p []byte) (int, error) {
	if c.frames != nil {
		return c.frames.write(p)
	}
	return c.Conn.Write(p)
}

// Close closes the connection.
func (c *secureConn) Close() error {
	if c.frames != nil {
		c.frames.close()
	}
	return c.Conn.Close()
}
