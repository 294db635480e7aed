package proxy

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"
)

// How the health of a site's servers is judged. One that cannot be reached is
// left alone at once, one that fails otherwise after failuresAllowed in a row:
// a single broken page is no broken server.
const (
	failuresAllowed = 3
	firstRest       = 5 * time.Second // doubled with every failure after it
	longestRest     = time.Minute
	healthEvery     = 10 * time.Second
	healthTimeout   = 5 * time.Second
)

// A server is one of the machines a site is asked from.
type server struct {
	u *upstream
	// scheme, host and prefix are where requests go.
	scheme, host, prefix string
	query                string
	local                bool // on this machine: compression between us costs more than it saves
	transport            *http.Transport
	tunnel               http.Handler
	health               serverHealth
}

// serverHealth is what a server's latest answers say of it.
type serverHealth struct {
	mu       sync.Mutex
	failures int       // in a row
	resting  time.Time // not asked before, while another can be
	since    time.Time // of the first of the failures
	fault    string    // the latest
}

// failed notes a request that the server did not answer, and what its fault was.
func (h *serverHealth) failed(now time.Time, unreachable bool, fault string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.failures == 0 {
		h.since = now
	}
	h.failures++
	h.fault = fault
	if unreachable {
		h.failures = max(h.failures, failuresAllowed)
	}
	if over := h.failures - failuresAllowed; over >= 0 {
		h.resting = now.Add(min(firstRest<<min(over, 10), longestRest))
	}
}

// answered notes that the server is well.
func (h *serverHealth) answered() {
	h.mu.Lock()
	h.failures, h.resting, h.since, h.fault = 0, time.Time{}, time.Time{}, ""
	h.mu.Unlock()
}

// down reports whether the server has failed too often since it last answered.
func (h *serverHealth) down() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.failures >= failuresAllowed
}

// status is h for the server's owner.
func (h *serverHealth) status(address string) ServerStatus {
	s := ServerStatus{Address: address, Down: h.down()}
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.Down {
		s.Since, s.Fault = h.since, h.fault
	}
	return s
}

func (h *serverHealth) rests(now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return now.Before(h.resting)
}

// newServer prepares the way to t. It connects to nothing.
func newServer(u *upstream, t *url.URL) (*server, error) {
	if (t.Scheme != "http" && t.Scheme != "https") || t.Host == "" {
		return nil, fmt.Errorf("upstream %q: expected a URL like http://127.0.0.1:3000", t.Redacted())
	}
	s := &server{
		u: u, scheme: t.Scheme, host: t.Host, prefix: strings.TrimSuffix(t.EscapedPath(), "/"),
		query: t.RawQuery, local: isLocal(t.Hostname()),
	}
	dialer := &net.Dialer{Timeout: upstreamDialTimeout, KeepAlive: 30 * time.Second}
	s.transport = &http.Transport{
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{ServerName: s.name(t), MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    5 * time.Second,
		ForceAttemptHTTP2:      t.Scheme == "https",
		DisableCompression:     true, // we say what we accept, and decode only pages
		MaxIdleConnsPerHost:    upstreamIdleConns,
		IdleConnTimeout:        upstreamIdleTimeout,
		ResponseHeaderTimeout:  u.site.g.limits.UpstreamTimeout,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: upstreamMaxHeader,
	}
	s.tunnel = newTunnel(s)
	return s, nil
}

// name is the server's TLS name: UpstreamHost if given. A server known by its
// address only is asked for the site's own name.
func (s *server) name(t *url.URL) string {
	site := s.u.site
	name := site.UpstreamHost
	if name == "" {
		name = t.Host
		if _, err := netip.ParseAddr(t.Hostname()); err == nil && len(site.Hosts) > 0 {
			name = site.Hosts[0]
		}
	}
	return strings.Trim(hostname(name), "[]")
}

func isLocal(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}

// order lists the servers as they are to be asked: the owner's order, those that
// rest at the end.
func (u *upstream) order() []*server {
	if len(u.servers) == 1 {
		return u.servers
	}
	now := time.Now()
	list := make([]*server, 0, len(u.servers))
	var resting []*server
	for _, s := range u.servers {
		if s.health.rests(now) {
			resting = append(resting, s)
		} else {
			list = append(list, s)
		}
	}
	return append(list, resting...)
}

// ask sends r to one server after another until one answers. A request is
// repeated only where the first server cannot have acted on it: it was not
// reached, or the request is one that asks and changes nothing (RFC 9110
// section 9.2.2) and nothing of it had to be read from the visitor.
func (u *upstream) ask(ctx context.Context, r *http.Request, v *visit) (res *http.Response, err error) {
	for i, s := range u.order() {
		if i > 0 && !repeatable(r, err) {
			break
		}
		if res, err = s.roundTrip(s.request(r, v).WithContext(ctx)); err == nil || ctx.Err() != nil {
			return res, err
		}
	}
	return res, err
}

// repeatable reports whether r may be asked again after err.
func repeatable(r *http.Request, err error) bool {
	if unreachable(err) {
		return true // nothing was read of it
	}
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return r.ContentLength == 0
	}
	return false
}

