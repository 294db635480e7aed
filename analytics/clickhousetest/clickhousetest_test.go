package clickhousetest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

func open(t *testing.T, s *Server, p clickhouse.Protocol, m clickhouse.CompressionMethod) clickhouse.Conn {
	t.Helper()
	addr := s.Native
	if p == clickhouse.HTTP {
		addr = s.HTTP
	}
	c, err := clickhouse.Open(&clickhouse.Options{
		Protocol: p, Addr: []string{addr}, Compression: &clickhouse.Compression{Method: m},
		DialTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// The real driver works against the real engine, over both protocols and every
// compression that lychgate offers.
func TestTheRealDriverAgainstTheRealEngine(t *testing.T) {
	s := New(t, Options{})
	ctx := context.Background()
	for _, p := range []clickhouse.Protocol{clickhouse.Native, clickhouse.HTTP} {
		for _, m := range []clickhouse.CompressionMethod{clickhouse.CompressionNone, clickhouse.CompressionLZ4, clickhouse.CompressionZSTD} {
			t.Run(fmt.Sprintf("%s %s", p, m), func(t *testing.T) {
				c := open(t, s, p, m)
				db := strings.ReplaceAll(fmt.Sprintf("db_%s_%s", p, m), "-", "_")
				must := func(query string, args ...any) {
					t.Helper()
					if err := c.Exec(ctx, query, args...); err != nil {
						t.Fatalf("%s: %v", query, err)
					}
				}
				must("CREATE DATABASE " + db)
				must("CREATE TABLE " + db + ".t (site LowCardinality(String), at DateTime('UTC'), value String, views Int64) " +
					"ENGINE = SummingMergeTree(views) ORDER BY (site, at, value) SETTINGS non_replicated_deduplication_window = 100")
				at := time.Date(2026, 11, 1, 10, 0, 0, 0, time.UTC)
				for range 2 { // the second time the token is known, and nothing is added
					b, err := c.PrepareBatch(clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"insert_deduplication_token": "one"})),
						"INSERT INTO "+db+".t (site, at, value, views)")
					if err != nil {
						t.Fatal(err)
					}
					for i := range 1000 {
						if err := b.Append("a.example", at, fmt.Sprintf("line\n'quote' \\ %d", i%10), int64(i)); err != nil {
							t.Fatal(err)
						}
					}
					if err := b.Send(); err != nil {
						t.Fatal(err)
					}
				}
				var sum int64
				row := c.QueryRow(ctx, "SELECT sum(views) FROM "+db+".t WHERE site = {site:String} AND at = {at:DateTime('UTC')}",
					clickhouse.Named("site", "a.example"), clickhouse.Named("at", at))
				if err := row.Scan(&sum); err != nil || sum != 499500 {
					t.Errorf("sum %d, %v", sum, err)
				}
				rows, err := c.Query(ctx, "SELECT value, sum(views) AS v FROM "+db+".t GROUP BY value ORDER BY value")
				if err != nil {
					t.Fatal(err)
				}
				defer rows.Close()
				n := 0
				for rows.Next() {
					var value string
					if err := rows.Scan(&value, &sum); err != nil {
						t.Fatal(err)
					}
					if want := fmt.Sprintf("line\n'quote' \\ %d", n); value != want {
						t.Errorf("value %q, want %q", value, want)
					}
					n++
				}
				if rows.Err() != nil || n != 10 {
					t.Errorf("%d rows, %v", n, rows.Err())
				}
				none, err := c.Query(ctx, "SELECT value, views FROM "+db+".t WHERE 0")
				if err != nil {
					t.Fatal(err)
				}
				if none.Next() || none.Err() != nil {
					t.Errorf("an empty answer: %v", none.Err())
				}
				none.Close()
				var x *clickhouse.Exception
				if err := c.Exec(ctx, "SELECT * FROM "+db+".nothing"); !asException(err, &x) || x.Code != 60 {
					t.Errorf("unknown table: %v", err)
				}
			})
		}
	}
}

func asException(err error, x **clickhouse.Exception) bool {
	for err != nil {
		if e, ok := err.(*clickhouse.Exception); ok {
			*x = e
			return true
		}
		u, ok := err.(interface{ Unwrap() error })
		if !ok {
			return false
		}
		err = u.Unwrap()
	}
	return false
}

func TestKilledAndFrozen(t *testing.T) {
	s := New(t, Options{})
	ctx := context.Background()
	c := open(t, s, clickhouse.Native, clickhouse.CompressionLZ4)
	for _, q := range []string{"CREATE DATABASE d", "CREATE TABLE d.t (v Int64) ENGINE = MergeTree ORDER BY v", "INSERT INTO d.t SELECT 7"} {
		if err := c.Exec(ctx, q); err != nil {
			t.Fatal(err)
		}
	}
	s.Kill()
	if err := c.Ping(ctx); err == nil {
		t.Error("a killed engine answers")
	}
	if err := s.Start(); err != nil {
		t.Fatal(err)
	}
	var v int64
	if err := c.QueryRow(ctx, "SELECT v FROM d.t").Scan(&v); err != nil {
		// The pool may hold a connection of before; the next one is new.
		if err := c.QueryRow(ctx, "SELECT v FROM d.t").Scan(&v); err != nil {
			t.Fatal(err)
		}
	}
	if v != 7 {
		t.Errorf("after the restart v is %d", v)
	}
	if err := s.Freeze(); err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
	defer cancel()
	if err := c.QueryRow(short, "SELECT v FROM d.t").Scan(&v); err == nil {
		t.Error("a frozen engine answers")
	}
	if err := s.Thaw(); err != nil {
		t.Fatal(err)
	}
	if err := c.QueryRow(ctx, "SELECT v + 1 FROM d.t").Scan(&v); err != nil || v != 8 {
		t.Errorf("thawed: %d, %v", v, err)
	}
}

func TestWrongPasswordIsRefused(t *testing.T) {
	s := New(t, Options{Users: map[string]string{"default": "", "writer": "w1"}})
	for _, password := range []string{"w1", "wrong"} {
		c, err := clickhouse.Open(&clickhouse.Options{Addr: []string{s.Native}, Auth: clickhouse.Auth{Username: "writer", Password: password}})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		var x *clickhouse.Exception
		err = c.Ping(context.Background())
		if ok := err == nil; ok != (password == "w1") {
			t.Errorf("password %q: %v", password, err)
		}
		if password == "wrong" && (!asException(err, &x) || x.Code != 516) {
			t.Errorf("got %v, want code 516", err)
		}
	}
}
