package analytics

import (
	"context"
	"database/sql"
	"fmt"
	"strconv"
	"strings"
)

// Query selects from the one table, always by its primary key as far as the
// Select names it.
func (s *sqliteStore) Query(ctx context.Context, q Select) ([]Row, error) {
	return querySums(ctx, s.db.Read, q)
}

// A querier is a database or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

func querySums(ctx context.Context, db querier, q Select) ([]Row, error) {
	text, args := selectSQL(q)
	rows, err := db.QueryContext(ctx, text, args...)
	if err != nil {
		return nil, fmt.Errorf("query %s sums: %w", q.Dim, err)
	}
	defer rows.Close()
	var all []Row
	for rows.Next() {
		r := Row{Key: Key{Site: q.Site, Grain: q.Grain, Dim: q.Dim, Page: q.Page}}
		if q.Value != nil {
			r.Value = *q.Value
		}
		into := []any{}
		for _, c := range q.columns() {
			into = append(into, c.of(&r.Key))
		}
		for _, m := range r.all() {
			into = append(into, m)
		}
		if err := rows.Scan(into...); err != nil {
			return nil, fmt.Errorf("query %s sums: %w", q.Dim, err)
		}
		all = append(all, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("query %s sums: %w", q.Dim, err)
	}
	return all, nil
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

func (q Select) columns() []column {
	var cs []column
	for _, c := range splitColumns {
		if q.By&c.bit != 0 {
			cs = append(cs, c)
		}
	}
	return cs
}

const textIDOf = "(SELECT id FROM text WHERE s = ?)"

// selectSQL writes q as SQL. Numbers become texts only after the rows have been
// summed and cut to the limit.
func selectSQL(q Select) (string, []any) {
	var names, inner, outer, order []string
	for _, c := range q.columns() {
		names = append(names, c.name)
		inner = append(inner, c.name)
		if c.text {
			outer = append(outer, "(SELECT s FROM text WHERE id = "+c.name+") AS "+c.name+"_text")
			order = append(order, c.name+"_text")
		} else {
			outer = append(outer, c.name)
			order = append(order, c.name)
		}
	}
	where, args := q.where()
	group, having := "", " HAVING count(*) > 0"
	if len(names) > 0 {
		group, having = " GROUP BY "+strings.Join(names, ", "), ""
	}
	if q.Limit > 0 {
		order = append([]string{"views DESC", "visits DESC"}, order...)
	}
	by := ""
	if len(order) > 0 {
		by = " ORDER BY " + strings.Join(order, ", ")
	}
	inner = append(inner,
		"sum(views) AS views", "sum(visits) AS visits", "sum(visitors) AS visitors", "sum(engaged) AS engaged",
		"sum(continues) AS continues", "sum(seconds) AS seconds", "sum(timed) AS timed", "sum(goals) AS goals")
	outer = append(outer, "views", "visits", "visitors", "engaged", "continues", "seconds", "timed", "goals")
	text := "SELECT " + strings.Join(outer, ", ") + " FROM (SELECT " + strings.Join(inner, ", ") +
		" FROM sum WHERE " + where + group + having + ")" + by
	if q.Limit > 0 {
		text += " LIMIT ?"
		args = append(args, q.Limit)
	}
	return text, args
}

func (q Select) where() (string, []any) {
	var parts []string
	var args []any
	and := func(part string, a ...any) {
		parts = append(parts, part)
		args = append(args, a...)
	}
	if q.Site != "" {
		and("site = "+textIDOf, q.Site)
	}
	and("grain = ?", int64(q.Grain))
	and("dim = "+textIDOf, string(q.Dim))
	switch {
	case !q.AnyPage:
		and("page = "+textIDOf, q.Page)
	case q.Value != nil && q.Site != "":
		// One value of every page: the pages are found by leaps through the key,
		// instead of reading all that was ever counted with them.
		and("page IN "+leapPages, q.Site, int64(q.Grain), string(q.Dim), q.Site, int64(q.Grain), string(q.Dim))
		if starts := q.months(); starts != "" {
			and("start IN (" + starts + ")")
		}
	default:
		and("page <> 0")
	}
	and("start >= ? AND start < ?", q.From, q.To)
	if q.Value != nil {
		and("value = "+textIDOf, *q.Value)
	}
	return strings.Join(parts, " AND "), args
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
func (q Select) months() string {
	if q.Grain != Month {
		return ""
	}
	t := date(int32((q.From + secondsPerDay - 1) / secondsPerDay))
	if t.Day() != 1 {
		t = monthAfter(t)
	}
	var list []string
	for ; t.Unix() < q.To; t = monthAfter(t) {
		if len(list) == maxMonths {
			return ""
		}
		list = append(list, strconv.FormatInt(t.Unix(), 10))
	}
	return strings.Join(list, ",")
}
