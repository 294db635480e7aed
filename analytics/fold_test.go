package analytics

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// testViews counts views of browsers of their own by source, each of one page.
func testViews(t *testing.T, a *Analytics, n int, host string, at time.Time) {
	t.Helper()
	for range n {
		b := &testBrowser{a: a, referrer: "https://" + host + "/", site: "cross-site"}
		b.see(t, "/", at)
		b.referrer, b.site = "https://"+testSite+"/", ""
		b.see(t, "/about", at.Add(time.Minute))
	}
}

// testTable reads the whole table.
func testTable(t *testing.T, a *Analytics) []Row {
	t.Helper()
	store, err := a.opened(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var selects []Select
	for _, g := range []Grain{Hour, Day, Month} {
		for _, d := range append(slices.Clone(monthDims[:]), DimGap) {
			for _, anyPage := range []bool{false, true} {
				selects = append(selects, Select{Grain: g, Dim: d, AnyPage: anyPage, To: 1 << 40, By: BySite | ByStart | ByPage | ByValue})
			}
		}
	}
	found, err := store.QueryEach(t.Context(), selects)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Concat(found...)
}

// testHolds reports whether a's store has a text in any row or, of files, any page.
func testHolds(t *testing.T, a *Analytics, text string) bool {
	t.Helper()
	if a.config.ClickHouse == nil {
		return anyFileHolds(t, a.config.Dir, text)
	}
	store, err := a.opened(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := store.(*clickhouseStore).house.Exec(t.Context(), "OPTIMIZE TABLE sums FINAL"); err != nil {
		t.Fatal(err)
	}
	return clickhouseHolds(t, a.config.ClickHouse, text)
}

func TestClosingAMonth(t *testing.T) {
	skipRaced(t)
	dir := t.TempDir()
	a := testOpen(t, dir)
	defer testClose(t, a)
	now := today(t)
	last := monthOf(now.UTC()).AddDate(0, -1, 0).Add(12 * time.Hour)
	end := monthAfter(last).Add(49 * time.Hour)
	for d := range 20 {
		testViews(t, a, 1, "big.example", last.AddDate(0, 0, d))
	}
	testViews(t, a, 2, "rare-one.example", last)
	testViews(t, a, 2, "rare-two.example", last.AddDate(0, 0, 3))
	testPersist(t, a)
	question := Question{From: day(last), To: day(last).AddDate(0, 1, -1), Lists: []ListQuestion{{Dim: DimPage}, {Dim: DimBrowser}}}
	before := testAsk(t, a, question)

	if err := a.keepHouse(t.Context(), end.Add(-2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if !testHolds(t, a, "rare-one") {
		t.Error("the month was closed within the time that late batches have")
	}
	a.kept.LastPass = time.Time{}
	if err := a.keepHouse(t.Context(), end); err != nil {
		t.Fatal(err)
	}
	if testHolds(t, a, "rare-one") || testHolds(t, a, "rare-two") {
		t.Error("a file still holds a rare source after the month was closed")
	}
	testSameSums(t, testTable(t, a))
	after := testAsk(t, a, question)
	if fmt.Sprint(after.Headline, after.Lists) != fmt.Sprint(before.Headline, before.Lists) {
		t.Errorf("closing changed the answer:\n%+v %+v\n%+v %+v", before.Headline, before.Lists, after.Headline, after.Lists)
	}
	totals, err := ReadTotals(t.Context(), a.config)
	if err != nil || totals.Pageviews != 48 {
		t.Errorf("got totals %+v, %v, want 48 page views", totals, err)
	}

	// A batch that lay in a spool for long arrives after all.
	testViews(t, a, 1, "late.example", last)
	testPersist(t, a)
	if got := testAsk(t, a, question).Headline.Views.N; got != 50 {
		t.Errorf("got %d views with the late ones, want 50", got)
	}
	for range 2 { // the second pass has nothing to do
		a.kept.LastPass = time.Time{}
		if err := a.keepHouse(t.Context(), end.Add(24*time.Hour)); err != nil {
			t.Fatal(err)
		}
		testSameSums(t, testTable(t, a))
	}
	if anyFileHolds(t, dir, "late.example") {
		t.Error("a file still holds a rare source that came late")
	}
}

// testSameSums checks the books: in every grain and month each dimension that
// every view has sums up to the total, with and without pages.
func testSameSums(t *testing.T, rows []Row) {
	t.Helper()
	type account struct {
		site  string
		grain Grain
		month string
		dim   Dim
		pages bool
	}
	sums := map[account]Metrics{}
	for _, r := range rows {
		k := account{r.Site, r.Grain, date(int32(r.Start / secondsPerDay)).Format("2006-01"), r.Dim, r.Page != ""}
		m := sums[k]
		m.Add(r.Metrics)
		sums[k] = m
		for _, m := range r.all() {
			if *m < 0 {
				t.Errorf("%+v is below zero: %+v", r.Key, r.Metrics)
			}
		}
	}
	checked := 0
	for k, total := range sums {
		if k.dim != DimTotal || k.grain == Hour {
			continue
		}
		for _, d := range []Dim{DimPage, DimEntry, DimChannel, DimSource, DimCountry, DimRegion, DimBrowser, DimOS, DimDevice, DimCube} {
			k.dim, k.pages = d, false
			if sums[k] != total {
				t.Errorf("%v %s: %s sums to %+v, total is %+v", k.grain, k.month, d, sums[k], total)
			}
			checked++
		}
		for _, d := range []Dim{DimChannel, DimCountry, DimDevice} {
			k.dim, k.pages = d, true
			if sums[k] != total {
				t.Errorf("%v %s: page x %s sums to %+v, total is %+v", k.grain, k.month, d, sums[k], total)
			}
			checked++
		}
		if k.grain == Day {
			k.dim, k.pages, k.grain = DimTotal, false, Month
			if month, ok := sums[k]; ok && month != total {
				t.Errorf("%s: month row %+v, its days %+v", k.month, month, total)
			}
		}
	}
	if checked == 0 {
		t.Error("there was no total to check against")
	}
}
