package analytics

import (
	"context"
	"fmt"
	"math"
	"strings"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// Query selects from the one table, always by its key as far as the Select
// names it.
func (s *clickhouseStore) Query(ctx context.Context, q Select) (all []Row, err error) {
	defer func() {
		if err != nil {
			all, err = nil, fmt.Errorf("query %s sums: %w", q.Dim, err)
		}
	}()
	if err := s.breaker.allow(); err != nil {
		return nil, err
	}
	asked := ctx
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	defer func() { s.breaker.note(asked, err) }()
	text, args := q.clickhouseSQL()
	rows, err := s.read.Query(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // Err says it
	for rows.Next() {
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
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	return all, rows.Err()
}

// clickhouseSQL writes q as SQL. Rows whose sums are all zero may not be merged
// away yet, so they are left out.
func (q *Select) clickhouseSQL() (string, []any) {
	var out, group []string
	for _, c := range q.columns() {
		group = append(group, c.name)
		if c.text {
			out = append(out, c.name)
		} else {
			out = append(out, "toInt64(toUnixTimestamp("+c.name+"))")
		}
	}
	out = append(out, sumsOf("sum_"))
	where, args := q.clickhouseWhere()
	text := "SELECT " + strings.Join(out, ", ") + " FROM sums WHERE " + where
	if len(group) > 0 {
		text += " GROUP BY " + strings.Join(group, ", ")
	}
	text += " HAVING " + anySum("sum_")
	if len(group) > 0 {
		text += " ORDER BY " + strings.Join(group, ", ")
	}
	return text, args
}

func (q *Select) clickhouseWhere() (string, []any) {
	var parts []string
	var args []any
	equal := func(column, value string) {
		parts = append(parts, column+" = {"+column+":String}")
		args = append(args, clickhouse.Named(column, value))
	}
	if q.Site != "" {
		equal("site", q.Site)
	}
	equal("dim", string(q.Dim))
	if q.AnyPage {
		parts = append(parts, "page != ''")
	} else {
		equal("page", q.Page)
	}
	var spans []string
	for _, x := range q.spans() {
		spans = append(spans, fmt.Sprintf("grain = '%v' AND start >= toDateTime(%d, 'UTC') AND start < toDateTime(%d, 'UTC')",
			x.Grain, clampStart(x.From), clampStart(x.To)))
	}
	parts = append(parts, "("+strings.Join(spans, " OR ")+")")
	if q.Value != nil {
		equal("value", *q.Value)
	}
	return strings.Join(parts, " AND "), args
}

// clampStart brings a bound into what the column start can hold.
func clampStart(seconds int64) int64 { return min(max(seconds, 0), math.MaxUint32) }

// sumsOf are the sums of all metrics, each named by its column behind prefix.
func sumsOf(prefix string) string {
	var all []string
	for _, m := range metricColumns {
		all = append(all, "sum("+m+") AS "+prefix+m)
	}
	return strings.Join(all, ", ")
}

// anySum is true when one of them is not zero.
func anySum(prefix string) string {
	var some []string
	for _, m := range metricColumns {
		some = append(some, prefix+m+" != 0")
	}
	return strings.Join(some, " OR ")
}
