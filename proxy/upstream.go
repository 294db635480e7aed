package proxy

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/net/http/httpguts"
)

// Limits towards the site.
const (
	upstreamDialTimeout = 3 * time.Second
	upstreamIdleTimeout = 90 * time.Second
	upstreamIdleConns   = 128
	upstreamMaxHeader   = 256 << 10
)

// An upstream is what is behind one site: a server, and others to ask while it
// does not answer.
type upstream struct {
	site    *site
	servers []*server // at least one, in the order in which they are asked
	// name is the Host sent; empty: the visitor's.
	name   string
	down   atomic.Bool // so that the log says once that it went down, and once that it is back
	looped atomic.Bool
	// mark is a name of this start alone in what the upstream is asked (RFC 8586), so
	// that a request which comes back is known.
	mark    string
	circles atomic.Bool   // so that the log says so once
	turns   chan struct{} // one for each request the site works on
}

func newUpstream(s *site) (*upstream, error) {
	u := &upstream{site: s, name: s.UpstreamHost, mark: rand.Text(), turns: make(chan struct{}, s.g.limits.UpstreamRequests)}
	for _, t := range append([]*url.URL{s.Upstream}, s.Fallbacks...) {
		server, err := newServer(u, t)
		if err != nil {
			return nil, err
		}
		u.servers = append(u.servers, server)
	}
	return u, nil
}

// fetch asks the site. The caller closes the answer's body.
func (u *upstream) fetch(r *http.Request, v *visit) (*answer, error) {
	ctx, cancel := context.WithCancel(r.Context())
	res, err := u.roundTrip(ctx, r, v)
	if err != nil {
		cancel()
		return nil, u.failed(r, err)
	}
	if u.down.CompareAndSwap(true, false) {
		u.site.g.log.Info("upstream answers again", "site", u.site.Name)
	}
	removeHopByHop(res.Header)
	return &answer{
		status: res.StatusCode, header: res.Header, body: watch(res.Body, cancel, isEventStream(res.Header)),
		length: res.ContentLength, trailer: &res.Trailer,
	}, nil
}

// roundTrip waits for its turn, and for the head of an answer.
func (u *upstream) roundTrip(ctx context.Context, r *http.Request, v *visit) (*http.Response, error) {
	select {
	case u.turns <- struct{}{}:
		defer func() { <-u.turns }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return u.ask(ctx, r, v)
}

// request is r as the site may see it.
func (s *server) request(r *http.Request, v *visit) *http.Request {
	out := &http.Request{
		Method: r.Method, URL: s.url(r, v), Host: r.Host,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: s.header(r, v), ContentLength: r.ContentLength,
	}
	if s.u.name != "" {
		out.Host = s.u.name
	} else if out.Host == "" {
		out.Host = s.host // HTTP/1.0 without a Host
	}
	if r.ContentLength != 0 { // a nil Body lets the transport try again on a stale connection
		out.Body = r.Body // without its trailers, in which fields could return that the head may not have
	}
	return out
}

// url is where r goes: the upstream's own path before the canonical one, and
// the query without click identifiers unless they were agreed to.
func (s *server) url(r *http.Request, v *visit) *url.URL {
	out := &url.URL{Scheme: s.scheme, Host: s.host, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: v.query(r)}
	if s.prefix != "" {
		raw := s.prefix + r.URL.EscapedPath()
		if path, err := url.PathUnescape(raw); err == nil {
			out.Path, out.RawPath = path, raw
		}
	}
	switch {
	case s.query == "":
	case out.RawQuery == "":
		out.RawQuery = s.query
	default:
		out.RawQuery = s.query + "&" + out.RawQuery
	}
	return out
}

// ours are request headers that the gateway answers for itself.
var ours = map[string]bool{
	"Accept-Encoding": true, "Cookie": true, "Available-Dictionary": true, "Dictionary-Id": true,
}

// unrewritten are request headers about the bytes of an earlier answer. A
// browser that holds a rewritten page must not have the site answer for it.
var unrewritten = map[string]bool{
	"If-None-Match": true, "If-Modified-Since": true, "If-Range": true, "Range": true,
}

// header copies what may pass. Values are shared with r and never changed.
func (s *server) header(r *http.Request, v *visit) http.Header {
	h := make(http.Header, len(r.Header)+6)
	for name, values := range r.Header {
		if ours[name] || hopByHop[name] || !plainName(name) || ((v.mayBePage || v.sideFile) && unrewritten[name]) {
			continue
		}
		h[name] = values
	}
	for _, name := range connectionNamed(r.Header) {
		delete(h, name)
	}
	if httpguts.HeaderValuesContainsToken(r.Header["Te"], "trailers") {
		h["Te"] = []string{"trailers"} // RFC 9110 section 10.1.4
	}
	if _, ok := h["User-Agent"]; !ok {
		h["User-Agent"] = []string{""} // else net/http writes its own
	}
	if cookies := v.cookiesUp(r.Header["Cookie"]); cookies != nil {
		h["Cookie"] = cookies
	}
	if from := get(h, "Referer"); strings.IndexByte(from, '?') >= 0 {
		h["Referer"] = []string{v.referrer(from)}
	}
	h["Accept-Encoding"] = []string{s.acceptEncoding(r, v)}
	network, _, _ := net.SplitHostPort(r.RemoteAddr)
	h[loopHeader] = append(slices.Clone(r.Header[loopHeader]), s.u.mark)
	h["X-Forwarded-For"] = []string{network}
	h["X-Forwarded-Host"] = []string{r.Host}
	h["X-Forwarded-Proto"] = []string{r.URL.Scheme}
	return h
}

// loopHeader lists whom a request has passed. Via would say the same, but makes
// servers send what they would else have compressed.
const loopHeader = "Cdn-Loop"

// asksItself reports whether r was sent to the upstream by ourselves, and tells
// the operator once. It happens when the name of an upstream has been turned to
// the gateway, as every website's is that moves behind one.
func (u *upstream) asksItself(r *http.Request) bool {
	if !slices.ContainsFunc(r.Header[loopHeader], func(line string) bool { return strings.Contains(line, u.mark) }) {
		return false
	}
	if !u.circles.Swap(true) {
		u.site.g.log.Error("the upstream leads back to this gateway", "site", u.site.Name, "upstream", u.site.Upstream.Host,
			"hint", "its name is ours by now: give the address of the site's own server as upstream, and the name as upstream_host")
	}
	return true
}

// plainName reports whether a field's name is of letters, digits and hyphens.
// Servers that hand fields to programs as variables (RFC 3875 section 4.1.18)
// make one name of X-Forwarded-For, X_Forwarded_For and X.Forwarded.For, so that
// the others would speak for what is set or held back here.
func plainName(name string) bool {
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-':
		default:
			return false
		}
	}
	return true
}

