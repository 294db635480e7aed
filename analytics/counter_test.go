package analytics

import (
	"sync"
	"testing"
	"time"
)

// In steady state adding up a view allocates nothing: what it adds to is there.
func TestAddingUpAllocatesNothing(t *testing.T) {
	if raced {
		t.Skip("SKIPPED: the race detector allocates; the full run has this test")
	}
	a := testOpen(t, t.TempDir())
	defer testClose(t, a)
	s := a.site(testSite)
	at := s.calendar.at(time.Now().Unix())
	old := visitor{
		LastDay: at.Day, Start: at.Minute - 5, Last: at.Minute - 2, Pages: 3, Entry: "/", Page: "/about",
		From: attribution{Channel: Search, Source: "google", Campaign: "may"},
	}
	next, e := step(old, view{At: at, Page: "/news"})
	tr := traits{place{"GB", "London"}, agentOf(testAgent)}
	for range 1000 { // until every shard has met it
		a.count(s, at, &next, &e, tr)
	}
	if got := testing.AllocsPerRun(1000, func() { a.count(s, at, &next, &e, tr) }); got != 0 {
		t.Errorf("got %g allocations for a view, want none", got)
	}
	a.counter.drain()
}

// Whatever is added from many sides at once comes out once.
func TestCounterAddsUpFromManySides(t *testing.T) {
	c := newCounter()
	keys := []Row{
		{Key{testSite, Day, DimPage, "", 0, "/"}, Metrics{Views: 1}},
		{Key{testSite, Day, DimPage, "", 0, "/a"}, Metrics{Views: 2, Seconds: 3}},
	}
	const sides, rounds = 8, 500
	var drained []Row
	var running sync.WaitGroup
	for range sides {
		running.Go(func() {
			for range rounds {
				c.add(keys)
			}
		})
	}
	done := make(chan struct{})
	go func() {
		running.Wait()
		close(done)
	}()
	for open := true; open; {
		select {
		case <-done:
			open = false
		default:
		}
		drained = append(drained, c.drain()...)
	}
	got := sumRows(drained)
	if len(got) != 2 || got[0].Views != sides*rounds || got[1].Views != 2*sides*rounds || got[1].Seconds != 3*sides*rounds {
		t.Errorf("got %+v", got)
	}
}
