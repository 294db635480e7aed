package dashboard

import (
	"fmt"
	"net/url"
	"time"

	"github.com/lychgate/lychgate/analytics"
)

const (
	oneDay = 24 * time.Hour
	// isoDate is how days stand in addresses, tables and files.
	isoDate = "2006-01-02"
	// maxPeriod bounds a custom period; nothing is kept for longer.
	maxPeriod = 10 * 366 * oneDay
)

// A Period is a stretch of whole days of a site's zone, written as 00:00 UTC of
// their dates, both ends included. Its state in an address is its Key, and for
// the custom one From and To.
type Period struct {
	Key      string
	From, To time.Time
	// Name is the period in words: "This month so far".
	Name string
}

// A preset is a period that people ask for by name.
type preset struct {
	key, name string
	months    bool // whole months, the running one so far
	more      bool // asked for less often
	span      func(today time.Time) (from, to time.Time)
}

// presets are in the order in which they are offered; the first is the default.
var presets = [...]preset{
	{"this-month", "This month so far", true, false, func(d time.Time) (time.Time, time.Time) { return monthOf(d), d }},
	{"last-month", "Last month", true, false, func(d time.Time) (time.Time, time.Time) {
		return monthOf(d).AddDate(0, -1, 0), monthOf(d).AddDate(0, 0, -1)
	}},
	{"last-30-days", "Last 30 days", false, false, func(d time.Time) (time.Time, time.Time) { return d.AddDate(0, 0, -29), d }},
	{"last-7-days", "Last 7 days", false, true, func(d time.Time) (time.Time, time.Time) { return d.AddDate(0, 0, -6), d }},
	{"today", "Today", false, true, func(d time.Time) (time.Time, time.Time) { return d, d }},
	{"this-quarter", "This quarter so far", true, true, func(d time.Time) (time.Time, time.Time) { return quarterOf(d), d }},
	{"last-quarter", "Last quarter", true, true, func(d time.Time) (time.Time, time.Time) {
		return quarterOf(d).AddDate(0, -3, 0), quarterOf(d).AddDate(0, 0, -1)
	}},
	{"financial-year", "Financial year so far", true, false, func(d time.Time) (time.Time, time.Time) { return financialYearOf(d), d }},
	{"last-financial-year", "Last financial year", true, true, func(d time.Time) (time.Time, time.Time) {
		return financialYearOf(d).AddDate(-1, 0, 0), financialYearOf(d).AddDate(0, 0, -1)
	}},
}

const custom = "custom"

func monthOf(d time.Time) time.Time { return time.Date(d.Year(), d.Month(), 1, 0, 0, 0, 0, time.UTC) }

func quarterOf(d time.Time) time.Time {
	return time.Date(d.Year(), (d.Month()-1)/3*3+1, 1, 0, 0, 0, 0, time.UTC)
}

// financialYearOf is the 1 April on or before d, the financial year of most
// British charities.
func financialYearOf(d time.Time) time.Time {
	y := time.Date(d.Year(), time.April, 1, 0, 0, 0, 0, time.UTC)
	if y.After(d) {
		y = y.AddDate(-1, 0, 0)
	}
	return y
}

// dayOf is the calendar date of a moment in a zone, as 00:00 UTC.
func dayOf(t time.Time, zone *time.Location) time.Time {
	if zone == nil {
		zone = time.UTC
	}
	y, m, d := t.In(zone).Date()
	return time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
}

// parsePeriod reads the period of an address. What cannot be read is the
// default: an old bookmark shows a page, not an error.
func parsePeriod(q url.Values, today time.Time) Period {
	key := q.Get("period")
	if key == custom {
		if p, ok := customPeriod(q.Get("from"), q.Get("to"), today); ok {
			return p
		}
	}
	chosen := presets[0]
	for _, p := range presets {
		if p.key == key {
			chosen = p
		}
	}
	from, to := chosen.span(today)
	return Period{chosen.key, from, to, chosen.name}
}

