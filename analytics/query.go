package analytics

import (
	"context"
	"errors"
	"fmt"
	"sync"
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
	answers := make([]Answer, len(questions))
	known := map[string]*books{}
	for i, q := range questions {
		ask, err := a.ask(ctx, q)
		if err != nil {
			return nil, err
		}
		answers[i] = a.unanswered(q)
		switch err := a.answer(ctx, ask, known, &answers[i]); {
		case ctx.Err() != nil:
			return nil, err
		case err != nil:
			answers[i] = a.unanswered(q)
			answers[i].Health.StoreOpen, answers[i].Health.Err = false, err.Error()
		}
	}
	return answers, nil
}

// answer fills in what the store knows.
func (a *Analytics) answer(ctx context.Context, ask *asking, known map[string]*books, ans *Answer) (err error) {
	if ask.store, err = a.opened(ctx); err != nil {
		return err
	}
	if ask.books = known[ask.Site]; ask.books == nil {
		if ask.books, err = readBooks(ctx, ask.store, ask.Site, ask.now, a.config.Retention); err != nil {
			return err
		}
		known[ask.Site] = ask.books
	}
	ans.Retention = a.retention(ask.books)
	return ask.fill(ans)
}

// ask prepares a question.
func (a *Analytics) ask(ctx context.Context, q Question) (*asking, error) {
	s := a.site(q.Site)
	if s == nil {
		return nil, fmt.Errorf("no site %q", q.Site)
	}
	ask := &asking{
		Question: q, ctx: ctx, site: s, show: a.config.disclosure(q.Mode), now: a.now(),
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

// An asking is one Question on its way. After the first error it asks no more.
type asking struct {
	Question
	ctx      context.Context
	store    Store
	site     *site
	show     disclosure
	now      time.Time
	from, to int32 // days since 1970, both included
	books    *books
	// headCover is how the headline is shown, which lists are measured against.
	headCover cover
	err       error
}

func (q *asking) fill(ans *Answer) error {
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
	return errors.Join(q.err, q.each(len(q.Lists), func(q *asking, i int) {
		ans.Lists[i] = List{Dim: q.Lists[i].Dim, Refused: RefusedForgotten}
		if !forgotten {
			ans.Lists[i] = q.list(q.Lists[i])
		}
	}))
}

// maxAtOnce is the number of queries of one question that run at the same time.
const maxAtOnce = 4

// each does n things at the same time, each with an asking of its own.
func (q *asking) each(n int, do func(q *asking, i int)) error {
	errs := make([]error, n)
	var running sync.WaitGroup
	places := make(chan struct{}, maxAtOnce)
	for i := range n {
		places <- struct{}{}
		running.Go(func() {
			defer func() { <-places }()
			one := *q
			do(&one, i)
			errs[i] = one.err
		})
	}
	running.Wait()
	return errors.Join(errs...)
}

// rows asks the store, or the books for what they hold.
func (q *asking) rows(sel Select) []Row {
	if q.err != nil {
		return nil
	}
	if rows, ok := q.books.rows(&sel); ok {
		return rows
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
