package analytics

import (
	"context"
	"fmt"
	"time"
)

// Query answers q from the store. While the store cannot be opened it returns
// an Answer whose numbers are Unanswered and whose Health says why, and no error.
func (a *Analytics) Query(ctx context.Context, q Question) (Answer, error) {
	s := a.sites[q.Site]
	if s == nil {
		return Answer{}, fmt.Errorf("no site %q", q.Site)
	}
	ans := Answer{
		Site: q.Site, From: q.From, To: q.To, Mode: q.Mode,
		Headline: noCounts, New: unanswered, States: noStates, Estimate: noEstimate, Health: a.Health(),
	}
	show := a.config.disclosure(q.Mode)
	ans.Live = show.cover(true).number(s.live.count(s.calendar.at(a.now().Unix()).Minute))
	store, err := a.opened(ctx)
	if err != nil {
		return ans, nil //nolint:nilerr // Health says it
	}
	ans.Retention = a.retention(ctx, store, q.Site)
	ask := &asking{
		Question: q, ctx: ctx, store: store, site: s, show: show, now: a.now(),
		from: dayOf(q.From.UTC()), to: dayOf(q.To.UTC()),
	}
	if ask.to < ask.from {
		return Answer{}, fmt.Errorf("period ends before it begins: %s, %s", q.From.Format(time.DateOnly), q.To.Format(time.DateOnly))
	}
	ask.findReach(a.now(), a.config.Retention)
	ask.fill(&ans)
	return ans, ask.err
}

// An asking is one Question on its way. After the first error it asks no more.
type asking struct {
	Question
	ctx      context.Context
	store    Store
	site     *site
	show     disclosure
	now      time.Time
	from, to int32 // days since 1970, both included
	reach    reach
	// headCover is how the headline is shown, which lists are measured against.
	headCover cover
	err       error
}

func (q *asking) fill(ans *Answer) {
	forgotten := q.forgotten()
	if sel, refused := q.base(); refused == "" {
		starts, sums := q.series(sel)
		ans.Series = q.points(starts, sums)
		if !forgotten {
			ans.Headline = q.headline(sel, sums)
			ans.New = q.newcomers()
		}
	}
	for _, l := range q.Lists {
		list := List{Dim: l.Dim, Refused: RefusedForgotten}
		if !forgotten {
			list = q.list(l)
		}
		ans.Lists = append(ans.Lists, list)
	}
	if states, ok := q.states(); ok {
		ans.States = showStates(q.show.cover(false), states)
		if q.Filter == nil && q.Page == "" && !forgotten {
			ans.Estimate = q.estimate(states)
		}
	}
}

// rows asks the store.
func (q *asking) rows(sel Select) []Row {
	if q.err != nil {
		return nil
	}
	var rows []Row
	rows, q.err = q.store.Query(q.ctx, sel)
	return rows
}

// days selects day rows of the period.
func (q *asking) days(d Dim) Select {
	return Select{
		Site: q.Site, Grain: Day, Dim: d,
		From: int64(q.from) * secondsPerDay, To: int64(q.to+1) * secondsPerDay,
	}
}

// hours selects hour rows of the period, which begins and ends at midnight in
// the site's zone.
func (q *asking) hours(d Dim) Select {
	return Select{
		Site: q.Site, Grain: Hour, Dim: d,
		From: q.site.midnight(date(q.from)), To: q.site.midnight(date(q.to + 1)),
	}
}

// filterDim reports whether a dimension's rows hold all metrics of what they
// stand for, so that they can be filtered by.
func filterDim(d Dim) bool {
	switch d {
	case DimEntry, DimChannel, DimSource, DimCampaign, DimCountry, DimRegion, DimBrowser, DimOS, DimDevice:
		return true
	}
	return false
}

// base selects the rows that the question's headline and series are made of.
func (q *asking) base() (Select, Refusal) {
	switch {
	case q.Filter == nil && q.Page == "":
		return q.days(DimTotal), ""
	case q.Filter == nil:
		sel := q.days(DimPage)
		sel.Value = &q.Page
		return sel, ""
	case !filterDim(q.Filter.Dim) || q.Page != "" && !isPageDim(q.Filter.Dim):
		return Select{}, RefusedNotKept
	}
	sel := q.days(q.Filter.Dim)
	sel.Page, sel.Value = q.Page, &q.Filter.Value
	return sel, ""
}

// guarded reports whether the cells asked for could single somebody out.
func (q *asking) guarded() bool {
	return q.Filter != nil && (q.Page != "" || sensitive(q.Filter.Dim))
}

// headline answers the counts of the whole period. A protected one whose series
// has small steps is rounded with them, or it would tell them.
func (q *asking) headline(sel Select, steps []Metrics) Counts {
	m := sumOf(q.overPieces(sel))
	q.headCover = q.show.cover(q.guarded(), append(steps, m)...)
	c := q.headCover
	counts := c.counts(m)
	if q.Page == "" {
		counts.Seconds = c.mean(m.Seconds, m.Visits)
	}
	if q.Filter == nil && q.Page == "" {
		counts.Visitors = q.visitors(c)
	}
	return counts
}

// list answers one list.
func (q *asking) list(l ListQuestion) List {
	out := List{Dim: l.Dim}
	sel, of, refused := q.listRows(l.Dim)
	if refused != "" {
		out.Refused = refused
		return out
	}
	// All values are read, since small ones decide how the others are shown.
	rows := q.overPieces(sel)
	sortByViews(rows)
	cells := make([]Metrics, len(rows))
	for i := range rows {
		cells[i] = rows[i].Metrics
	}
	c := q.show.cover(q.guarded() || sensitive(l.Dim) || q.Filter != nil || q.Page != "", cells...)
	// What somebody typed is not shown at all before several did; nor is a name
	// whose small count the total would tell.
	nameless := l.Dim == DimSearch || l.Dim == DimTerm || c.exposes(q.headCover, cells)
	for i := range rows {
		if len(out.Rows) == listLimit(l.Limit) || nameless && c.suppress && c.anySmall(&cells[i]) {
			out.More++
			continue
		}
		out.Rows = append(out.Rows, ListRow{Value: of(&rows[i]), Counts: c.counts(cells[i])})
	}
	return out
}

func listLimit(limit int) int {
	if limit <= 0 {
		return 10
	}
	return min(limit, 1000)
}

func valueOf(r *Row) string { return r.Value }
func pageOf(r *Row) string  { return r.Page }

// listRows selects a list's rows and says which of their columns is the value.
func (q *asking) listRows(d Dim) (Select, func(*Row) string, Refusal) {
	sel := q.days(d)
	sel.By = ByValue
	switch {
	case q.Filter == nil && q.Page == "":
		return sel, valueOf, ""
	case q.Filter == nil && isPageDim(d):
		sel.Page = q.Page
		return sel, valueOf, ""
	case q.Filter != nil && q.Page == "" && d == DimPage && isPageDim(q.Filter.Dim):
		sel = q.days(q.Filter.Dim)
		sel.AnyPage, sel.Value, sel.By = true, &q.Filter.Value, ByPage
		return sel, pageOf, ""
	}
	return Select{}, nil, RefusedNotKept
}
