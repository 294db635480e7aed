package proxy

import (
	"context"
	"errors"

	"github.com/lychgate/lychgate/consent"
)

// An Arrangement is a set of sites made ready beside the one that answers, so
// that a changed configuration takes its place between two requests. Requests
// under way, websockets among them, end with the sites they began with.
type Arrangement struct {
	g    *Gateway
	next *sites
}

// Arrange makes sites ready. It opens folders but connects to nothing, and
// changes nothing for visitors. What is known of the third parties of a site
// that stays goes with it.
func (g *Gateway) Arrange(list []Site) (*Arrangement, error) {
	if len(list) == 0 {
		return nil, errors.New("no site is configured")
	}
	next, err := newSites(g, list)
	if err != nil {
		return nil, err
	}
	if now := g.sites(); now != nil {
		for _, s := range next.list {
			s.choose(g.Choices(s.Name))
			if old := now.named(s.Name); old != nil {
				in := old.thirdParties.inventory
				s.thirdParties.inventory.merge(&partyListSite{Name: s.Name, Parties: in.list(), Cookies: in.cookieList()})
			}
		}
	}
	return &Arrangement{g, next}, nil
}

// Services are the third parties in force on a site of the arrangement.
func (a *Arrangement) Services(site string) []consent.Service { return a.next.services(site) }

// Learn crawls every site of the arrangement as the start does, which takes 15
// seconds at most, and puts the lists in force.
func (a *Arrangement) Learn(ctx context.Context) {
	a.next.learn(ctx)
	a.next.renewLists()
}

// Enter has the arrangement answer from the next request on.
func (a *Arrangement) Enter() {
	a.g.choices.mu.Lock() // a press on the dashboard waits
	for _, s := range a.next.list {
		if s.choose(a.g.choices.list) {
			a.g.warn(s, s.renewList())
		}
	}
	old := a.g.current.Swap(a.next)
	a.g.choices.mu.Unlock()
	if old == nil {
		return
	}
	for _, s := range old.list {
		if s.upstream != nil {
			s.upstream.closeIdle()
		}
	}
	a.g.share() // what other gateways know of a site that is new here
}

// sites are those that answer now.
func (g *Gateway) sites() *sites { return g.current.Load() }
