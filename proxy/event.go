package proxy

import (
	"net/http"
	"net/netip"
	"time"

	"github.com/lychgate/lychgate/analytics"
	"github.com/lychgate/lychgate/consent"
)

// event hands what the optional script tells to the numbers, with what its
// visitor has agreed to by now: a page that was opened before a withdrawal may
// still be open after it.
func (s *site) event(w http.ResponseWriter, r *http.Request) {
	_, grant := s.Gate.Of(r)
	network, _ := netip.ParseAddrPort(r.RemoteAddr) // coarsen left nothing else
	s.g.analytics.ServeEvent(w, r, grant, analytics.Event{Site: s.Name, Network: network.Addr(), Time: time.Now()})
}

// beacons reports whether a visit's page carries the optional script.
func (s *site) beacons(v *visit) bool {
	return s.Beacon && s.g.analytics != nil && v.document && v.grant.Allows(consent.Statistics)
}
