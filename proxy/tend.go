package proxy

import (
	"context"
	"sync"
	"time"
)

// learnTime bounds how long the start waits for the crawl of the sites. What is
// found later is held for everybody until 03:00.
const learnTime = 15 * time.Second

// shareEvery is how long a new third party may be known before it is in the
// file, and what another gateway has put there before it is known here.
const shareEvery = 10 * time.Second

// Learn crawls every site, so that the list visitors are asked about is whole
// from the first page, and puts it in force if there was none. It is called once
// before anybody is answered, and returns after 15 seconds at most.
func (g *Gateway) Learn(ctx context.Context) {
	g.sites().learn(ctx)
	g.share()
	g.sites().renewLists()
}

func (all *sites) learn(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, learnTime)
	defer cancel()
	var looking sync.WaitGroup
	for _, s := range all.list {
		looking.Go(func() {
			in := s.thirdParties.inventory
			// Where visitors were asked before, a restart is no reason to ask them
			// again today: what is new waits for the night like all that is found.
			in.learn(!in.listed())
			r := s.scan(ctx)
			in.learn(false)
			if !r.Complete {
				s.g.log.Info("not the whole site could be looked at before the start; what is found later is held until 03:00", "site", s.Name, "pages", len(r.Pages))
			}
		})
	}
	looking.Wait()
}

// renewLists has every site's gate ask about what is in force now.
func (all *sites) renewLists() {
	for _, s := range all.list {
		s.g.warn(s, s.renewList())
	}
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
	work.Go(func() { g.relay.Run(ctx) })
	work.Go(func() { g.watchHealth(ctx) })
	share := time.NewTicker(shareEvery)
	defer share.Stop()
	night := time.NewTimer(untilThree(time.Now().In(g.location)))
	defer night.Stop()
	for {
		select {
		case <-ctx.Done():
			work.Wait()
			return g.SaveThirdParties()
		case <-share.C:
			g.shareChoices()
			g.share()
		case <-night.C:
			g.admitAll()
			night.Reset(untilThree(time.Now().In(g.location)))
		}
	}
}

// admitAll puts everything found since yesterday in force, by all gateways that
// share the file: what another one is about to admit is known here first.
func (g *Gateway) admitAll() {
	g.share()
	for _, s := range g.sites().list {
		s.thirdParties.inventory.admit()
	}
	g.share()
	g.sites().renewLists()
}

// untilThree is how long it is to the next 03:00, when few people visit.
func untilThree(now time.Time) time.Duration {
	next := time.Date(now.Year(), now.Month(), now.Day(), 3, 0, 0, 0, now.Location())
	if !next.After(now) {
		next = time.Date(now.Year(), now.Month(), now.Day()+1, 3, 0, 0, 0, now.Location())
	}
	return next.Sub(now)
}