// acceptEncoding is what the site may compress with. A page will be decoded
// here, so the cheapest coding is asked for, and none on the same machine;
// anything else goes to the visitor as it comes, in a coding we could undo.
func (s *server) acceptEncoding(r *http.Request, v *visit) string {
	switch {
	case r.Header["Range"] != nil && !v.mayBePage:
		return "identity"
	case !v.document:
		return knownOnly(r.Header["Accept-Encoding"])
	case s.local:
		return "identity"
	}
	return "gzip"
}

// knownOnly leaves out the codings that we could not undo.
func knownOnly(lines []string) string {
	var kept []string
	for _, line := range lines {
		for item := range strings.SplitSeq(line, ",") {
			name, _, _ := strings.Cut(item, ";")
			if knownCodings[strings.ToLower(strings.TrimSpace(name))] {
				kept = append(kept, strings.TrimSpace(item))
			}
		}
	}
	if kept == nil {
		return "identity"
	}
	return strings.Join(kept, ", ")
}

// hopByHop are the headers of one connection (RFC 9110 section 7.6.1), never forwarded.
var hopByHop = map[string]bool{
	"Connection": true, "Proxy-Connection": true, "Keep-Alive": true, "Proxy-Authenticate": true,
	"Proxy-Authorization": true, "Te": true, "Trailer": true, "Transfer-Encoding": true, "Upgrade": true,
	"Http2-Settings": true,
}

// connectionNamed lists the further headers that Connection names as hop by hop.
func connectionNamed(h http.Header) []string {
	var names []string
	for _, v := range h["Connection"] {
		for name := range strings.SplitSeq(v, ",") {
			if name = strings.TrimSpace(name); name != "" {
				names = append(names, http.CanonicalHeaderKey(name))
			}
		}
	}
	return names
}

func removeHopByHop(h http.Header) {
	for _, name := range connectionNamed(h) {
		delete(h, name)
	}
	for name := range hopByHop {
		delete(h, name)
	}
	delete(h, "Alt-Svc") // it would lead browsers to the site's own door, past the gate
}

// An upstreamError is a request the site did not answer.
type upstreamError struct {
	status int // 502 or 504
	err    error
}

func (e *upstreamError) Error() string { return "upstream: " + e.err.Error() }
func (e *upstreamError) Unwrap() error { return e.err }

// failed makes the status of an error and logs the first of a row. Errors of a
// dial name the site's server; others can quote what it sent, so only their
// kind is logged.
func (u *upstream) failed(r *http.Request, err error) error {
	if r.Context().Err() != nil {
		return r.Context().Err() // the visitor left
	}
	e := &upstreamError{status: http.StatusBadGateway, err: err}
	var netErr net.Error
	if errors.As(err, &netErr) && netErr.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		e.status = http.StatusGatewayTimeout
	}
	if !u.down.Swap(true) {
		u.site.g.log.Warn("upstream does not answer", "site", u.site.Name, "err", kindOf(err))
	}
	return e
}

// kindOf is an error without anything that came from outside.
func kindOf(err error) string {
	var op *net.OpError
	var dns *net.DNSError
	var cert *tls.CertificateVerificationError
	switch {
	case errors.As(err, &dns), errors.As(err, &op), errors.As(err, &cert):
		return err.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "connection closed early"
	}
	var netErr net.Error
	if errors.As(err, &netErr) && netErr.Timeout() {
		return "timeout"
	}
	return "not a usable HTTP answer"
}
