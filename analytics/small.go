package analytics

// Small numbers. A cell of one or two people tells on them, so small ones are
// not shown, here and nowhere else.
//
// For everybody but signed-in admins every cell under the small number is
// "fewer than", zero stays zero, and every other count is rounded to the nearest
// base on its own, totals too. So nothing has to be hidden a second time to keep
// a total from giving a small cell away: statistics bodies (NHS England) found
// rounding safer than suppression done twice.
//
// Admins see exact totals. Cells that could single somebody out are protected
// for them, too: once one cell of such a list is small, the whole list is
// rounded, or the exact total would tell the small one.
type disclosure struct {
	mode  Mode
	small int64 // the least count that is shown
	base  int64 // what counts are rounded to
}

// SmallNumber is the least count that is shown to everybody, as configured.
func (a *Analytics) SmallNumber() int { return a.config.SmallNumber }

func (c Config) disclosure(m Mode) disclosure {
	return disclosure{mode: m, small: int64(c.SmallNumber), base: 5}
}

// sensitive lists the dimensions whose small cells could single somebody out
// even for an admin.
var sensitiveDims = [...]Dim{
	DimCountry, DimRegion, DimSearch, DimTerm, DimCampaign, DimContent, DimSource, DimCube,
}

func sensitive(d Dim) bool {
	for _, s := range sensitiveDims {
		if s == d {
			return true
		}
	}
	return false
}

// A cover says how one group of cells is shown: a list, a series, one headline.
type cover struct {
	disclosure
	suppress, round bool
}

// cover decides for a group of cells. The counts of every cell are looked at,
// also of those that will not be shown.
func (d disclosure) cover(isSensitive bool, cells ...Metrics) cover {
	if d.mode != Exact {
		return cover{d, true, true}
	}
	c := cover{disclosure: d, suppress: isSensitive}
	for i := range cells {
		c.round = c.round || isSensitive && d.anySmall(&cells[i])
	}
	return c
}

// shownCounts are the metrics that are shown of a cell.
func shownCounts(m *Metrics) [6]int64 {
	return [...]int64{m.Views, m.Visits, m.Visitors, m.Engaged, m.Views - m.Continues, m.Goals}
}

func (d disclosure) isSmall(n int64) bool { return n > 0 && n < d.small }

func (d disclosure) anySmall(m *Metrics) bool {
	for _, n := range shownCounts(m) {
		if d.isSmall(n) {
			return true
		}
	}
	return false
}

// The places of some of the shownCounts.
const (
	shownViews = iota
	shownVisits
	_ // visitors are not told by lists
	shownEngaged
	shownExits
	shownGoals
)

// exposed says of each of the shownCounts whether somebody who sees it of all
// cells so covered, and of their total so covered, could compute a small one.
func (c cover) exposed(total cover, cells []Metrics) (told [6]bool) {
	var sum Metrics
	for _, m := range cells {
		sum.Add(m)
	}
	totals := shownCounts(&sum)
	for k := range totals {
		low, high := total.bounds(totals[k])
		for i := range cells { // what the others leave for one
			l, h := c.bounds(shownCounts(&cells[i])[k])
			low, high = low-h, high-l
		}
		for i := range cells {
			n := shownCounts(&cells[i])[k]
			if !c.suppress || !c.isSmall(n) {
				continue
			}
			l, h := c.bounds(n)
			if min(h, high+l) <= max(l, low+h) {
				told[k] = true
			}
		}
	}
	return told
}

// anonymous reports whether a row of a list of the whole site would tell a small
// count of views or visits by its name.
func (c cover) anonymous(m *Metrics, told [6]bool) bool {
	return told[shownViews] && c.isSmall(m.Views) || told[shownVisits] && c.isSmall(m.Visits)
}

// without leaves out what else was told: a place is not hidden because three of its
// many visits reached a goal.
func (n Counts) without(told [6]bool) Counts {
	if told[shownEngaged] {
		n.Engaged = unanswered
	}
	if told[shownExits] {
		n.Exits = unanswered
	}
	if told[shownGoals] {
		n.Goals = unanswered
	}
	return n
}

// bounds are the counts that what number shows of n leaves possible.
func (c cover) bounds(n int64) (low, high int64) {
	switch shown := c.number(n); shown.Kind {
	case FewerThan:
		return 1, shown.N - 1
	case Rounded:
		return max(c.small, shown.N-c.base/2), shown.N + (c.base-1)/2
	default:
		return shown.N, shown.N
	}
}

// number is n as it may be shown.
func (c cover) number(n int64) Number {
	switch {
	case n <= 0:
		return Number{}
	case c.suppress && n < c.small:
		return Number{N: c.small, Kind: FewerThan}
	case c.round:
		return Number{N: (n + c.base/2) / c.base * c.base, Kind: Rounded}
	}
	return Number{N: n}
}

// mean is total/count in whole units, if count is large enough to hide its
// members.
func (c cover) mean(total, count int64) Number {
	if count <= 0 || c.suppress && count < c.small {
		return unanswered
	}
	return Number{N: (total + count/2) / count}
}

var unanswered = Number{Kind: Unanswered}

// noCounts is what is shown where nothing can be answered.
var noCounts = Counts{
	unanswered, unanswered, unanswered, unanswered, unanswered, unanswered, unanswered,
}

// counts shows m. Visitors are left for those who know what they mean there.
func (c cover) counts(m Metrics) Counts {
	return Counts{
		Views: c.number(m.Views), Visits: c.number(m.Visits), Visitors: unanswered,
		Engaged: c.number(m.Engaged), Exits: c.number(m.Views - m.Continues), Goals: c.number(m.Goals),
		Seconds: c.mean(m.Seconds, m.Timed),
	}
}
