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
	oldestHour     int64 // 0: none
	// Hours and days before these are forgotten, in seconds since 1970.
	hours, days int64
	// closed are the months, by their first second, whose rows hold all that
	// their days hold or held.
	closed map[int64]bool
}

// readBooks reads them and finds out which months are closed. A month that late
// batches reached since it was closed counts as open until the next pass, as long
// as its days are there.
func readBooks(ctx context.Context, store Store, site string, now time.Time, retention time.Duration) (*books, error) {
	b := &books{
		hours:  now.Add(-min(keepHours, retention)).Unix(),
		days:   now.Add(-min(keepDays, retention)).Unix(),
		closed: map[int64]bool{},
	}
	sel := Select{Site: site, Grain: Day, Dim: DimTotal, To: 1 << 60, By: ByStart}
	var err error
	if b.byDay, err = store.Query(ctx, sel); err != nil {
		return nil, err
	}
	sel.Grain = Month
	if b.byMonth, err = store.Query(ctx, sel); err != nil {
		return nil, err
	}
	if b.oldestHour, err = firstHour(ctx, store, site, b); err != nil {
		return nil, err
	}
	days := map[int64]int64{}
	for _, r := range b.byDay {
		days[monthOf(date(int32(r.Start/secondsPerDay))).Unix()] += r.Views
	}
	for _, r := range b.byMonth {
		b.closed[r.Start] = r.Start < b.days || days[r.Start] == r.Views
	}
	return b, nil
}

// firstHour is when the first hour began that is kept: it lies in the first day
// that can have any.
func firstHour(ctx context.Context, store Store, site string, b *books) (int64, error) {
	for _, r := range b.byDay {
		if r.Start < b.hours-secondsPerDay {
			continue
		}
		// Zones are up to 14 hours off.
		sel := Select{Site: site, Grain: Hour, Dim: DimTotal, From: r.Start - secondsPerDay, To: r.Start + 3*secondsPerDay, By: ByStart}
		rows, err := store.Query(ctx, sel)
		if err != nil || len(rows) == 0 {
			return 0, err
		}
		return rows[0].Start, nil
	}
	return 0, nil
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
