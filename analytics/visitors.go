package analytics

import "time"

// exactGapDays is the length of period up to which gaps tell unique visitors exactly.
const exactGapDays = 32

// visitors counts the different browsers of the period. A browser is counted on
// its first active day in [from, to]: the day d on which more than d-from days
// had passed since the one before. So the number comes from sums alone.
//
// It is exact for a single day, for up to 32 days, and for a week, month,
// quarter, year or financial year from its first day on; other periods are
// "about".
func (q *asking) visitors(c cover) Number {
	if q.from == q.to {
		var n int64
		for _, r := range q.rows(q.days(DimTotal)) {
			n += r.Visitors
		}
		if n == 0 && q.importedVisitors() {
			return unanswered
		}
		return c.number(n)
	}
	if q.importedVisitors() {
		return unanswered
	}
	if period := periodFrom(q.from, q.to); period != "" {
		return c.number(q.firstSeen(period).Visitors)
	}
	if q.now.Sub(date(q.from)) > keepGaps {
		return unanswered
	}
	var n float64
	for _, r := range q.gaps() {
		passed := int32(r.Start/secondsPerDay) - q.from
		n += float64(r.Visitors) * shareBeyond(r.Value, passed)
	}
	number := c.number(int64(n + 0.5))
	if q.to-q.from >= exactGapDays && number.Kind == Known {
		number.Kind = About
	}
	return number
}

// importedVisitors reports whether days of the period were counted elsewhere: their
// visitors cannot be told from one another over days.
func (q *asking) importedVisitors() bool {
	return !q.firstSeen(importedVisitors).Zero()
}

// firstSeen sums what is counted in the period under one value of DimNewIn. All values
// are read, since two of them are asked for together.
func (q *asking) firstSeen(value string) (sum Metrics) {
	sel := q.days(DimNewIn)
	sel.By = ByValue
	for _, r := range q.overPieces(sel) {
		if r.Value == value {
			sum.Add(r.Metrics)
		}
	}
	return sum
}

// gaps are the visitors of the period by the day and by how long before they came
// the last time.
func (q *asking) gaps() []Row {
	sel := q.days(DimGap)
	sel.By = ByStart | ByValue
	return q.rows(sel)
}

// shareBeyond is the share of the browsers counted under a gap's name whose gap
// is more than passed days. Within the wide ones they are taken to be spread
// evenly.
func shareBeyond(name string, passed int32) float64 {
	low := minGap(name)
	high := low
	switch name {
	case "32-61":
		high = 61
	case "62-92":
		high = 92
	case "93-183":
		high = 183
	case "184+":
		high = 366
	}
	switch {
	case passed < low:
		return 1
	case passed >= high:
		return 0
	}
	return float64(high-passed) / float64(high-low+1)
}

// periodFrom names the calendar period, of those in DimNewIn, that begins on
// from and has not ended before to; "" if there is none.
func periodFrom(from, to int32) string {
	begins := newIn(from-1, from) // those of which from is the first day
	ends := map[string]time.Time{}
	t := date(from)
	ends["week"] = t.AddDate(0, 0, 7)
	ends["month"] = t.AddDate(0, 1, 0)
	ends["quarter"] = t.AddDate(0, 3, 0)
	ends["year"] = t.AddDate(1, 0, 0)
	ends["financial-year"] = t.AddDate(1, 0, 0)
	for _, p := range begins {
		if date(to).Before(ends[p]) {
			return p
		}
	}
	return ""
}
