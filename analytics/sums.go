package analytics

import (
	"cmp"
	"slices"
)

// A Grain is the length of the time that one row of sums covers.
type Grain uint8

// The grains. The older a sum, the coarser its grain.
const (
	Hour Grain = iota + 1
	Day
	Month
)

// String returns the grain's name in the table.
func (g Grain) String() string {
	switch g {
	case Hour:
		return "hour"
	case Day:
		return "day"
	case Month:
		return "month"
	}
	return "?"
}

// A Key says what a row of sums counts. It holds at most one page together with
// at most one characteristic of its readers, so that no row singles anybody out.
type Key struct {
	Site  string
	Grain Grain
	Dim   Dim
	// Page is a path, or empty for the whole site.
	Page string
	// Start is when the row's time begins, in seconds since 1970: the hour in the
	// site's zone, or the calendar date as 00:00 UTC.
	Start int64
	// Value is what Dim says it is.
	Value string
}

// Metrics are the counts of one row. On the way from the visitor they only grow;
// only folding takes away from one row what it adds to another.
type Metrics struct {
	Views     int64 // pages seen; for DimState requests; for DimEvent occurrences
	Visits    int64 // visits begun; for DimState arrivals
	Visitors  int64 // browsers on their first view of a day
	Engaged   int64 // visits that saw a second page or reached a goal, at the visit's start
	Continues int64 // views that another view followed in the same visit
	Seconds   int64 // from one view to the next of the same visit, at the earlier one
	Timed     int64 // views that Seconds is known of
	Goals     int64 // goals reached, each once a visit
}

// Add adds o to m.
func (m *Metrics) Add(o Metrics) {
	m.Views += o.Views
	m.Visits += o.Visits
	m.Visitors += o.Visitors
	m.Engaged += o.Engaged
	m.Continues += o.Continues
	m.Seconds += o.Seconds
	m.Timed += o.Timed
	m.Goals += o.Goals
}

// Zero reports whether m counts nothing.
func (m Metrics) Zero() bool { return m == Metrics{} }

// metricColumns are the names of the metrics' columns.
var metricColumns = [...]string{"views", "visits", "visitors", "engaged", "continues", "seconds", "timed", "goals"}

// all returns the metrics in the order of metricColumns.
func (m *Metrics) all() [8]*int64 {
	return [8]*int64{
		&m.Views, &m.Visits, &m.Visitors, &m.Engaged,
		&m.Continues, &m.Seconds, &m.Timed, &m.Goals,
	}
}

// A Row is a key and what is to be added to its sums.
type Row struct {
	Key
	Metrics
}

func compareKeys(a, b Key) int {
	return cmp.Or(
		cmp.Compare(a.Site, b.Site), cmp.Compare(a.Grain, b.Grain), cmp.Compare(a.Dim, b.Dim),
		cmp.Compare(a.Page, b.Page), cmp.Compare(a.Start, b.Start), cmp.Compare(a.Value, b.Value),
	)
}

// sumRows sorts rows by key and adds up those of one key, in place.
func sumRows(rows []Row) []Row { return sumSorted(rows, compareKeys) }

// sumSplit is sumRows as a [Store] answers: in the order of what sums are split by,
// without those that count nothing.
func sumSplit(rows []Row) []Row {
	return dropZero(sumSorted(rows, func(a, b Key) int {
		return cmp.Or(cmp.Compare(a.Site, b.Site), cmp.Compare(a.Start, b.Start), cmp.Compare(a.Page, b.Page), cmp.Compare(a.Value, b.Value))
	}))
}

func sumSorted(rows []Row, compare func(a, b Key) int) []Row {
	slices.SortFunc(rows, func(a, b Row) int { return compare(a.Key, b.Key) })
	n := 0
	for i := range rows {
		if n > 0 && rows[n-1].Key == rows[i].Key {
			rows[n-1].Add(rows[i].Metrics)
			continue
		}
		rows[n] = rows[i]
		n++
	}
	return rows[:n]
}
