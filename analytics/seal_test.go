package analytics

import (
	"context"
	"errors"
	"testing"
	"time"
)

func TestBatchesForClickHouseAreFewAndLarge(t *testing.T) {
	a, err := prepare(Config{Dir: t.TempDir(), ClickHouse: &ClickHouseConfig{}}, func(context.Context) (Store, error) {
		return nil, errors.New("away")
	})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	a.now = func() time.Time { return now }
	count := func(rows int) {
		t.Helper()
		all := make([]Row, rows)
		for i := range all {
			all[i] = Row{Key{"a.example", Hour, DimTotal, "", int64(i), ""}, Metrics{Views: 1}}
		}
		a.hold(all)
		if err := a.flush(a.sealDue()); err != nil {
			t.Fatal(err)
		}
	}
	for _, step := range []struct {
		pass  time.Duration
		rows  int
		batch int
	}{{0, 1, 1}, {time.Second, 1, 1}, {28 * time.Second, 1, 1}, {time.Second, 1, 2}, {time.Second, sealRows, 2}, {time.Second, 1, 3}} {
		now = now.Add(step.pass)
		count(step.rows)
		if got, _, _ := a.spool.backlog(); got != step.batch {
			t.Fatalf("at %v: %d batches, want %d", now.Format(time.TimeOnly), got, step.batch)
		}
	}
	if err := a.spool.close(); err != nil {
		t.Fatal(err)
	}
}
