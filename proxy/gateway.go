// Package proxy stands between visitor and site: addresses, routes, upstream or
// folder, holding back third parties, headers, TLS, drain.
//
// # The walk of a request
//
// The listener cuts the visitor's address to its network. [Gateway.ServeHTTP]
// brings the request into its canonical form, and routes.go lists who answers.
// A page of the site takes four steps, each a function with a plain value
// between it and the next, because a page cache will slip in between:
//
//	decide   who asks, for what, and what they agreed to   -> visit
//	fetch    what the upstream or the folder says to it    -> answer
//	rewrite  what becomes of a page for this visitor       -> page
//	send     headers, coding, body
//
// Whatever is not a page skips the rewriting and streams.
//
// Two rooms lie beside it and know nothing of requests: rewrite finds in a page
// what would make a browser contact anybody, and asks the judge of this package;
// relay fetches what the judge has sent through the gateway.
package proxy

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lychgate/lychgate/analytics"
	"github.com/lychgate/lychgate/banner"
	"github.com/lychgate/lychgate/consent"
)

// Config says which sites are served.
type Config struct {
	Sites []Site
	// Analytics counts; nil counts nothing.
	Analytics *analytics.Analytics
	// Admin answers /_lychgate/admin/, /_lychgate/shared/ and /_lychgate/api/.
	Admin http.Handler
	// AdminHost gives the dashboard a host of its own; it is then found nowhere
	// else, and nothing else is found there. Empty: on every site's host.
	AdminHost string
	// Keys sign the paths of relayed files and shown embeds; nil makes keys that
	// end with the program.
	Keys *consent.Keys
	// Dial connects to third parties whose files are relayed; nil connects to
	// public addresses only, which is what anything but a test wants.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// TrustedProxies are the networks whose X-Forwarded-For and -Proto count.
	TrustedProxies []netip.Prefix
	// Limits bound what one visitor, network and site may take.
	Limits Limits
	// Dir is the data folder, which holds the cache of relayed files.
	Dir string
	// Shared is the folder of third-parties.toml, which several gateways in front
	// of the same sites may share. Default: Dir.
	Shared string
	// Location is the zone in which third parties found since yesterday enter
	// the list that visitors are asked about, at 03:00. Default: UTC.
	Location *time.Location
	// Observe is told of every answer, for monitoring. nil: nobody is.
	Observe func(Observation)
	Log     *slog.Logger
}

// A Site is one website behind the gateway.
type Site struct {
	// Name is the site's id: its canonical host, or "default".
	Name string
	// Hosts are the names it answers to, the first canonical. Empty: every name.
	Hosts []string
	// NoRedirect serves all Hosts instead of redirecting to the first.
	NoRedirect bool
	// Upstream is the server behind, or nil when Dir is set.
	Upstream *url.URL
	// Fallbacks are further servers of the same site, asked in this order while
	// those before them do not answer.
	Fallbacks []*url.URL
	// HealthPath is a page of the site that says that a server is well ("/healthz"),
	// asked every 10 seconds. Empty: visitors' requests alone tell.
	HealthPath string
	// UpstreamHost is the Host and TLS name sent upstream. Default: the visitor's host.
	UpstreamHost string
	// Dir is the folder served, when there is no Upstream.
	Dir string
	// Private are files and folders of the gateway's own, such as its data folder
	// and its keys. Where they lie in Dir, they are no part of the site.
	Private []string
	// SecurityHeaders adds the usual protective headers to the site's own answers
	// where it says nothing itself (headers.go).
	SecurityHeaders bool
	// EssentialCookies are names (with * at the end as wildcard) that pass before
	// a decision, besides the usual names of session and CSRF cookies.
	EssentialCookies []string

	// ThirdParties is "hold" (the default) or "observe", which judges and lists
	// but lets everything pass, so that an owner sees before switching on.
	ThirdParties string
	// Allow, Hold and Relay are hosts ("maps.example.org", with a path if need
	// be) that the owner decides about. Hold also takes paths of the site itself
	// ("/track.js") and texts of inline scripts ("inline:tracker.start(").
	Allow, Hold, Relay []string
	// StrictConnections has browsers that can (Chromium 152 and later) connect
	// from a page only to the site, to what passes, and to where the page links:
	// no early connection, no blocked frame's, no address made up by a script.
	// Scripts that send visitors to hosts the page does not link to then fail.
	StrictConnections bool
	// AnalyticsPaths are paths of the site's own under which it counts visitors
	// itself ("/matomo/"). Without the visitor's yes to measurement they answer
	// 204 and the site hears nothing.
	AnalyticsPaths []string
	// Beacon puts the optional script for what no request tells on the pages of
	// visitors who agreed to statistics.
	Beacon bool

	Gate   *consent.Gate
	Banner *banner.Banner
}

