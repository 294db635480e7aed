package analytics

import (
	"context"
	"fmt"
	"time"
)

// Query answers q from the store. While the store cannot be opened or does not
// answer, it returns an Answer whose numbers are Unanswered and whose Health says
// why, and no error.
func (a *Analytics) Query(ctx context.Context, q Question) (Answer, error) {
	answers, err := a.QueryEach(ctx, []Question{q})
	if err != nil {
		return Answer{}, err
	}
	return answers[0], nil
}

// QueryEach is Query for several questions, which is quicker than one after the
// other.
func (a *Analytics) QueryEach(ctx context.Context, questions []Question) ([]Answer, error) {
	asked, answers := make([]*asking, len(questions)), make([]Answer, len(questions))
	for i, q := range questions {
		var err error
		if asked[i], err = a.ask(q); err != nil {
			return nil, err
		}
	}
	err := a.answer(ctx, asked, answers)
	if err != nil && ctx.Err() != nil {
		return nil, err
	}
	if err != nil {
		for i, q := range questions {
			answers[i] = a.unanswered(q)
			answers[i].Health.StoreOpen, answers[i].Health.Err = false, err.Error()
		}
	}
	return answers, nil
}

// answer fills in what the store knows.
func (a *Analytics) answer(ctx context.Context, asked []*asking, answers []Answer) error {
	store, err := a.opened(ctx)
	if err != nil {
		return err
	}
	r := newReading(store)
	for more := true; more; {
		all := a.openBooks(r, asked)
		for i, q := range asked {
			answers[i] = a.unanswered(q.Question)
			if q.reading, q.books = r, all[q.Site]; q.books != nil {
				answers[i].Retention = a.retention(q.books, r)
				q.fill(&answers[i])
			}
		}
		if more, err = r.read(ctx); err != nil {
			return err
		}
	}
	return nil
}

// ask prepares a question.
func (a *Analytics) ask(q Question) (*asking, error) {
	s := a.site(q.Site)
	if s == nil {
		return nil, fmt.Errorf("no site %q", q.Site)
	}
	ask := &asking{
		Question: q, site: s, show: a.config.disclosure(q.Mode), now: a.now(),
		from: dayOf(q.From.UTC()), to: dayOf(q.To.UTC()),
	}
	if ask.to < ask.from {
		return nil, fmt.Errorf("period ends before it begins: %s, %s", q.From.Format(time.DateOnly), q.To.Format(time.DateOnly))
	}
	return ask, nil
}

// unanswered is what can be said without the store.
func (a *Analytics) unanswered(q Question) Answer {
	return Answer{
		Site: q.Site, From: q.From, To: q.To, Mode: q.Mode,
		Headline: noCounts, New: unanswered, States: noStates, Estimate: noEstimate, Health: a.Health(),
		Live: a.Live(q.Site, q.Mode),
	}
}

// Live is the number of page views of a site in the last 30 minutes.
func (a *Analytics) Live(site string, m Mode) Number {
	s := a.site(site)
	if s == nil {
		return unanswered
	}
	return a.config.disclosure(m).cover(true).number(s.live.count(s.calendar.at(a.now().Unix()).Minute))
}

// An asking is one Question on its way.
type asking struct {
	Question
	reading  *reading
	site     *site
	show     disclosure
	now      time.Time
	from, to int32 // days since 1970, both included
	books    *books
	// headCover is how the headline is shown, which lists are measured against.
	headCover cover
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
	if states, ok := q.states(); ok {
		ans.States = showStates(q.show.cover(false), states)
		if q.Filter == nil && q.Page == "" && !forgotten {
			ans.Estimate = q.estimate(states)
		}
	}
	ans.Lists = make([]List, len(q.Lists))
	for i, l := range q.Lists {
		ans.Lists[i] = List{Dim: l.Dim, Refused: RefusedForgotten}
		if !forgotten {
			ans.Lists[i] = q.list(l)
		}
	}
}

// rows asks the books for what they hold, and the store for the rest.
func (q *asking) rows(sel Select) []Row {
	if rows, ok := q.books.rows(&sel); ok {
		return rows
	}
	return q.reading.rows(sel)
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
	// whose small count the total would tell. Of the whole site a name stays when
	// only engagement, exits or goals would tell it: they are left out instead.
	told := c.exposed(q.headCover, cells)
	typed := l.Dim == DimSearch || l.Dim == DimTerm
	whole := !typed && q.Filter == nil && q.Page == ""
	nameless := typed || !whole && told != [6]bool{}
	for i := range rows {
		counts := c.counts(cells[i])
		left := nameless && c.suppress && c.anySmall(&cells[i])
		if whole {
			left, counts = c.anonymous(&cells[i], told), counts.without(told)
		}
		if left || len(out.Rows) == listLimit(l.Limit) {
			out.More++
			continue
		}
		out.Rows = append(out.Rows, ListRow{Value: of(&rows[i]), Counts: counts})
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
