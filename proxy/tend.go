package proxy

import (
	"context"
	"sync"
	"time"
)

// learnTime bounds how long the start waits for the crawl of the sites. What is
// found later is held for everybody until 03:00.
const learnTime = 15 * time.Second

// saveEvery is how long a new third party may be known before it is in the file.
const saveEvery = 20 * time.Second

// Learn crawls every site, so that the list visitors are asked about is whole
// from the first page, and puts it in force. It is called once before anybody
// is answered, and returns after 15 seconds at most.
func (g *Gateway) Learn(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, learnTime)
	defer cancel()
	var all sync.WaitGroup
	for _, s := range g.sites.list {
		all.Go(func() {
			in := s.thirdParties.inventory
			in.learn(true)
			r := s.scan(ctx)
			in.learn(false)
			if !r.Complete {
				g.log.Info("not the whole site could be looked at before the start; what is found later is held until 03:00", "site", s.Name, "pages", len(r.Pages))
			}
			g.warn(s, s.renewList())
		})
	}
	all.Wait()
	g.save()
}

// renewList has the gate ask about what is in force now.
func (s *site) renewList() error {
	if s.Gate == nil {
		return nil
	}
	return s.Gate.Refresh()
}

func (g *Gateway) warn(s *site, err error) {
	if err != nil {
		g.log.Error("the list of third parties cannot be put in force", "site", s.Name, "err", err)
	}
}

// Run keeps the list of third parties and the relayed files until ctx is done.
func (g *Gateway) Run(ctx context.Context) error {
	var work sync.WaitGroup
	work.Go(func() { g.relay.run(ctx) })
	save := time.NewTicker(saveEvery)
	defer save.Stop()
	night := time.NewTimer(untilThree(time.Now().In(g.location)))
	defer night.Stop()
	for {
		select {
		case <-ctx.Done():
			work.Wait()
			return g.SaveThirdParties()
		case <-save.C:
			g.save()
		case <-night.C:
			for _, s := range g.sites.list {
				s.thirdParties.inventory.admit()
				g.warn(s, s.renewList())
			}
			night.Reset(untilThree(time.Now().In(g.location)))
		}
	}
}

// untilThree is how long it is to the next 03:00, when few people visit.
func untilThree(now time.Time) time.Duration {
	next := time.Date(now.Year(), now.Month(), now.Day(), 3, 0, 0, 0, now.Location())
	if !next.After(now) {
		next = time.Date(now.Year(), now.Month(), now.Day()+1, 3, 0, 0, 0, now.Location())
	}
	return next.Sub(now)
}

// save writes the list of third parties if it has changed.
func (g *Gateway) save() {
	if err := g.SaveThirdParties(); err != nil {
		g.log.Error("the list of third parties is not kept", "err", err)
	}
}

// SaveThirdParties writes third-parties.toml if what is known has changed since
// it was last written.
func (g *Gateway) SaveThirdParties() error {
	if g.dir == "" {
		return nil
	}
	g.saving.Lock()
	defer g.saving.Unlock()
	changed := false
	for _, s := range g.sites.list {
		changed = s.thirdParties.inventory.dirty.Swap(false) || changed
	}
	if !changed {
		return nil
	}
	l := partyList{Sites: g.otherSites}
	for _, s := range g.sites.list {
		in := s.thirdParties.inventory
		l.Sites = append(l.Sites[:len(l.Sites):len(l.Sites)], partyListSite{Name: s.Name, Parties: in.list(), Cookies: in.cookieList()})
	}
	if err := writePartyList(g.dir, &l); err != nil {
		for _, s := range g.sites.list {
			s.thirdParties.inventory.dirty.Store(true)
		}
		return err
	}
	return nil
}

// restoreThirdParties reads third-parties.toml into the sites' inventories.
func (g *Gateway) restoreThirdParties() {
	if g.dir == "" {
		return
	}
	l, err := readPartyList(g.dir)
	if err != nil {
		g.log.Error("the list of third parties is made anew", "err", err)
	}
	for i := range l.Sites {
		if s := g.sites.named(l.Sites[i].Name); s != nil {
			s.thirdParties.inventory.restore(&l.Sites[i])
		} else {
			g.otherSites = append(g.otherSites, l.Sites[i])
		}
	}
}
