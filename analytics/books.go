package analytics

import (
	"context"
	"slices"
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

// readBooks reads those of all sites asked about, by their names.
func (a *Analytics) readBooks(ctx context.Context, r *reading, asked []*asking) (map[string]*books, error) {
	all := map[string]*books{}
	for more := true; more; {
		for _, q := range asked {
			all[q.Site] = newBooks(r, q.Site, q.now, a.config.Retention)
		}
		var err error
		if more, err = r.read(ctx); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// newBooks finds out which months are closed. A month that late batches reached
// since it was closed counts as open until the next pass, as long as its days are
// there.
func newBooks(r *reading, site string, now time.Time, retention time.Duration) *books {
	sel := Select{Site: site, Grain: Day, Dim: DimTotal, To: 1 << 60, By: ByStart}
	b := &books{
		byDay:  r.rows(sel),
		hours:  now.Add(-min(keepHours, retention)).Unix(),
		days:   now.Add(-min(keepDays, retention)).Unix(),
		closed: map[int64]bool{},
	}
	sel.Grain = Month
	b.byMonth = r.rows(sel)
	days := map[int64]int64{}
	for _, r := range b.byDay {
		days[monthOf(date(int32(r.Start/secondsPerDay))).Unix()] += r.Views
	}
	for _, r := range b.byMonth {
		b.closed[r.Start] = r.Start < b.days || days[r.Start] == r.Views
	}
	return b
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
// tells it is.
func (b *books) oldest(r *Retention) (first time.Time, keep time.Duration) {
	switch {
	case len(b.byDay) == 0 && len(b.byMonth) == 0:
		return time.Time{}, 0
	case len(b.byDay) == 0 || len(b.byMonth) > 0 && b.byMonth[0].Start < b.byDay[0].Start:
		return time.Unix(b.byMonth[0].Start, 0).UTC(), r.Window
	}
	return time.Unix(b.byDay[0].Start, 0).UTC(), r.Days
}
