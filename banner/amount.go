package banner

import (
	"strconv"
	"time"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

// date writes the day of t, in t's own zone.
func (l *locale) date(t time.Time) string {
	month := strconv.Itoa(int(t.Month()))
	if len(l.Months) == 12 {
		month = l.Months[t.Month()-1]
	}
	return fill(l.Date,
		"d", strconv.Itoa(t.Day()),
		"m", strconv.Itoa(int(t.Month())),
		"month", month,
		"y", strconv.Itoa(t.Year()))
}

// The lengths in which retention is configured.
const (
	day   = 24 * time.Hour
	month = 2_629_746 * time.Second // a twelfth of a Gregorian year
	year  = 12 * month
)

// amount writes a retention window in the unit it was meant in: 180 days, 25
// months, 4 years. Months and years come as an average or as 30 and 365 days.
func (l *locale) amount(d time.Duration) string {
	switch {
	case d%(365*day) != 0 && d%day == 0 && d < 365*day:
		return l.count(l.Days, int(d/day))
	case near(d, year):
		return l.count(l.Years, int((d+year/2)/year))
	case near(d, month):
		return l.count(l.MonthsCount, int((d+month/2)/month))
	default:
		return l.count(l.Days, int((d+day/2)/day))
	}
}

// near reports whether d is a whole number of units, give or take half a day in
// each month.
func near(d, unit time.Duration) bool {
	n := (d + unit/2) / unit
	return n > 0 && (d-n*unit).Abs() <= n*unit/60
}

// count chooses the plural form of n.
func (l *locale) count(forms map[string]string, n int) string {
	text, ok := forms[pluralForm(l.Tag, n)]
	if !ok {
		text = forms["other"]
	}
	return fill(text, "n", strconv.Itoa(n))
}

// pluralForm is the name of the CLDR cardinal form of n in a language.
func pluralForm(tag string, n int) string {
	switch plural.Cardinal.MatchPlural(language.Make(tag), n, 0, 0, 0, 0) {
	case plural.Zero:
		return "zero"
	case plural.One:
		return "one"
	case plural.Two:
		return "two"
	case plural.Few:
		return "few"
	case plural.Many:
		return "many"
	default:
		return "other"
	}
}
