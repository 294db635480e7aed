package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// Limits of a QUIC connection (RFC 9000). Each is what one visitor's browser
// needs, and what one connection may make us keep.
const (
	quicHandshake       = 5 * time.Second
	quicMaxConnWindow   = 4 << 20 // bytes of requests that were not read yet
	quicMaxStreamWindow = 1 << 20
	quicLinger          = time.Second // for the last answers of a connection that we close
	quicUniStreams      = 8           // control and QPACK streams (RFC 9114 section 6.2)

	// Above so many new connections a second, who has not shown that its address
	// is its own is asked to (RFC 9000 section 8.1.2).
	quicUnverified = 100.0

	// altSvcAge is how long a browser may remember that there is HTTP/3. It falls
	// back by itself; a day keeps switching it off simple.
	altSvcAge = 24 * time.Hour
)

// A quicDoor answers HTTP/3 (RFC 9114) beside the https door: same port, same
// certificates, same handler.
type quicDoor struct {
	g         *Gateway
	transport *quic.Transport
	listener  *quic.Listener
	h3        *http3.Server
	altSvc    []string // tells browsers that came over TCP of HTTP/3 (RFC 7838)

	conns    sync.WaitGroup
	draining context.Context // no new request is taken
	drain    context.CancelFunc
	ended    context.Context // those in flight are cut
	end      context.CancelFunc

	unverified struct {
		sync.Mutex
		allowedRate
	}
}

// listenQUIC binds the UDP port beside the https door's address.
func (g *Gateway) listenQUIC(https net.Addr, config *tls.Config, hsts time.Duration) (*quicDoor, error) {
	at, ok := https.(*net.TCPAddr)
	if !ok {
		return nil, fmt.Errorf("http3: needs https on a TCP port, not on %s", https)
	}
	socket, err := net.ListenUDP("udp", &net.UDPAddr{IP: at.IP, Port: at.Port, Zone: at.Zone})
	if err != nil {
		return nil, fmt.Errorf("listen http3: %w", err)
	}
	d := &quicDoor{g: g}
	d.conns.Add(1) // serve itself, so that shutdown waits for the last it takes
	d.draining, d.drain = context.WithCancel(context.Background())
	d.ended, d.end = context.WithCancel(context.Background())
	d.altSvc = []string{`h3=":` + strconv.Itoa(at.Port) + `"; ma=` + strconv.Itoa(int(altSvcAge.Seconds()))}
	d.transport = &quic.Transport{
		Conn: newCoarsePacketConn(socket), ConnContext: d.connContext, VerifySourceAddress: d.unverifiedTooMany,
	}
	limits := &g.limits
	d.h3 = &http3.Server{Handler: overTLS(g, hsts, nil), MaxHeaderBytes: limits.HeaderBytes, IdleTimeout: limits.IdleTimeout}
	d.listener, err = d.transport.Listen(http3.ConfigureTLSConfig(config), &quic.Config{
		HandshakeIdleTimeout:       quicHandshake,
		MaxIdleTimeout:             limits.IdleTimeout,
		MaxStreamReceiveWindow:     quicMaxStreamWindow,
		MaxConnectionReceiveWindow: quicMaxConnWindow,
		MaxIncomingStreams:         int64(limits.Streams),
		MaxIncomingUniStreams:      quicUniStreams,
		// A visitor's first words could be played back by somebody else.
		Allow0RTT: false,
	})
	if err != nil {
		return nil, fmt.Errorf("listen http3: %w", errors.Join(err, socket.Close()))
	}
	return d, nil
}

// connContext puts a new connection on its network's account, or refuses it.
func (d *quicDoor) connContext(ctx context.Context, info *quic.ClientInfo) (context.Context, error) {
	from, ok := info.RemoteAddr.(coarseAddr)
	if !ok {
		return nil, errForeignAddr
	}
	if !isPrivate(from.network) {
		if !d.g.limiter.connect(from.network) {
			return nil, errTooManyConns
		}
		context.AfterFunc(ctx, func() { d.g.limiter.disconnect(from.network) })
	}
	p := &peer{quic: &quicPeer{limiter: d.g.limiter, network: from.network}}
	return context.WithValue(ctx, connKey{}, p), nil
}

var errTooManyConns = errors.New("too many connections of one network")

// unverifiedTooMany reports whether the sender of a first packet has to show
// that it can also receive.
func (d *quicDoor) unverifiedTooMany(net.Addr) bool {
	u := &d.unverified
	u.Lock()
	defer u.Unlock()
	return !u.take(time.Now(), 1, quicUnverified, quicUnverified)
}

