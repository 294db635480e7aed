package analytics

import (
	"sync/atomic"
	"time"
	_ "time/tzdata" // zones, also where the system has none

	"github.com/lychgate/lychgate/consent"
)

const (
	secondsPerDay = 24 * 60 * 60
	// Every change of an offset from UTC in force since 1972 fell on a quarter
	// of an hour, so within one the local date and hour are fixed.
	secondsPerQuarter = 15 * 60
)

// A moment is a time as finely as counting knows it.
type moment struct {
	// Minute is in minutes since 1970.
	Minute uint32
	// Hour is when the hour of the site's zone began, in seconds since 1970.
	Hour int64
	// Day is the date in the site's zone, in days since 1970.
	Day int32
}

// start returns a row's Start for a moment.
func (m moment) start(g Grain) int64 {
	if g == Hour {
		return m.Hour
	}
	return int64(m.Day) * secondsPerDay
}

// A calendar turns times into moments of one zone. It remembers the last quarter
// of an hour, since nearly all questions are about now.
type calendar struct {
	loc  *time.Location
	last atomic.Pointer[quarter]
}

type quarter struct {
	number int64 // of quarters since 1970
	hour   int64
	day    int32
}

func (c *calendar) at(unix int64) moment {
	n := unix / secondsPerQuarter
	q := c.last.Load()
	if q == nil || q.number != n {
		t := time.Unix(n*secondsPerQuarter, 0).In(c.loc)
		q = &quarter{number: n, hour: n*secondsPerQuarter - int64(t.Minute()*60), day: dayOf(t)}
		c.last.Store(q)
	}
	return moment{Minute: uint32(unix / 60), Hour: q.hour, Day: q.day}
}

func (c *calendar) atMinute(minute uint32) moment { return c.at(int64(minute) * 60) }

// midnight is when the date (00:00 UTC of it) begins in the site's zone, in
// seconds since 1970.
func (s *site) midnight(date time.Time) int64 {
	y, m, d := date.Date()
	return consent.FirstMoment(y, m, d, s.calendar.loc).Unix()
}

// dayOf is the calendar date of t in t's own zone, in days since 1970.
func dayOf(t time.Time) int32 {
	y, m, d := t.Date()
	return int32(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / secondsPerDay)
}

// date is the calendar date of day as 00:00 UTC.
func date(day int32) time.Time { return time.Unix(int64(day)*secondsPerDay, 0).UTC() }

// newIn lists the calendar periods of which the day today is a browser's first,
// given its last active day before; 0: none known. Weeks begin on Monday (ISO
// 8601), the financial year on 1 April, as British charities report.
func newIn(last, today int32) []string {
	t := date(today)
	y, m, _ := t.Date()
	first := func(m time.Month) int32 { return dayOf(time.Date(y, m, 1, 0, 0, 0, 0, time.UTC)) }
	financial := first(time.April)
	if m < time.April {
		financial = dayOf(time.Date(y-1, time.April, 1, 0, 0, 0, 0, time.UTC))
	}
	var in []string
	for _, p := range []struct {
		name  string
		start int32
	}{
		{"week", today - (int32(t.Weekday())+6)%7},
		{"month", first(m)},
		{"quarter", first((m-1)/3*3 + 1)},
		{"year", first(time.January)},
		{"financial-year", financial},
	} {
		if last == 0 || last < p.start {
			in = append(in, p.name)
		}
	}
	return in
}

// gapName is the value of DimGap: exact up to a month, wider after that.
func gapName(gap int32) string {
	switch {
	case gap <= 0:
		return "none"
	case gap <= 31:
		return twoDigits[gap]
	case gap <= 61:
		return "32-61"
	case gap <= 92:
		return "62-92"
	case gap <= 183:
		return "93-183"
	}
	return "184+"
}

// minGap is the least gap that a value of DimGap stands for, a very long one
// for "none".
func minGap(name string) int32 {
	switch name {
	case "none":
		return 1 << 30
	case "32-61":
		return 32
	case "62-92":
		return 62
	case "93-183":
		return 93
	case "184+":
		return 184
	}
	for i, s := range twoDigits {
		if s == name {
			return int32(i)
		}
	}
	return 0
}

var twoDigits = [32]string{
	"00", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11", "12", "13", "14", "15",
	"16", "17", "18", "19", "20", "21", "22", "23", "24", "25", "26", "27", "28", "29", "30", "31",
}
