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

// series answers the series, with a point for every step of the period.
func (q *asking) series(sel Select) []Point {
	var steps []int64
	switch q.Series {
	case SeriesDay:
		for d := q.from; d <= q.to; d++ {
			steps = append(steps, int64(d)*secondsPerDay)
		}
	case SeriesMonth:
		for t := date(q.from); !t.After(date(q.to)); t = monthAfter(t) {
			steps = append(steps, monthOf(t).Unix())
		}
	case SeriesHour:
		if q.Filter != nil || q.Page != "" || q.to-q.from > int32(keepHours/(24*time.Hour)) {
			return nil
		}
		sel = q.hours(DimTotal)
		for h := sel.From; h < sel.To; h += int64(time.Hour / time.Second) {
			steps = append(steps, q.site.calendar.at(h).Hour)
		}
	default:
		return nil
	}
	sel.By = ByStart
	sums := make([]Metrics, len(steps))
	for _, r := range q.rows(sel) {
		// The last step that does not begin after the row.
		i, found := slices.BinarySearch(steps, r.Start)
		if !found {
			i--
		}
		if i >= 0 {
			sums[i].Add(r.Metrics)
		}
	}
	return q.points(steps, sums)
}

func (q *asking) points(steps []int64, sums []Metrics) []Point {
	c := q.show.cover(q.guarded(), sums...)
	points := make([]Point, len(steps))
	for i, start := range steps {
		points[i] = Point{Start: time.Unix(start, 0).UTC(), Counts: c.counts(sums[i])}
		if q.Series == SeriesHour {
			points[i].Start = points[i].Start.In(q.site.calendar.loc)
		}
		if q.Page == "" {
			points[i].Seconds = c.mean(sums[i].Seconds, sums[i].Visits)
		}
		if q.Series == SeriesDay && q.Filter == nil && q.Page == "" {
			points[i].Visitors = c.number(sums[i].Visitors)
		}
	}
	return points
}

// monthOf is the first of t's month; monthAfter that of the next.
func monthOf(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month(), 1, 0, 0, 0, 0, time.UTC)
}

func monthAfter(t time.Time) time.Time {
	return time.Date(t.Year(), t.Month()+1, 1, 0, 0, 0, 0, time.UTC)
}
