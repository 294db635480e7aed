package analytics

import (
	"context"
	"fmt"
	"time"
)

// lateness is how long after its end a month waits for batches that lay in a
// spool before it is closed.
const lateness = 48 * time.Hour

// foldSource begins the source of the batches that close months, which the
// housekeeper adds.
const foldSource = "fold/"

// monthDims are the dimensions that are kept by the month, too. Gaps are not:
// they tell something only by the day.
var monthDims = [...]Dim{
	DimPage, DimEntry, DimChannel, DimSource, DimCampaign, DimMedium, DimTerm, DimContent, DimCountry, DimRegion,
	DimBrowser, DimOS, DimDevice, DimWidth, DimSearch, DimNotFound, DimDownload, DimOutbound, DimGoal, DimFunnel,
	DimEvent, DimNewIn, DimCube, DimState, DimTotal,
}

// folds reports whether rare values of a dimension are folded into "(other)"
// when a month is closed: those which could single somebody out, or are of no
// use alone.
func folds(d Dim) bool {
	return sensitive(d) || d == DimNotFound || d == DimOutbound || d == DimMedium
}

// pageDims are the dimensions of which rows are kept with each page.
var pageDims = [...]Dim{DimChannel, DimCountry, DimDevice, DimCampaign, DimNotFound}

func isPageDim(d Dim) bool {
	for _, p := range pageDims {
		if p == d {
			return true
		}
	}
	return false
}

// closeMonths closes every month of the site that is over and of which all days
// are still kept: rare values are folded and the month's rows are written. It
// may be run any number of times; a month that late batches reached is brought
// up to date.
func (a *Analytics) closeMonths(ctx context.Context, store Store, s *site, now time.Time) error {
	first := monthOf(now.Add(-min(keepDays, a.config.Retention))).AddDate(0, 1, 0)
	for month := first; monthAfter(month).Add(lateness).Before(now); month = monthAfter(month) {
		c := closing{ctx: ctx, store: store, site: s, month: month, small: int64(a.config.SmallNumber)}
		if err := c.close(); err != nil {
			return fmt.Errorf("close %s of %s: %w", month.Format("2006-01"), s.name, err)
		}
	}
	return nil
}

// A closing is one month of one site being closed.
type closing struct {
	ctx   context.Context
	store Store
	site  *site
	month time.Time
	small int64
	views int64 // of the month's days: the number of its batches
}

// close brings one dimension after the other to its closed form, the total last:
// while that differs, the month is not closed.
func (c *closing) close() error {
	days, err := c.rows(c.selects(Day, DimTotal, false))
	if err != nil {
		return err
	}
	months, err := c.rows(c.selects(Month, DimTotal, false))
	if err != nil {
		return err
	}
	have := sumOf(months)
	want := sumOf(days)
	if have == want {
		return nil
	}
	c.views = want.Views
	for _, d := range monthDims {
		if err := c.closeDim(d); err != nil {
			return err
		}
	}
	return nil
}

func sumOf(rows []Row) Metrics {
	var m Metrics
	for _, r := range rows {
		m.Add(r.Metrics)
	}
	return m
}

// closeDim adds, in one batch, what turns a dimension's rows as they are into
// those of a closed month.
func (c *closing) closeDim(d Dim) error {
	grain := Day
	if d == DimState {
		grain = Hour
	}
	batch := Batch{
		Source: fmt.Sprintf(foldSource+"%s/%s/%s", c.site.name, c.month.Format("2006-01"), d),
		Number: uint64(c.views) + 1,
	}
	for _, withPage := range []bool{false, true} {
		if withPage && !isPageDim(d) {
			continue
		}
		fine, err := c.rows(c.selects(grain, d, withPage))
		if err != nil {
			return err
		}
		coarse, err := c.rows(c.selects(Month, d, withPage))
		if err != nil {
			return err
		}
		if withPage || folds(d) {
			moved := fold(fine, c.small)
			batch.Rows = append(batch.Rows, moved...)
			fine = append(fine, moved...)
		}
		batch.Rows = append(batch.Rows, c.monthRows(fine, coarse)...)
	}
	batch.Rows = dropZero(sumRows(batch.Rows))
	if len(batch.Rows) == 0 {
		return nil
	}
	return c.store.Add(c.ctx, batch)
}

func (c *closing) rows(s Select) ([]Row, error) { return c.store.Query(c.ctx, s) }

// selects names the month's rows at a grain, as they are in the table.
func (c *closing) selects(g Grain, d Dim, withPage bool) Select {
	s := Select{
		Site: c.site.name, Grain: g, Dim: d, AnyPage: withPage, By: ByStart | ByPage | ByValue,
		From: c.month.Unix(), To: monthAfter(c.month).Unix(),
	}
	if g == Hour { // from midnight to midnight at the site
		s.From = c.site.midnight(c.month)
		s.To = c.site.midnight(monthAfter(c.month))
	}
	return s
}

// fold returns rows that take the values away of which a page, or the site, had
// fewer than small views in the month, and add as much under "(other)".
func fold(rows []Row, small int64) []Row {
	type cell struct{ page, value string }
	views := map[cell]int64{}
	for _, r := range rows {
		views[cell{r.Page, r.Value}] += max(r.Views, r.Visits)
	}
	var moved []Row
	for _, r := range rows {
		if r.Value == "" || r.Value == other || views[cell{r.Page, r.Value}] >= small {
			continue
		}
		away, there := r, r
		for _, m := range away.all() {
			*m = -*m
		}
		there.Value = other
		moved = append(moved, away, there)
	}
	return moved
}

// monthRows returns what has to be added to the coarse rows to make them the sum
// of the fine ones.
func (c *closing) monthRows(fine, coarse []Row) []Row {
	var add []Row
	for _, r := range fine {
		r.Grain, r.Start = Month, c.month.Unix()
		add = append(add, r)
	}
	for _, r := range coarse {
		for _, m := range r.all() {
			*m = -*m
		}
		add = append(add, r)
	}
	return add
}

func dropZero(rows []Row) []Row {
	kept := rows[:0]
	for _, r := range rows {
		if !r.Zero() {
			kept = append(kept, r)
		}
	}
	return kept
}
