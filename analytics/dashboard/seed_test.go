package dashboard

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lychgate/lychgate/analytics"
	"github.com/lychgate/lychgate/internal/sqlite"
)

// A sum is one row of a day's sums, put into the store before a test.
type sum struct {
	dim, page, value         string
	views, visits, visitors  int64
	engaged, continues, goal int64
}

// testSums adds rows to the store of d, as counting would have, for one day.
func (d *Dashboard) testSums(t testing.TB, site string, day time.Time, sums ...sum) {
	t.Helper()
	d.answers.mu.Lock()
	clear(d.answers.kept) // what was asked before does not hold any more
	d.answers.mu.Unlock()
	// The store's own file, beside the program that has it open.
	db, err := sqlite.Open(context.Background(), filepath.Join(d.c.Dir, "stats.db"), os.DirFS("../schema/sqlite"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close() //nolint:errcheck // a test's own folder
	tx, err := db.Write.Begin()
	if err != nil {
		t.Fatal(err)
	}
	id := func(text string) (id int64) {
		err := tx.QueryRow("INSERT INTO text (s) VALUES (?) ON CONFLICT (s) DO UPDATE SET s = s RETURNING id", text).Scan(&id)
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	for _, s := range sums {
		grain, start := 2, day
		if s.dim == "state" {
			grain = 1
		}
		_, err := tx.Exec(`INSERT INTO sum VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, ?)
			ON CONFLICT DO UPDATE SET views = views + excluded.views, visits = visits + excluded.visits,
			visitors = visitors + excluded.visitors, engaged = engaged + excluded.engaged`,
			id(site), grain, id(s.dim), id(s.page), start.Unix(), id(s.value),
			s.views, s.visits, s.visitors, s.engaged, s.continues, s.goal)
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

// today is the running day of the test's sites.
func today() time.Time { return dayOf(time.Now(), time.UTC) }

// lastMonth is a day of the month before.
func lastMonth() time.Time { return monthOf(today()).AddDate(0, -1, 9) }

// every adds value under each dimension that a visitor writes or brings along.
func every(value string, n int64) (all []sum) {
	for _, dim := range []analytics.Dim{
		analytics.DimPage, analytics.DimEntry, analytics.DimNotFound, analytics.DimDownload, // paths
		analytics.DimSource, analytics.DimCampaign, analytics.DimMedium, analytics.DimTerm, analytics.DimContent,
		analytics.DimSearch, analytics.DimEvent, analytics.DimOutbound, analytics.DimGoal, analytics.DimFunnel,
		analytics.DimBrowser, analytics.DimOS, analytics.DimDevice, analytics.DimWidth,
		analytics.DimCountry, analytics.DimRegion, analytics.DimChannel,
	} {
		all = append(all, sum{dim: string(dim), value: value, views: n, visits: n, engaged: n, goal: n})
	}
	return append(all, sum{dim: "total", views: n, visits: n, visitors: n, engaged: n})
}

// everyTab is the name of every list there is.
func everyTab() (names []string) {
	for _, p := range panels {
		for _, t := range p.Tabs {
			names = append(names, fmt.Sprintf("%s.%s", p.ID, t.ID))
		}
	}
	return names
}
