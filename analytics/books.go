package analytics

import (
	"slices"
	"sync"
	"time"
)

// The books of a site are its own totals over all time, by the day and by the
// month. They are read once for all questions asked together: from them comes
// what of the past can still be read, and how finely.
type books struct {
	byDay, byMonth []Row // of DimTotal, by their starts
	// Hours and days before these are forgotten, in seconds since 1970.
	hours, days int64
	// closed are the months, by their first second, whose rows hold all that
	// their days hold or held.
	closed map[int64]bool
}

// openBooks are the books of all sites asked about, by their names, as r has read
// them. As long as it has not, they are as they were last: mostly the questions then
// note what they will need, and one request reads that and the books. Nil are those
// of a site that was not asked about lately.
func (a *Analytics) openBooks(r *reading, asked []*asking) map[string]*books {
	all := map[string]*books{}
	for _, q := range asked {
		if _, open := all[q.Site]; open {
			continue
		}
		fresh, known := newBooks(r, q.Site, q.now, a.config.Retention)
		if known {
			a.shelf.put(q.Site, fresh)
		} else {
			fresh = a.shelf.last(q.Site)
		}
		all[q.Site] = fresh
	}
	return all
}

// A bookshelf keeps the books last read of some sites. What stands in them may have
// changed since; nothing is answered from them.
type bookshelf struct {
	mu    sync.Mutex
	books map[string]*books // by the sites' names
}

// maxBooks bounds a bookshelf; a site's books are some 60 KB.
const maxBooks = 16

func (s *bookshelf) last(site string) *books {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.books[site]
}

func (s *bookshelf) put(site string, b *books) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, there := s.books[site]; !there && len(s.books) >= maxBooks || s.books == nil {
		s.books = map[string]*books{}
	}
	s.books[site] = b
}

// newBooks finds out which months are closed. A month that late batches reached
// since it was closed counts as open until the next pass, as long as its days are
// there. It reports false when r has yet to read the books.
func newBooks(r *reading, site string, now time.Time, retention time.Duration) (*books, bool) {
	byDay := Select{Site: site, Grain: Day, Dim: DimTotal, To: 1 << 60, By: ByStart}
	byMonth := byDay
	byMonth.Grain = Month
	b := &books{
		byDay: r.rows(byDay), byMonth: r.rows(byMonth),
		hours:  now.Add(-min(keepHours, retention)).Unix(),
		days:   now.Add(-min(keepDays, retention)).Unix(),
		closed: map[int64]bool{},
	}
	if !r.knows(byDay) || !r.knows(byMonth) {
		return nil, false
	}
	days := map[int64]int64{}
	for _, r := range b.byDay {
		days[monthOf(date(int32(r.Start/secondsPerDay))).Unix()] += r.Views
	}
	for _, r := range b.byMonth {
		b.closed[r.Start] = r.Start < b.days || days[r.Start] == r.Views
	}
	return b, true
}

// oldestHour is when the first hour began that is kept; 0: there is none. It lies
// in the first day that can have any.
func (b *books) oldestHour(r *reading) int64 {
	for _, day := range b.byDay {
		if day.Start < b.hours-secondsPerDay {
			continue
		}
		// Zones are up to 14 hours off.
		rows := r.rows(Select{
			Site: day.Site, Grain: Hour, Dim: DimTotal, By: ByStart,
			From: day.Start - secondsPerDay, To: day.Start + 3*secondsPerDay,
		})
		if len(rows) == 0 {
			return 0
		}
		return rows[0].Start
	}
	return 0
}

// rows answers a selection of the site's own totals. It reports false for any other.
func (b *books) rows(sel *Select) ([]Row, bool) {
	if sel.Dim != DimTotal || sel.Grain == Hour || sel.Page != "" || sel.AnyPage || sel.Value != nil || sel.By&^ByStart != 0 {
		return nil, false
	}
	var rows []Row
	for _, s := range sel.spans() {
		all := b.byDay
		if s.Grain == Month {
			all = b.byMonth
		}
		for _, r := range all {
			if s.From <= r.Start && r.Start < s.To {
				rows = append(rows, r)
			}
		}
	}
	if sel.By == ByStart || len(rows) == 0 {
		slices.SortFunc(rows, func(a, b Row) int { return compareKeys(a.Key, b.Key) })
		return rows, true
	}
	return []Row{{rows[0].Key, sumOf(rows)}}, true
}

// oldest is the first day of which anything is kept, and for how long the row that
// tells it is. While all days of the first month are kept, the first of them tells
// it, not the row of the month, which begins before anything was counted.
func (b *books) oldest(r *Retention) (first time.Time, keep time.Duration) {
	switch {
	case len(b.byDay) == 0 && len(b.byMonth) == 0:
		return time.Time{}, 0
	case len(b.byDay) == 0 || len(b.byMonth) > 0 && b.byMonth[0].Start < b.byDay[0].Start && !b.wholeByDay(b.byMonth[0]):
		return time.Unix(b.byMonth[0].Start, 0).UTC(), r.Window
	}
	return time.Unix(b.byDay[0].Start, 0).UTC(), r.Days
}

// wholeByDay reports whether the days that are kept hold all that month does.
func (b *books) wholeByDay(month Row) bool {
	next := time.Unix(month.Start, 0).UTC().AddDate(0, 1, 0).Unix()
	var views int64
	for _, day := range b.byDay {
		if month.Start <= day.Start && day.Start < next {
			views += day.Views
		}
	}
	return views == month.Views
}
