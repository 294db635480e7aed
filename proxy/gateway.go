// Package proxy stands between visitor and site: addresses, routes, upstream or
// folder, holding back third parties, headers, TLS, drain.
package proxy

import (
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"

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
	// TrustedProxies are the networks whose X-Forwarded-For and -Proto count.
	TrustedProxies []netip.Prefix
	// Dir is the data folder, which holds the relay's cache and third-parties.toml.
	Dir string
	Log *slog.Logger
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
	// UpstreamHost is the Host and TLS name sent upstream. Default: the visitor's host.
	UpstreamHost string
	// Dir is the folder served, when there is no Upstream.
	Dir string
	// EssentialCookies are names (with * at the end as wildcard) that pass before a decision.
	EssentialCookies []string

	Gate   *consent.Gate
	Banner *banner.Banner
}

// A Gateway is the handler in front of all sites.
type Gateway struct{}

// New returns the Gateway.
func New(c Config) (*Gateway, error) { return &Gateway{}, nil }

// ServeHTTP answers a visitor's request.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {}
