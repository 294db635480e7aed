package analytics

import (
	"strings"
	"sync"
	"sync/atomic"
)

// guards limit how many different values a site's texts may have on one day, by
// dimension. What goes beyond is counted under "(other)", so that made-up
// addresses cannot fill memory or disk. They also hand out one copy of each text,
// so that sums do not hold on to the requests that the texts came from.
type guards map[Dim]*guard

// The limits, in different values per day and site.
const (
	maxPagesPerDay = 5000
	maxTextsPerDay = 1000
)

// newGuards returns a guard for each dimension whose values come from outside.
func newGuards() guards {
	g := guards{DimPage: {limit: maxPagesPerDay}}
	for _, d := range []Dim{
		DimSource, DimCampaign, DimMedium, DimTerm, DimContent, DimSearch, DimNotFound, DimDownload, DimOutbound,
	} {
		g[d] = &guard{limit: maxTextsPerDay}
	}
	return g
}

type guard struct {
	limit int
	mu    sync.RWMutex
	day   int32
	seen  map[string]string
}

// name returns s, or "(other)" when too many different texts came before it today.
func (g *guard) name(day int32, s string) string {
	if s == "" {
		return ""
	}
	g.mu.RLock()
	known, ok := g.seen[s]
	today := g.day == day
	g.mu.RUnlock()
	if ok && today {
		return known
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.day != day {
		g.day, g.seen = day, map[string]string{}
	}
	if known, ok := g.seen[s]; ok {
		return known
	}
	if len(g.seen) >= g.limit {
		return other
	}
	s = strings.Clone(s)
	g.seen[s] = s
	return s
}

// live counts the page views of the last 30 minutes, in memory alone.
type live struct {
	minutes [liveMinutes]atomic.Uint64 // the minute in the upper half, its views in the lower
}

const liveMinutes = 30

func (l *live) add(minute uint32) {
	m := &l.minutes[minute%liveMinutes]
	for {
		old := m.Load()
		next := uint64(minute)<<32 | 1
		if uint32(old>>32) == minute {
			next = old + 1
		}
		if m.CompareAndSwap(old, next) {
			return
		}
	}
}

func (l *live) count(minute uint32) int64 {
	var n int64
	for i := range l.minutes {
		m := l.minutes[i].Load()
		if age := minute - uint32(m>>32); age < liveMinutes {
			n += int64(uint32(m))
		}
	}
	return n
}