// serve answers until shutdown.
func (d *quicDoor) serve() error {
	defer d.conns.Done()
	for {
		c, err := d.listener.Accept(d.draining)
		switch {
		case d.draining.Err() != nil:
			return nil
		case err != nil:
			return err
		}
		d.conns.Go(func() { d.serveConn(c) })
	}
}

// serveConn answers the requests of one connection. http3.Server would do the
// same, but wait for ever for a head that never comes.
func (d *quicDoor) serveConn(c *quic.Conn) {
	conn, err := d.h3.NewRawServerConn(c)
	if err != nil {
		_ = c.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeInternalError), "") // it is gone already
		return
	}
	peerOf(c.Context()).quic.conn = c
	go func() {
		for {
			s, err := c.AcceptUniStream(context.Background()) // ends with the connection
			if err != nil {
				return
			}
			go conn.HandleUnidirectionalStream(s)
		}
	}()
	var requests sync.WaitGroup
	d.takeRequests(c, conn, &requests)
	go rejectRequests(c)
	done := make(chan struct{})
	go func() { requests.Wait(); close(done) }()
	select {
	case <-done:
		// Closing throws away what has not arrived. Nothing tells when it has.
		select {
		case <-c.Context().Done():
		case <-time.After(quicLinger):
		}
	case <-d.ended.Done():
	}
	_ = c.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeNoError), "") // it may be gone already
	<-done
}

// takeRequests takes a connection's requests until it ends or the door drains.
func (d *quicDoor) takeRequests(c *quic.Conn, conn *http3.RawServerConn, requests *sync.WaitGroup) {
	for {
		s, err := c.AcceptStream(d.draining)
		if err != nil {
			return
		}
		// A QUIC stream has deadlines; the request takes this one off.
		_ = s.SetReadDeadline(time.Now().Add(d.g.limits.HeaderTimeout))
		p := peerOf(c.Context())
		p.quic.stream()
		requests.Go(func() {
			conn.HandleRequestStream(s)
			if e := (*quic.StreamError)(nil); errors.As(context.Cause(s.Context()), &e) && e.Remote {
				p.quic.reset()
			}
		})
	}
}

// rejectRequests refuses what comes while the door drains, in a way that lets a
// browser ask again elsewhere (RFC 9114 section 4.1.1).
func rejectRequests(c *quic.Conn) {
	for {
		s, err := c.AcceptStream(context.Background()) // ends with the connection
		if err != nil {
			return
		}
		s.CancelRead(quic.StreamErrorCode(http3.ErrCodeRequestRejected))
		s.CancelWrite(quic.StreamErrorCode(http3.ErrCodeRequestRejected))
	}
}

// shutdown refuses what comes, waits for what is in flight until ctx is done,
// and cuts off the rest.
func (d *quicDoor) shutdown(ctx context.Context) error {
	d.drain()
	done := make(chan struct{})
	go func() { d.conns.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
	}
	d.end()
	return d.close()
}

// close gives the port back.
func (d *quicDoor) close() error {
	return errors.Join(d.listener.Close(), d.transport.Close(), d.transport.Conn.Close())
}

// A quicPeer is what is known of the other end of a QUIC connection. It takes
// the place of the frameGuard, since quic-go reads the frames itself and bounds
// what they cost.
type quicPeer struct {
	limiter *limiter
	network netip.Addr
	conn    *quic.Conn

	over          sync.Once
	mu            sync.Mutex
	resets, empty allowedRate
}

// stream notes a stream that is to become a request.
func (p *quicPeer) stream() { p.spend(&p.empty, emptyRate, maxEmpty) }

// request notes that one has.
func (p *quicPeer) request() {
	p.mu.Lock()
	p.empty.give(1)
	p.mu.Unlock()
}

// reset notes a request that was taken back.
func (p *quicPeer) reset() { p.spend(&p.resets, resetRate, maxResets) }

// spend takes one of what the peer is allowed; one that has spent it all is cut off.
func (p *quicPeer) spend(b *allowedRate, rate, most float64) {
	p.mu.Lock()
	ok := b.take(p.limiter.now(), 1, rate, most)
	p.mu.Unlock()
	if ok {
		return
	}
	p.over.Do(func() {
		p.limiter.misuse(p.network)
		_ = p.conn.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeExcessiveLoad), "") // it may be gone already
	})
}
