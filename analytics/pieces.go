package analytics

import "time"

// A reach is what of a site's past can be read, and how finely.
type reach struct {
	// Hours and days before these are forgotten, in seconds since 1970.
	hours, days int64
	// closed are the months, by their first second, whose rows hold all that
	// their days hold or held.
	closed map[int64]bool
}

// findReach finds out which months are closed. A month that late batches reached
// since it was closed counts as open until the next pass, as long as its days
// are there.
func (q *asking) findReach(now time.Time, retention time.Duration) {
	q.reach = reach{
		hours:  now.Add(-min(keepHours, retention)).Unix(),
		days:   now.Add(-min(keepDays, retention)).Unix(),
		closed: map[int64]bool{},
	}
	days := map[int64]int64{}
	sel := Select{Site: q.Site, Grain: Day, Dim: DimTotal, To: 1 << 60, By: ByStart}
	for _, r := range q.rows(sel) {
		days[monthOf(date(int32(r.Start/secondsPerDay))).Unix()] += r.Views
	}
	sel.Grain = Month
	for _, r := range q.rows(sel) {
		q.reach.closed[r.Start] = r.Start < q.reach.days || days[r.Start] == r.Views
	}
}

// pieces splits a selection of days into whole closed months, read from their
// month rows, and the days around them. It reports false when days are asked for
// that are forgotten and of which only the month is known.
func (q *asking) pieces(sel Select) ([]Select, bool) {
	var out []Select
	add := func(g Grain, from, to int64) {
		if from >= to {
			return
		}
		if n := len(out); n > 0 && out[n-1].Grain == g && out[n-1].To == from {
			out[n-1].To = to
			return
		}
		s := sel
		s.Grain, s.From, s.To = g, from, to
		out = append(out, s)
	}
	known := true
	for at := sel.From; at < sel.To; {
		month := monthOf(time.Unix(at, 0).UTC())
		start, end := month.Unix(), monthAfter(month).Unix()
		stop := min(end, sel.To)
		switch {
		case at == start && stop == end && q.reach.closed[start]:
			add(Month, start, end)
		default:
			if q.reach.closed[start] && at < q.reach.days {
				known = false
			}
			add(Day, at, stop)
		}
		at = stop
	}
	return out, known
}

// overPieces asks for a selection of days by its pieces. With ByStart, rows of a
// month stand at its first day.
func (q *asking) overPieces(sel Select) []Row {
	pieces, _ := q.pieces(sel)
	var all []Row
	for _, p := range pieces {
		for _, r := range q.rows(p) {
			r.Grain = Day
			all = append(all, r)
		}
	}
	return sumRows(all)
}

// forgotten reports whether days of the period are no longer known by the day
// and the period does not cover their month.
func (q *asking) forgotten() bool {
	_, known := q.pieces(q.days(DimTotal))
	return !known
}
