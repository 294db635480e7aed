package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"time"
)

// ListenConfig says where a Gateway is reached.
type ListenConfig struct {
	// HTTP and HTTPS are addresses as for net.Listen ("127.0.0.1:8080", ":443");
	// empty: not served. At least one is needed.
	HTTP, HTTPS string
	// TLS gives the certificates of HTTPS; needed when HTTPS is set, unless
	// Certificates order them.
	TLS *tls.Config
	// Certificates order the certificates of HTTPS. Plain HTTP then answers the
	// issuer's challenges, and redirects a host only once its certificate is there.
	Certificates *Certificates
	// HTTP3 answers QUIC on the UDP port beside HTTPS as well.
	HTTP3 bool
	// HSTS is for how long browsers are told to come by HTTPS only, by an answer
	// over HTTPS. 0: they are not told.
	HSTS time.Duration
	// KeepHTTP serves the sites over plain HTTP although there is HTTPS.
	// Default: plain HTTP then redirects.
	KeepHTTP bool
	// ProxyProtocol expects every connection to begin with a PROXY protocol
	// header, from one of Config.TrustedProxies; others are closed unanswered.
	ProxyProtocol bool
	// Bind opens the socket of an address; nil: net.Listen. A service manager may
	// hold it open already, so that nobody is turned away while it restarts us.
	Bind func(ctx context.Context, network, address string) (net.Listener, error)
	// Drain is how long requests in flight may take to end when the server
	// stops. Default 25 seconds.
	Drain time.Duration
}

const (
	defaultDrain = 25 * time.Second

	pingAfter   = 30 * time.Second
	pingTimeout = 15 * time.Second
)

// A Server is a Gateway with its doors: listeners bound, nothing answered yet.
type Server struct {
	g           *Gateway
	doors       []door
	http, https net.Addr
	quic        *quicDoor // nil without HTTP/3
	drain       time.Duration

	certificates *Certificates // nil when they are given, not ordered
}

// A door is one listener and the server that answers on it.
type door struct {
	l   net.Listener
	srv *http.Server
}

// Listen binds the addresses of c. An address that cannot be bound is an
// error: a gateway that is not reachable must not look as if it ran.
func (g *Gateway) Listen(ctx context.Context, c ListenConfig) (*Server, error) {
	if c.HTTP == "" && c.HTTPS == "" {
		return nil, errors.New("listen: neither an http nor an https address")
	}
	if c.Certificates != nil {
		c.TLS = c.Certificates.TLS()
	}
	if c.HTTPS != "" && c.TLS == nil {
		return nil, fmt.Errorf("listen %s: https needs certificates", c.HTTPS)
	}
	if c.HTTP3 && (c.HTTPS == "" || c.ProxyProtocol) {
		return nil, errors.New("listen: http3 needs https, and visitors who come to it themselves")
	}
	if c.ProxyProtocol && len(g.trusted) == 0 {
		return nil, errors.New("listen: the PROXY protocol needs trusted proxies to speak it")
	}
	s := &Server{g: g, drain: c.Drain, certificates: c.Certificates}
	if s.drain == 0 {
		s.drain = defaultDrain
	}
	if c.HTTPS != "" {
		l, err := g.bind(ctx, c.HTTPS, &c)
		if err != nil {
			return nil, err
		}
		s.https = l.Addr()
		secure := &secureListener{l, c.TLS.Clone()}
		if secure.config.CipherSuites == nil {
			secure.config.CipherSuites = authenticatedSuites()
		}
		var altSvc []string
		if c.HTTP3 {
			if s.quic, err = g.listenQUIC(s.https, secure.config, c.HSTS); err != nil {
				err = errors.Join(err, l.Close())
				if strings.HasSuffix(c.HTTPS, ":0") && errors.Is(err, syscall.EADDRINUSE) {
					return g.Listen(ctx, c) // any port will do that is free for both
				}
				return nil, err
			}
			altSvc = s.quic.altSvc
		}
		srv := g.server(overTLS(g, c.HSTS, altSvc))
		srv.TLSConfig = secure.config
		s.doors = append(s.doors, door{secure, srv})
	}
	if c.HTTP != "" {
		l, err := g.bind(ctx, c.HTTP, &c)
		if err != nil {
			return nil, errors.Join(err, s.Close())
		}
		s.http = l.Addr()
		s.doors = append(s.doors, door{l, g.server(s.plain(c))})
	}
	return s, nil
}