// customPeriod reads two dates. Dates the wrong way round are turned; days to
// come are left out.
func customPeriod(from, to string, today time.Time) (Period, bool) {
	a, err := time.Parse(isoDate, from)
	b, err2 := time.Parse(isoDate, to)
	if err != nil || err2 != nil {
		return Period{}, false
	}
	if b.Before(a) {
		a, b = b, a
	}
	if b.After(today) {
		b = today
	}
	if a.After(b) || b.Sub(a) > maxPeriod {
		return Period{}, false
	}
	return Period{custom, a, b, dateRange(a, b)}, true
}

// values is the period's part of an address.
func (p Period) values() url.Values {
	q := url.Values{}
	q.Set("period", p.Key)
	if p.Key == custom {
		q.Set("from", p.From.Format(isoDate))
		q.Set("to", p.To.Format(isoDate))
	}
	return q
}

// Days is the number of days in p.
func (p Period) Days() int { return int(p.To.Sub(p.From)/oneDay) + 1 }

// Dates is p as dates in words: "1 to 21 November 2026".
func (p Period) Dates() string { return dateRange(p.From, p.To) }

// step is the length of one bar of p's chart.
func (p Period) step() analytics.SeriesStep {
	switch days := p.Days(); {
	case days <= 2:
		return analytics.SeriesHour
	case days <= 92:
		return analytics.SeriesDay
	default:
		return analytics.SeriesMonth
	}
}

// before is the period that p is compared with. A calendar period is compared
// with the same days of the one before, any other with as many days just before.
func (p Period) before() Period {
	months := map[string]int{
		"this-month": 1, "last-month": 1, "this-quarter": 3, "last-quarter": 3,
		"financial-year": 12, "last-financial-year": 12,
	}[p.Key]
	q := Period{Key: custom}
	switch {
	case months > 0:
		q.From = p.From.AddDate(0, -months, 0)
		q.To = addMonths(p.To, -months)
		if next := p.To.AddDate(0, 0, 1); next.Day() == 1 { // to the end of a month: all of the other month
			q.To = next.AddDate(0, -months, -1)
		}
	default:
		q.To = p.From.AddDate(0, 0, -1)
		q.From = q.To.AddDate(0, 0, -p.Days()+1)
	}
	q.Name = dateRange(q.From, q.To)
	return q
}

// yearBefore is the period 52 weeks earlier, so that Sundays meet Sundays.
func (p Period) yearBefore() Period {
	q := Period{Key: custom, From: p.From.AddDate(0, 0, -364), To: p.To.AddDate(0, 0, -364)}
	q.Name = dateRange(q.From, q.To)
	return q
}

// wholeMonths is p widened to whole calendar months, the running one up to
// today. What leaves the dashboard (files, shared pages, the API) comes in
// these alone: of two periods that differ by a day, the difference would be that
// day's numbers, however small.
func (p Period) wholeMonths(today time.Time) Period {
	q := p
	q.From = monthOf(p.From)
	q.To = monthOf(p.To).AddDate(0, 1, -1)
	if q.To.After(today) {
		q.To = today
	}
	if q.From != p.From || q.To != p.To {
		q.Key, q.Name = custom, dateRange(q.From, q.To)
	}
	return q
}

// addMonths is d some months on, on the last day of the month where it has no
// such day: a month before 31 March is 28 February.
func addMonths(d time.Time, months int) time.Time {
	first := monthOf(d).AddDate(0, months, 0)
	last := first.AddDate(0, 1, -1)
	if d.Day() >= last.Day() {
		return last
	}
	return first.AddDate(0, 0, d.Day()-1)
}

// dateRange is a stretch of days in words, each part said once.
func dateRange(a, b time.Time) string {
	switch {
	case a.Equal(b):
		return a.Format("2 January 2006")
	case a.Day() == 1 && b.Equal(monthOf(a).AddDate(0, 1, -1)):
		return a.Format("January 2006")
	case a.Year() != b.Year():
		return fmt.Sprintf("%s to %s", a.Format("2 January 2006"), b.Format("2 January 2006"))
	case a.Month() != b.Month():
		return fmt.Sprintf("%s to %s", a.Format("2 January"), b.Format("2 January 2006"))
	default:
		return fmt.Sprintf("%d to %s", a.Day(), b.Format("2 January 2006"))
	}
}
