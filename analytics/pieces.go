package analytics

import "time"

// pieces splits a selection of days into whole closed months, read from their
// month rows, and the days around them. It reports false when days are asked for
// that are forgotten and of which only the month is known.
func (q *asking) pieces(sel Select) ([]Span, bool) {
	var out []Span
	add := func(g Grain, from, to int64) {
		if n := len(out); n > 0 && out[n-1].Grain == g && out[n-1].To == from {
			out[n-1].To = to
			return
		}
		out = append(out, Span{g, from, to})
	}
	known := true
	for at := sel.From; at < sel.To; {
		month := monthOf(time.Unix(at, 0).UTC())
		start, end := month.Unix(), monthAfter(month).Unix()
		stop := min(end, sel.To)
		switch {
		case at == start && stop == end && q.books.closed[start]:
			add(Month, start, end)
		default:
			if q.books.closed[start] && at < q.books.days {
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
	sel.Grain, sel.From, sel.To = pieces[0].Grain, pieces[0].From, pieces[0].To
	if !sel.AnyPage {
		sel.Also = pieces[1:]
		return asDays(q.rows(sel))
	}
	var all []Row
	for _, p := range pieces {
		sel.Grain, sel.From, sel.To = p.Grain, p.From, p.To
		all = append(all, q.rows(sel)...)
	}
	return sumRows(asDays(all))
}

// asDays takes the grain for no difference between rows any more.
func asDays(rows []Row) []Row {
	for i := range rows {
		rows[i].Grain = Day
	}
	return rows
}

// forgotten reports whether days of the period are no longer known by the day
// and the period does not cover their month.
func (q *asking) forgotten() bool {
	_, known := q.pieces(q.days(DimTotal))
	return !known
}