// authenticatedSuites are those of TLS 1.2 in which nobody can tamper with what
// is padded (RFC 7366 section 1); browsers have had them since 2015.
func authenticatedSuites() []uint16 {
	return []uint16{
		tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
		tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
		tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	}
}

// plain is the handler of plain HTTP.
func (s *Server) plain(c ListenConfig) http.Handler {
	var h http.Handler = s.g
	if s.https != nil && !c.KeepHTTP {
		h = s.g.toHTTPS(s.http, s.https, func(host string) bool {
			return s.certificates == nil || s.certificates.Ready(host)
		})
	}
	if s.certificates != nil {
		h = s.certificates.Challenge(h)
	}
	return h
}

func (g *Gateway) bind(ctx context.Context, addr string, c *ListenConfig) (*coarseListener, error) {
	open := c.Bind
	if open == nil {
		open = new(net.ListenConfig).Listen
	}
	l, err := open(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen %s: %w", addr, err)
	}
	return &coarseListener{Listener: l, trusted: g.trusted, limiter: g.limiter, proxied: c.ProxyProtocol}, nil
}

func (g *Gateway) server(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ConnContext:       connContext,
		ConnState:         g.guests.note,
		ReadHeaderTimeout: g.limits.HeaderTimeout,
		IdleTimeout:       g.limits.IdleTimeout,
		MaxHeaderBytes:    g.limits.HeaderBytes,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: g.limits.Streams,
			SendPingTimeout:      pingAfter,
			PingTimeout:          pingTimeout,
			WriteByteTimeout:     g.limits.AnswerGrace,
		},
		ErrorLog: slog.NewLogLogger(g.log.Handler(), slog.LevelDebug),
	}
}

// HTTP is the bound address of plain HTTP, nil when it is not served.
func (s *Server) HTTP() net.Addr { return s.http }

// HTTPS is the bound address of HTTPS, nil when it is not served.
func (s *Server) HTTPS() net.Addr { return s.https }

// Serve answers until ctx is done, then stops accepting, lets the requests in
// flight end within the drain time and returns nil. Requests that take longer
// are cut off. It returns an error only when a listener fails.
func (s *Server) Serve(ctx context.Context) error {
	failed := make(chan error, len(s.doors)+1)
	for _, d := range s.doors {
		go func() { failed <- d.srv.Serve(d.l) }()
	}
	if s.quic != nil {
		go func() {
			if err := s.quic.serve(); err != nil {
				failed <- err
			}
		}()
	}
	if s.certificates != nil {
		ordering, stop := context.WithCancel(ctx)
		var orders sync.WaitGroup
		orders.Go(func() { s.certificates.Run(ordering) })
		defer orders.Wait()
		defer stop()
	}
	var err error
	select {
	case err = <-failed:
		err = fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	s.shutdown()
	return err
}

// shutdown closes the doors before the rooms: no new connection, then the drain.
func (s *Server) shutdown() {
	s.g.drain()
	ctx, cancel := context.WithTimeout(context.Background(), s.drain)
	defer cancel()
	s.closeDoors(ctx)
	done := make(chan struct{})
	for _, d := range s.doors {
		go func() {
			defer func() { done <- struct{}{} }()
			if d.srv.Shutdown(ctx) == nil {
				return
			}
			if err := d.srv.Close(); err != nil {
				s.g.log.Warn("stop", "err", err)
			}
		}()
	}
	if s.quic != nil {
		go func() {
			defer func() { done <- struct{}{} }()
			if err := s.quic.shutdown(ctx); err != nil {
				s.g.log.Warn("stop", "err", err)
			}
		}()
		<-done
	}
	for range s.doors {
		<-done
	}
	// Tunnels (websockets) are out of the servers' sight and end here.
	s.g.stop()
}

// Close gives the addresses back without having served.
func (s *Server) Close() error {
	var err error
	for _, d := range s.doors {
		err = errors.Join(err, d.l.Close())
	}
	if s.quic != nil {
		err = errors.Join(err, s.quic.close())
	}
	return err
}