// A Gateway is the handler in front of all sites. It is safe for concurrent use.
type Gateway struct {
	current   atomic.Pointer[sites]
	analytics *analytics.Analytics
	adminPage http.Handler
	adminHost string // canonical; empty: the dashboard is on every site's host
	trusted   networks
	observe   func(Observation)
	log       *slog.Logger
	limits    Limits
	limiter   *limiter

	thirdParties
	choices choices
	assets  assets

	buffers  buffers
	decoders decoders
	encoders encoders

	// draining is done when the gateway stops taking requests, stopped when
	// those in flight have had their time: that ends the tunnels.
	draining, stopped context.Context
	drain, stop       context.CancelFunc
	guests            guests
}

// New returns the Gateway. It opens folders but connects to nothing.
func New(c Config) (*Gateway, error) {
	g := &Gateway{
		analytics: c.Analytics,
		adminPage: c.Admin,
		trusted:   c.TrustedProxies,
		observe:   c.Observe,
		log:       c.Log,
		limits:    c.Limits.orDefaults(),
	}
	g.limiter = newLimiter(g.limits, time.Now)
	if g.log == nil {
		g.log = slog.New(slog.DiscardHandler)
	}
	g.draining, g.drain = context.WithCancel(context.Background())
	g.stopped, g.stop = context.WithCancel(context.Background())
	err := g.openThirdParties(&c)
	if err != nil {
		return nil, err
	}
	if g.assets, err = newAssets(g.services); err != nil {
		return nil, err
	}
	if c.AdminHost != "" {
		if g.adminHost, err = asciiHost(c.AdminHost); err != nil {
			return nil, fmt.Errorf("admin host %q: %w", c.AdminHost, err)
		}
		if c.Admin == nil {
			return nil, fmt.Errorf("admin host %q: there is no dashboard", c.AdminHost)
		}
	}
	a, err := g.Arrange(c.Sites)
	if err != nil {
		return nil, err
	}
	a.Enter()
	g.shareChoices()
	g.share()
	return g, nil
}

// ServeHTTP answers a visitor's request.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) { g.serve(w, r, g.route) }

// serve makes r safe and canonical, and hands it to route.
func (g *Gateway) serve(w http.ResponseWriter, r *http.Request, route http.HandlerFunc) {
	defer g.recover()
	begin(w, r)
	if g.observe != nil {
		o := &observed{ResponseWriter: w, began: time.Now()}
		defer o.tell(g.observe, r)
		w = o
	}
	network, https := g.coarsen(r)
	status := canonical(r, https)
	if status == 0 && g.limits.tooManyFields(r.Header) {
		status = http.StatusRequestHeaderFieldsTooLarge
	}
	if r.ProtoMajor == 1 && (status != 0 || len(r.TransferEncoding) > 0) {
		// What is odd may be meant to be read otherwise by somebody. And net/http
		// hides whether there was a Content-Length beside the coding, with which the
		// next request could be smuggled. RFC 9112 section 6.1: close.
		w.Header()["Connection"] = []string{"close"}
	}
	switch {
	case status != 0:
		refuse(w, status)
	case !g.limiter.request(network, costly(r)):
		tooMany(w)
	default:
		forgetDeadlines(w, r)
		g.limits.paceBody(w, r)
		route(w, r)
	}
}

// costly reports whether r costs more than a page: decisions and sign-ins, which
// are written down durably.
func costly(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, consent.Prefix) && r.URL.Path != analytics.EventPath
}

// begin notes that what a peer sent became a request.
func begin(w http.ResponseWriter, r *http.Request) {
	switch p := peerOf(r.Context()); {
	case p == nil:
	case p.frames != nil:
		p.frames.request()
	case p.quic != nil:
		p.quic.request()
		_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // its head is there
	}
}

// recover turns a panic into one log line and a cut connection. The value of a
// panic can hold what a visitor sent, so only the stack is logged.
func (g *Gateway) recover() {
	switch v := recover(); v {
	case nil:
	case http.ErrAbortHandler:
		panic(v)
	default:
		g.log.Error("panic in a request", "stack", string(debug.Stack()))
		panic(http.ErrAbortHandler)
	}
}