// unreachable reports whether no connection was made.
func unreachable(err error) bool {
	var e *unsentError
	return errors.As(err, &e)
}

// An unsentError is a failure before any server had the request.
type unsentError struct{ error }

func (e *unsentError) Unwrap() error { return e.error }

// roundTrip waits for the head of the server's answer, and notes its health.
func (s *server) roundTrip(out *http.Request) (*http.Response, error) {
	connected := false
	ctx := httptrace.WithClientTrace(out.Context(), &httptrace.ClientTrace{
		GotConn: func(httptrace.GotConnInfo) { connected = true },
	})
	res, err := s.transport.RoundTrip(out.WithContext(ctx))
	if err == nil && res.StatusCode == http.StatusSwitchingProtocols {
		_ = res.Body.Close() // nothing of it is used
		err = errors.New("upstream switched protocols unasked")
	}
	switch {
	case err == nil:
		s.health.answered()
		return res, nil
	case out.Context().Err() != nil: // the visitor left
		return nil, err
	}
	s.health.failed(time.Now(), !connected, kindOf(err))
	if !connected {
		err = &unsentError{err}
	}
	return nil, err
}

// closeIdle ends the connections that nothing is asked over.
func (u *upstream) closeIdle() {
	for _, s := range u.servers {
		s.transport.CloseIdleConnections()
	}
}

// watchHealth asks the servers of every site that names a page for it how they
// are, until ctx is done.
func (g *Gateway) watchHealth(ctx context.Context) {
	tick := time.NewTicker(healthEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		var asking sync.WaitGroup
		for _, site := range g.sites().list {
			if site.upstream == nil || site.HealthPath == "" {
				continue
			}
			for _, s := range site.upstream.servers {
				asking.Go(func() { s.checkUp(ctx) })
			}
		}
		asking.Wait()
	}
}

// checkUp asks the server for its page of health. Any answer below 500 is well.
func (s *server) checkUp(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	host := s.u.site.UpstreamHost
	if host == "" && len(s.u.site.Hosts) > 0 {
		host = s.u.site.Hosts[0]
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.scheme+"://"+s.host+s.prefix+s.u.site.HealthPath, nil)
	if err != nil {
		s.u.site.g.log.Error("health_path", "site", s.u.site.Name, "err", err)
		return
	}
	r.Host = host
	r.Header["User-Agent"] = []string{"lychgate health"}
	res, err := s.transport.RoundTrip(r)
	if err != nil {
		s.health.failed(time.Now(), true, kindOf(err))
		return
	}
	_, _ = io.CopyN(io.Discard, res.Body, 4<<10) // so that the connection can be used again
	_ = res.Body.Close()
	if res.StatusCode >= http.StatusInternalServerError {
		s.health.failed(time.Now(), true, "answers with status "+strconv.Itoa(res.StatusCode))
		return
	}
	s.health.answered()
}
