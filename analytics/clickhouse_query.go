package analytics

import (
	"context"
	"fmt"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// maxAskedTogether bounds what one statement asks for, and so its length.
const maxAskedTogether = 60

// Query selects from the one table, always by its key as far as the Select
// names it.
func (s *clickhouseStore) Query(ctx context.Context, q Select) ([]Row, error) {
	all, err := s.QueryEach(ctx, []Select{q})
	if err != nil {
		return nil, err
	}
	return all[0], nil
}

// QueryEach reads what it can with one pass over the table: the server takes
// longer to make ready for a question than to answer it.
func (s *clickhouseStore) QueryEach(ctx context.Context, selects []Select) (all [][]Row, err error) {
	if err := s.breaker.allow(); err != nil {
		return nil, fmt.Errorf("query sums: %w", err)
	}
	defer func() { s.breaker.note(ctx, err) }()
	return s.query(ctx, selects)
}

// query is QueryEach without asking whether the server answers.
func (s *clickhouseStore) query(ctx context.Context, selects []Select) ([][]Row, error) {
	all := make([][]Row, len(selects))
	for asks := range slices.Chunk(clickhouseAsks(selects), maxAskedTogether) {
		if err := s.queryAsks(ctx, asks, selects, all); err != nil {
			return nil, fmt.Errorf("query %s sums: %w", asks[0].dims(), err)
		}
	}
	return all, nil
}

// queryAsks puts what is found for asks into the places of their selects.
func (s *clickhouseStore) queryAsks(ctx context.Context, asks []clickhouseAsk, selects []Select, all [][]Row) error {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	text, args := clickhouseSQL(asks)
	rows, err := s.read.Query(ctx, text, args...)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // Err says it
	return scanAsks(rows, asks, selects, all)
}

func scanAsks(rows driver.Rows, asks []clickhouseAsk, selects []Select, all [][]Row) error {
	var number uint16
	var dim string
	var r Row
	into := []any{&number, &dim}
	for _, c := range askedColumns(asks) {
		into = append(into, c.of(&r.Key))
	}
	for _, m := range r.all() {
		into = append(into, m)
	}
	for rows.Next() {
		r = Row{}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		for _, i := range asks[number].places[Dim(dim)] {
			all[i] = append(all[i], selects[i].fixed(r))
		}
	}
	return rows.Err()
}

// fixed is r with what q does not split by, and so is the same in all rows.
func (q *Select) fixed(r Row) Row {
	r.Grain, r.Dim = q.Grain, q.Dim
	if q.By&BySite == 0 {
		r.Site = q.Site
	}
	if q.By&ByPage == 0 {
		r.Page = q.Page
	}
	if q.By&ByValue == 0 && q.Value != nil {
		r.Value = *q.Value
	}
	return r
}
