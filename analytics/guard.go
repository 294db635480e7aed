package analytics

import (
	"strings"
	"sync"
	"sync/atomic"
)

// guards limit how many different values a site's texts may have on one day.
// What goes beyond is counted under "(other)", so that made-up addresses cannot
// fill memory or disk. They also hand out one copy of each text, so that sums do
// not hold on to the requests that the texts came from.
type guards struct {
	page, source, campaign, term, medium, content, search, notFound, download, outbound, event guard
}

// The limits, in different values per day and site.
const (
	maxPagesPerDay = 5000
	maxTextsPerDay = 1000
)

type guard struct {
	mu   sync.RWMutex
	day  int32
	seen map[string]string
}

func (g *guards) name(d Dim, day int32, s string) string {
	switch d {
	case DimPage, DimEntry:
		return g.page.name(day, s, maxPagesPerDay)
	case DimSource:
		return g.source.name(day, s, maxTextsPerDay)
	case DimCampaign:
		return g.campaign.name(day, s, maxTextsPerDay)
	case DimMedium:
		return g.medium.name(day, s, maxTextsPerDay)
	case DimTerm:
		return g.term.name(day, s, maxTextsPerDay)
	case DimContent:
		return g.content.name(day, s, maxTextsPerDay)
	case DimSearch:
		return g.search.name(day, s, maxTextsPerDay)
	case DimNotFound:
		return g.notFound.name(day, s, maxTextsPerDay)
	case DimDownload:
		return g.download.name(day, s, maxTextsPerDay)
	case DimOutbound:
		return g.outbound.name(day, s, maxTextsPerDay)
	}
	return g.event.name(day, s, maxTextsPerDay)
}

// name returns s, or "(other)" when limit different texts came before it today.
func (g *guard) name(day int32, s string, limit int) string {
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
	if len(g.seen) >= limit {
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
