package analytics

import (
	"context"
	"fmt"
	"slices"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// maxAskedTogether bounds how many selections one statement is for, and so its
// length.
const maxAskedTogether = 128

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
func (s *clickhouseStore) query(ctx context.Context, selects []Select) (all [][]Row, err error) {
	for chunk := range slices.Chunk(selects, maxAskedTogether) {
		found, err := s.queryTogether(ctx, chunk)
		if err != nil {
			return nil, fmt.Errorf("query %s sums: %w", chunk[0].Dim, err)
		}
		all = append(all, found...)
	}
	return all, nil
}

func (s *clickhouseStore) queryTogether(ctx context.Context, selects []Select) ([][]Row, error) {
	ctx, cancel := context.WithTimeout(ctx, queryTimeout)
	defer cancel()
	parts := clickhouseParts(selects)
	text, args := clickhouseSQL(parts)
	rows, err := s.read.Query(ctx, text, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close() //nolint:errcheck // Err says it
	all := make([][]Row, len(selects))
	if err := scanParts(rows, parts, selects, all); err != nil {
		return nil, err
	}
	for i := range all {
		all[i] = sumSplit(all[i])
	}
	return all, nil
}

// scanParts gives each row of parts to the selections that it belongs to. Rows that
// differ in what a selection is not split by come to it as they are.
func scanParts(rows driver.Rows, parts []*clickhousePart, selects []Select, all [][]Row) error {
	var number uint16
	var grain int8
	var dim string
	var since uint32
	var r Row
	into := []any{&number, &grain, &dim, &since, &r.Site, &r.Page, &r.Value}
	for _, m := range r.all() {
		into = append(into, m)
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		r.Start = int64(since)
		for _, i := range parts[number].of[Dim(dim)] {
			if q := &selects[i]; q.covers(Grain(grain), r.Start) {
				all[i] = append(all[i], q.told(r))
			}
		}
	}
	return rows.Err()
}

// told is r as q tells it: what q is not split by is the same in all rows.
func (q *Select) told(r Row) Row {
	r.Grain, r.Dim = q.Grain, q.Dim
	if q.By&BySite == 0 {
		r.Site = q.Site
	}
	if q.By&ByStart == 0 {
		r.Start = 0
	}
	if q.By&ByPage == 0 {
		r.Page = q.Page
	}
	if q.By&ByValue == 0 {
		r.Value = ""
		if q.Value != nil {
			r.Value = *q.Value
		}
	}
	return r
}
