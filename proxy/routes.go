package proxy

import (
	"net/http"
	"strings"

	"github.com/lychgate/lychgate/analytics"
	"github.com/lychgate/lychgate/consent"
)

// Paths of lychgate's own.
const (
	consentPath = consent.Prefix + "consent"
	adminPath   = consent.Prefix + "admin"
	sharedPath  = consent.Prefix + "shared/"
	apiPath     = consent.Prefix + "api/"
	healthzPath = consent.Prefix + "healthz"
	gpcPath     = "/.well-known/gpc.json"
)

// route is the list of everything the gateway answers, in the order in which
// it is tried. r is canonical.
func (g *Gateway) route(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	if path == healthzPath {
		g.healthz(w, r)
		return
	}
	admin := path == adminPath || strings.HasPrefix(path, adminPath+"/") ||
		strings.HasPrefix(path, sharedPath) || strings.HasPrefix(path, apiPath)
	s := g.sites().match(r.URL.Host)
	switch {
	case g.adminHost != "" && hostname(r.URL.Host) == g.adminHost:
		g.adminOnly(w, r, admin)
	case s == nil:
		refuse(w, http.StatusMisdirectedRequest)
	case s.redirects(r.URL.Host):
		s.toCanonical(w, r)
	case path == consentPath || strings.HasPrefix(path, consentPath+"/"):
		own(w)
		s.Gate.ServeHTTP(w, r)
	case admin && g.adminHost == "":
		own(w)
		g.admin(w, r)
	case path == analytics.EventPath && s.Beacon:
		own(w)
		s.event(w, r)
	case strings.HasPrefix(path, assetsPath):
		own(w)
		g.assets.serve(w, r)
	case strings.HasPrefix(path, embedPath):
		own(w)
		s.serveEmbed(w, r)
	case strings.HasPrefix(path, relayPath):
		own(w)
		g.relay.ServeHTTP(w, r)
	case strings.HasPrefix(path, consent.Prefix) || reserved(path):
		own(w)
		s.notFound(w, r)
	default:
		s.serve(w, r)
	}
}
