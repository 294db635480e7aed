package analytics

import (
	"context"
	"database/sql"
	"strings"
)

// barrier returns when every batch that was being added is in the file, or is not.
func (s *sqliteStore) barrier(ctx context.Context) error {
	tx, err := s.db.Write.BeginTx(ctx, nil) // takes the lock of all who write
	if err != nil {
		return err
	}
	return tx.Rollback()
}

// unexpired selects the rows that no expiry names.
func unexpired(expired []Expiry) (where string, args []any) {
	where = "1"
	for _, e := range expired {
		where += " AND NOT (grain = ? AND start < ?"
		args = append(args, int64(e.Grain), e.Before)
		if e.Dim != "" {
			where += " AND dim = " + textIDOf
			args = append(args, string(e.Dim))
		}
		where += ")"
	}
	return where, args
}

func (s *sqliteStore) export(ctx context.Context, from, to int64, expired []Expiry, each func(Row) error) error {
	where, args := unexpired(expired)
	return s.scan(ctx, `
		SELECT (SELECT s FROM text WHERE id = site), grain, (SELECT s FROM text WHERE id = dim),
			(SELECT s FROM text WHERE id = page), start, (SELECT s FROM text WHERE id = value), `+strings.Join(metricColumns[:], ", ")+`
		FROM sum WHERE start >= ? AND start < ? AND `+where+`
		ORDER BY site, grain, dim, page, start, value`, append([]any{from, to}, args...), func(rows *sql.Rows) error {
		var r Row
		if err := rows.Scan(rowFields(&r)...); err != nil {
			return err
		}
		return each(r)
	})
}

// rowFields are where the columns of a row go.
func rowFields(r *Row) []any {
	into := []any{&r.Site, &r.Grain, &r.Dim, &r.Page, &r.Start, &r.Value}
	for _, m := range r.all() {
		into = append(into, m)
	}
	return into
}

func (s *sqliteStore) totals(ctx context.Context, expired []Expiry) (all []total, err error) {
	where, args := unexpired(expired)
	err = s.scan(ctx, `
		SELECT (SELECT s FROM text WHERE id = site), grain, (SELECT s FROM text WHERE id = dim), page <> 0, `+sumsOf("sum_")+`
		FROM sum WHERE `+where+` GROUP BY site, grain, dim, page <> 0 HAVING `+anySum("sum_"), args, func(rows *sql.Rows) error {
		var t total
		if err := rows.Scan(t.fields()...); err != nil {
			return err
		}
		all = append(all, t)
		return nil
	})
	return all, err
}

func (s *sqliteStore) days(ctx context.Context) (map[string]Span, error) {
	found := map[string]Span{}
	err := s.scan(ctx, `
		SELECT (SELECT s FROM text WHERE id = site), min(start), max(start) FROM sum WHERE grain = ? GROUP BY site`,
		[]any{int64(Day)}, func(rows *sql.Rows) error {
			var site string
			d := Span{Grain: Day}
			err := rows.Scan(&site, &d.From, &d.To)
			found[site] = d
			return err
		})
	return found, err
}

func (s *sqliteStore) span(ctx context.Context) (all Span, err error) {
	err = s.db.Read.QueryRowContext(ctx, "SELECT coalesce(min(start), 0), coalesce(max(start) + 1, 0) FROM sum").Scan(&all.From, &all.To)
	return all, err
}

// scan calls each for every row that a query answers with.
func (s *sqliteStore) scan(ctx context.Context, text string, args []any, each func(*sql.Rows) error) error {
	rows, err := s.db.Read.QueryContext(ctx, text, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
