package proxy

import (
	"errors"
	"fmt"
	"hash/maphash"
	"net"
	"net/netip"
	"syscall"
	"time"
)

// A coarsePacketConn is a UDP socket that tells nobody who sent a packet: what
// is above it (quic-go, our own code) learns the network, and hands the same
// coarseAddr back to answer. It is the coarseListener of HTTP/3.
//
// It hides the methods of net.UDPConn with which quic-go would read packets
// past it, and gives up sending in batches for that.
type coarsePacketConn struct {
	conn *net.UDPConn
	seed maphash.Seed
}

func newCoarsePacketConn(c *net.UDPConn) *coarsePacketConn {
	return &coarsePacketConn{conn: c, seed: maphash.MakeSeed()}
}

// A coarseAddr is the network of a peer. The peer itself is known to
// coarsePacketConn alone.
type coarseAddr struct {
	network netip.Addr
	mark    uint16 // keyed hash of the peer, by which QUIC tells two of a network apart
	peer    netip.AddrPort
}

// Network is "udp".
func (coarseAddr) Network() string { return "udp" }

// String is the network. Its port is the mark, which ends with the program.
func (a coarseAddr) String() string {
	return netip.AddrPortFrom(a.network, a.mark).String()
}

// Format keeps every verb of package fmt from printing the peer.
func (a coarseAddr) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(a.String())) }

// ReadFrom reads the next packet.
func (c *coarsePacketConn) ReadFrom(p []byte) (int, net.Addr, error) {
	n, peer, err := c.conn.ReadFromUDPAddrPort(p)
	if err != nil {
		return n, nil, err
	}
	peer = netip.AddrPortFrom(peer.Addr().Unmap(), peer.Port())
	return n, coarseAddr{networkOf(peer.Addr()), uint16(maphash.Comparable(c.seed, peer)), peer}, nil
}

// errForeignAddr: only what was read can be answered.
var errForeignAddr = errors.New("an address that no packet came from")

// WriteTo answers the sender of an earlier packet.
func (c *coarsePacketConn) WriteTo(p []byte, to net.Addr) (int, error) {
	a, ok := to.(coarseAddr)
	if !ok {
		return 0, errForeignAddr
	}
	return c.conn.WriteToUDPAddrPort(p, a.peer)
}

// LocalAddr is where the socket is bound.
func (c *coarsePacketConn) LocalAddr() net.Addr { return c.conn.LocalAddr() }

// Close closes the socket.
func (c *coarsePacketConn) Close() error { return c.conn.Close() }

// SetDeadline bounds reading and writing.
func (c *coarsePacketConn) SetDeadline(t time.Time) error { return c.conn.SetDeadline(t) }

// SetReadDeadline bounds reading.
func (c *coarsePacketConn) SetReadDeadline(t time.Time) error { return c.conn.SetReadDeadline(t) }

// SetWriteDeadline bounds writing.
func (c *coarsePacketConn) SetWriteDeadline(t time.Time) error { return c.conn.SetWriteDeadline(t) }

// SetReadBuffer asks the system for room for packets that wait.
func (c *coarsePacketConn) SetReadBuffer(bytes int) error { return c.conn.SetReadBuffer(bytes) }

// SetWriteBuffer asks the system for room for packets on their way out.
func (c *coarsePacketConn) SetWriteBuffer(bytes int) error { return c.conn.SetWriteBuffer(bytes) }

// SyscallConn lets quic-go forbid fragments, so that it can find the path's packet size.
func (c *coarsePacketConn) SyscallConn() (syscall.RawConn, error) { return c.conn.SyscallConn() }
