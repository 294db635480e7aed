package analytics

import (
	"cmp"
	"slices"
	"time"
)

// sortByViews puts the greatest first.
func sortByViews(rows []Row) {
	slices.SortStableFunc(rows, func(a, b Row) int {
		return cmp.Or(cmp.Compare(b.Views, a.Views), cmp.Compare(b.Visits, a.Visits), cmp.Compare(b.Goals, a.Goals))
	})
}

// series sums the question's rows for every step of the period. It returns
// nothing when no series is asked for, or none can be answered.
func (q *asking) series(sel Select) (starts []int64, sums []Metrics) {
	switch q.Series {
	case SeriesDay:
		for d := q.from; d <= q.to; d++ {
			starts = append(starts, int64(d)*secondsPerDay)
		}
	case SeriesMonth:
		for t := monthOf(date(q.from)); !t.After(date(q.to)); t = monthAfter(t) {
			starts = append(starts, t.Unix())
		}
	case SeriesHour:
		if q.Filter != nil || q.Page != "" || q.to-q.from > int32(keepHours/(24*time.Hour)) {
			return nil, nil
		}
		sel = q.hours(DimTotal)
		for h := sel.From; h < sel.To; h += int64(time.Hour / time.Second) {
			starts = append(starts, q.site.calendar.at(h).Hour)
		}
	default:
		return nil, nil
	}
	sel.By = ByStart
	read := q.rows
	if q.Series == SeriesMonth {
		read = q.overPieces
	}
	sums = make([]Metrics, len(starts))
	for _, r := range read(sel) {
		// The last step that does not begin after the row.
		i, found := slices.BinarySearch(starts, r.Start)
		if !found {
			i--
		}
		if i >= 0 {
			sums[i].Add(r.Metrics)
		}
	}
	return starts, sums
}

// points shows a series.
func (q *asking) points(starts []int64, sums []Metrics) []Point {
	if starts == nil {
		return nil
	}
	c := q.show.cover(q.guarded(), sums...)
	points := make([]Point, len(starts))
	for i, start := range starts {
		points[i] = Point{Start: q.stepTime(start), Counts: noCounts}
		if q.lost(start) {
			continue
		}
		points[i].Counts = c.counts(sums[i])
		if q.Page == "" {
			points[i].Seconds = c.mean(sums[i].Seconds, sums[i].Visits)
		}
		if q.Series == SeriesDay && q.Filter == nil && q.Page == "" {
			points[i].Visitors = c.number(sums[i].Visitors)
		}
	}
	return points
}

func (q *asking) stepTime(start int64) time.Time {
	t := time.Unix(start, 0).UTC()
	if q.Series == SeriesHour {
		t = t.In(q.site.calendar.loc)
	}
	return t
}

// lost reports whether there was something in a step that is kept only more
// coarsely by now.
func (q *asking) lost(start int64) bool {
	month := monthOf(time.Unix(start, 0).UTC()).Unix()
	switch q.Series {
	case SeriesHour:
		return start < q.books.hours
	case SeriesDay:
		return start < q.books.days && q.books.closed[month]
	}
	return false
}

// monthOf is the first of t's month; monthAfter that of the next.
func monthOf(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
}

func monthAfter(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month()+1, 1, 0, 0, 0, 0, time.UTC)
}
