package analytics

import (
	"context"
	"fmt"

	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// countsClickHouse selects the rows that count something.
const countsClickHouse = "dim != '" + string(dimMark) + "'"

// unexpiredClickHouse selects the rows that count something and no expiry names.
func unexpiredClickHouse(expired []Expiry) string {
	where := countsClickHouse
	for _, e := range expired {
		where += " AND NOT (" + e.clickhouseSQL() + ")"
	}
	return where
}

func (s *clickhouseStore) export(ctx context.Context, from, to int64, expired []Expiry, each func(Row) error) error {
	text := "SELECT site, toUInt8(grain), dim, page, toInt64(toUnixTimestamp(start)), value, " + sumsOf("sum_") +
		fmt.Sprintf(" FROM sums WHERE start >= toDateTime(%d, 'UTC') AND start < toDateTime(%d, 'UTC') AND ", clampStart(from), clampStart(to)) +
		unexpiredClickHouse(expired) +
		" GROUP BY site, grain, dim, page, start, value HAVING " + anySum("sum_") + " ORDER BY site, grain, dim, page, start, value"
	return s.scan(ctx, text, func(rows driver.Rows) error {
		var r Row
		var grain uint8
		var dim string
		into := rowFields(&r)
		into[1], into[2] = &grain, &dim
		if err := rows.Scan(into...); err != nil {
			return err
		}
		r.Grain, r.Dim = Grain(grain), Dim(dim)
		return each(r)
	})
}

func (s *clickhouseStore) totals(ctx context.Context, expired []Expiry) (all []total, err error) {
	text := "SELECT site, toUInt8(grain), dim, page != '' AS paged, " + sumsOf("sum_") + " FROM sums WHERE " + unexpiredClickHouse(expired) +
		" GROUP BY site, grain, dim, paged HAVING " + anySum("sum_")
	err = s.scan(ctx, text, func(rows driver.Rows) error {
		var t total
		var grain, paged uint8
		var dim string
		into := t.fields()
		into[1], into[2], into[3] = &grain, &dim, &paged
		if err := rows.Scan(into...); err != nil {
			return err
		}
		t.Grain, t.Dim, t.Paged = Grain(grain), Dim(dim), paged != 0
		all = append(all, t)
		return nil
	})
	return all, err
}

func (s *clickhouseStore) days(ctx context.Context) (map[string]Span, error) {
	found := map[string]Span{}
	err := s.scan(ctx, "SELECT site, toInt64(toUnixTimestamp(min(start))), toInt64(toUnixTimestamp(max(start)))"+
		" FROM sums WHERE grain = 'day' AND "+countsClickHouse+" GROUP BY site", func(rows driver.Rows) error {
		var site string
		d := Span{Grain: Day}
		err := rows.Scan(&site, &d.From, &d.To)
		found[site] = d
		return err
	})
	return found, err
}

func (s *clickhouseStore) span(ctx context.Context) (all Span, err error) {
	err = s.read.QueryRow(ctx, "SELECT toInt64(toUnixTimestamp(min(start))), toInt64(toUnixTimestamp(max(start))) + 1"+
		" FROM sums WHERE "+countsClickHouse).Scan(&all.From, &all.To)
	return all, err
}

// scan calls each for every row that a query answers with.
func (s *clickhouseStore) scan(ctx context.Context, text string, each func(driver.Rows) error) error {
	rows, err := s.read.Query(ctx, text)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // Err says it
	for rows.Next() {
		if err := each(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}
