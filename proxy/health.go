package proxy

import "github.com/lychgate/lychgate/proxy/relay"

// Health is the state of the gateway for an operator's monitoring: sums over
// all sites, from which nothing of a site, a page or a visitor can be told.
type Health struct {
	// Upstreams and UpstreamsDown are how many servers stand behind the sites, and
	// how many of those did not answer when last asked.
	Upstreams, UpstreamsDown int
	// Refused is what was refused since the start.
	Refused Refused
	// ThirdParties are the hosts known of all sites.
	ThirdParties ThirdPartyCount
	Relay        relay.Health
}

// ThirdPartyCount says how many third parties are known, by what becomes of
// them. Pending are those found since the list of their site was made: held for
// everybody until they enter it.
type ThirdPartyCount struct{ Held, Relayed, Passed, Pending int }

// Health looks at everything once. It takes no lock that a page waits for longer
// than a moment.
func (g *Gateway) Health() Health {
	h := Health{Relay: g.relay.Health()}
	h.Refused = g.Refused()
	for _, s := range g.sites().list {
		if s.upstream != nil {
			for _, server := range s.upstream.servers {
				h.Upstreams++
				if server.health.down() {
					h.UpstreamsDown++
				}
			}
		}
		s.thirdParties.inventory.count(&h.ThirdParties)
	}
	return h
}

// count adds the inventory's parties to c.
func (in *inventory) count(c *ThirdPartyCount) {
	for p := range in.parties.Load().all() {
		switch p.outcome() {
		case relays:
			c.Relayed++
		case passes:
			c.Passed++
		default:
			if p.admitted.Load() {
				c.Held++
			} else {
				c.Pending++
			}
		}
	}
}
