package analytics

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// Query selects from the one table, always by its primary key as far as the
// Select names it.
func (s *sqliteStore) Query(ctx context.Context, q Select) ([]Row, error) {
	return querySums(ctx, s.prepared, q)
}

// maxAtOnce is the greatest number of selections that are read at the same time:
// each has a connection, which keeps some megabytes.
const maxAtOnce = 4

// QueryEach reads several selections side by side.
func (s *sqliteStore) QueryEach(ctx context.Context, all []Select) ([][]Row, error) {
	rows, errs := make([][]Row, len(all)), make([]error, len(all))
	var running sync.WaitGroup
	places := make(chan struct{}, min(maxAtOnce, runtime.GOMAXPROCS(0)))
	for i := range all {
		places <- struct{}{}
		running.Go(func() {
			defer func() { <-places }()
			rows[i], errs[i] = s.Query(ctx, all[i])
		})
	}
	running.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return rows, nil
}

// prepared runs a query whose text was compiled before, if it was.
func (s *sqliteStore) prepared(ctx context.Context, text string, args ...any) (*sql.Rows, error) {
	known, ok := s.statements.Load(text)
	if !ok {
		fresh, err := s.db.Read.PrepareContext(ctx, text)
		if err != nil {
			return nil, err
		}
		var raced bool
		if known, raced = s.statements.LoadOrStore(text, fresh); raced {
			fresh.Close() //nolint:errcheck // the other is as good
		}
	}
	return known.(*sql.Stmt).QueryContext(ctx, args...)
}

// A query is QueryContext of a database or a transaction.
type query func(ctx context.Context, text string, args ...any) (*sql.Rows, error)

func querySums(ctx context.Context, run query, q Select) (all []Row, err error) {
	defer func() {
		if err != nil {
			all, err = nil, fmt.Errorf("query %s sums: %w", q.Dim, err)
		}
	}()
	text, args := q.sqliteSQL()
	rows, err := run(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	r := Row{Key: Key{Site: q.Site, Grain: q.Grain, Dim: q.Dim, Page: q.Page}}
	if q.Value != nil {
		r.Value = *q.Value
	}
	var into []any
	for _, c := range q.columns() {
		into = append(into, c.of(&r.Key))
	}
	for _, m := range r.all() {
		into = append(into, m)
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return sumSplit(all), rows.Err()
}

// A column is one that sums can be split by.
type column struct {
	bit  Columns
	name string
	text bool
	of   func(*Key) any
}

var splitColumns = [...]column{
	{BySite, "site", true, func(k *Key) any { return &k.Site }},
	{ByStart, "start", false, func(k *Key) any { return &k.Start }},
	{ByPage, "page", true, func(k *Key) any { return &k.Page }},
	{ByValue, "value", true, func(k *Key) any { return &k.Value }},
}

func (q *Select) columns() []column {
	var cs []column
	for _, c := range splitColumns {
		if q.By&c.bit != 0 {
			cs = append(cs, c)
		}
	}
	return cs
}

const textIDOf = "(SELECT id FROM text WHERE s = ?)"

// sqliteSQL writes q as SQL. Its text depends on the kind of q alone, so that it
// is compiled once. Numbers become texts only after the rows have been summed;
// they are put in order outside, since sorting texts costs the engine more.
func (q *Select) sqliteSQL() (string, []any) {
	var group, outer []string
	for _, c := range q.columns() {
		group = append(group, c.name)
		if c.text {
			outer = append(outer, "(SELECT s FROM text WHERE id = "+c.name+")")
		} else {
			outer = append(outer, c.name)
		}
	}
	inner := slices.Clone(group)
	for _, m := range metricColumns {
		inner = append(inner, "sum("+m+") AS "+m)
		outer = append(outer, m)
	}
	from, args := q.sqliteFrom()
	by := " HAVING count(*) > 0"
	if len(group) > 0 {
		by = " GROUP BY " + strings.Join(group, ", ")
	}
	return "SELECT " + strings.Join(outer, ", ") + " FROM (SELECT " + strings.Join(inner, ", ") + " FROM " + from + by + ")", args
}

// sqliteFrom writes where q's rows are. Several spans are a table of their own, by
// which the engine walks: for each span it seeks in the key.
func (q *Select) sqliteFrom() (string, []any) {
	var parts []string
	var args []any
	and := func(part string, a ...any) {
		parts = append(parts, part)
		args = append(args, a...)
	}
	from := "sum"
	if spans := q.spans(); len(spans) > 1 {
		from = "(SELECT column1 AS g, column2 AS since, column3 AS until FROM (VALUES (?,?,?)" +
			strings.Repeat(",(?,?,?)", len(spans)-1) + ")) CROSS JOIN sum"
		for _, x := range spans {
			args = append(args, int64(x.Grain), x.From, x.To)
		}
		and("grain = g AND start >= since AND start < until")
	} else {
		and("grain = ? AND start >= ? AND start < ?", int64(q.Grain), q.From, q.To)
	}
	if q.Site != "" {
		and("site = "+textIDOf, q.Site)
	}
	and("dim = "+textIDOf, string(q.Dim))
	switch {
	case !q.AnyPage:
		and("page = "+textIDOf, q.Page)
	case q.Value != nil && q.Site != "":
		// One value of every page: the pages are found by leaps through the key,
		// instead of reading all that was ever counted with them.
		and("page IN "+leapPages, q.Site, int64(q.Grain), string(q.Dim), q.Site, int64(q.Grain), string(q.Dim))
		if months := q.months(); len(months) > 0 {
			and("start IN (?"+strings.Repeat(",?", len(months)-1)+")", months...)
		}
	default:
		and("page <> 0")
	}
	if q.Value != nil {
		and("value = "+textIDOf, *q.Value)
	}
	return from + " WHERE " + strings.Join(parts, " AND "), args
}

// leapPages are the pages of a site, grain and dimension: each leap goes to the
// least one that is greater than the last.
const leapPages = `(WITH RECURSIVE pages (p) AS (
	SELECT min(page) FROM sum
		WHERE site = ` + textIDOf + ` AND grain = ? AND dim = ` + textIDOf + ` AND page > 0
	UNION ALL
	SELECT (SELECT min(page) FROM sum
		WHERE site = ` + textIDOf + ` AND grain = ? AND dim = ` + textIDOf + ` AND page > p)
		FROM pages WHERE p IS NOT NULL
) SELECT p FROM pages WHERE p IS NOT NULL)`

// maxMonths is the number of months up to which looking up each row of a page is
// quicker than reading all values that it has.
const maxMonths = 120

// months lists the starts of the months selected, when they are few.
func (q *Select) months() []any {
	if q.Grain != Month {
		return nil
	}
	t := date(int32((q.From + secondsPerDay - 1) / secondsPerDay))
	if t.Day() != 1 {
		t = monthAfter(t)
	}
	var list []any
	for ; t.Unix() < q.To; t = monthAfter(t) {
		if len(list) == maxMonths {
			return nil
		}
		list = append(list, t.Unix())
	}
	return list
}
