package analytics

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestNumbersAsShown(t *testing.T) {
	admin := disclosure{mode: Exact, small: 5, base: 5}
	public := disclosure{mode: Shared, small: 5, base: 5}
	nhs := disclosure{mode: Shared, small: 8, base: 5}
	for _, tt := range []struct {
		name  string
		cover cover
		n     int64
		want  Number
	}{
		{"nothing is nothing to everybody", public.cover(true), 0, Number{}},
		{"an admin sees a small total", admin.cover(false), 3, Number{N: 3}},
		{"an admin does not see a small cell", admin.cover(true), 3, Number{N: 5, Kind: FewerThan}},
		{"an admin sees a cell that is not small", admin.cover(true), 7, Number{N: 7}},
		{"the public sees no small total", public.cover(false), 4, Number{N: 5, Kind: FewerThan}},
		{"the public sees rounded totals", public.cover(false), 7, Number{N: 5, Kind: Rounded}},
		{"rounded up", public.cover(false), 8, Number{N: 10, Kind: Rounded}},
		{"by the NHS rule seven is small", nhs.cover(false), 7, Number{N: 8, Kind: FewerThan}},
		{"and eight is ten", nhs.cover(false), 8, Number{N: 10, Kind: Rounded}},
		{"next to a small cell the others are rounded", admin.cover(true, Metrics{Views: 2, Continues: 2}), 101, Number{N: 100, Kind: Rounded}},
	} {
		if got := tt.cover.number(tt.n); got != tt.want {
			t.Errorf("%s: got %+v, want %+v", tt.name, got, tt.want)
		}
	}
}

// TestNoSmallCellCanBeComputed plays the curious reader of every answer: from
// all that is shown of a list and its total, each small cell must have at least
// two values left.
func TestNoSmallCellCanBeComputed(t *testing.T) {
	skipRaced(t)
	dir := t.TempDir()
	a := testOpen(t, dir)
	defer testClose(t, a)
	store, err := a.opened(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	random := rand.New(rand.NewPCG(3, 4))
	start := today(t).AddDate(0, 0, -80)
	checked, suppressed := 0, 0
	rounds := fewer(60, 8)
	if _, ok := store.(*clickhouseStore); ok && !everyCombination() {
		rounds = 1 // the rules are the same code for both engines, and SQLite has them all
	}
	for round := range rounds {
		at := start.AddDate(0, 0, round)
		testCells(t, store, uint64(round+1), at, random)
		for _, small := range []int{5, 8} {
			a.config.SmallNumber = small
			for _, mode := range []Mode{Exact, Shared} {
				for _, q := range []Question{
					{Lists: []ListQuestion{{Dim: DimCountry, Limit: 1000}, {Dim: DimRegion, Limit: 1000}}},
					{Page: "/give", Lists: []ListQuestion{{Dim: DimCountry, Limit: 1000}}},
					{Filter: &Filter{DimCountry, "FR"}, Lists: []ListQuestion{{Dim: DimPage, Limit: 1000}}},
				} {
					q.Site, q.From, q.To, q.Mode, q.Series = testSite, day(at), day(at), mode, SeriesDay
					ans, err := a.Query(t.Context(), q)
					if err != nil {
						t.Fatal(err)
					}
					for _, l := range ans.Lists {
						c, s := testCurious(t, ans.Headline.Views, l, int64(small))
						checked, suppressed = checked+c, suppressed+s
					}
				}
			}
		}
	}
	if checked < 10*rounds || suppressed < 5*rounds {
		t.Errorf("checked %d lists with %d small cells: too few to prove anything", checked, suppressed)
	}
}

// testCells stores a day of few views: by country and region, and on one page by
// country, each adding up to its total.
func testCells(t *testing.T, store Store, number uint64, at time.Time, random *rand.Rand) {
	t.Helper()
	midnight := day(at).Unix()
	var rows []Row
	add := func(d Dim, page, value string, n int64) {
		if n > 0 {
			rows = append(rows, Row{Key{testSite, Day, d, page, midnight, value}, Metrics{Views: n}})
		}
	}
	var all, give int64
	for _, country := range []string{"GB", "FR", "DE", "IE"}[:1+random.IntN(4)] {
		n := random.Int64N(12)
		add(DimCountry, "", country, n)
		add(DimRegion, "", country+"-A", n)
		on := random.Int64N(n + 1)
		add(DimCountry, "/give", country, on)
		add(DimCountry, "/", country, n-on)
		all, give = all+n, give+on
	}
	add(DimTotal, "", "", all)
	add(DimPage, "", "/give", give)
	add(DimPage, "", "/", all-give)
	if err := store.Add(t.Context(), Batch{Source: "test", Number: number, Rows: sumRows(rows)}); err != nil {
		t.Fatal(err)
	}
}

// testCurious checks that every small cell of l has two values left, given all
// that is shown, by trying all of them.
func testCurious(t *testing.T, total Number, l List, small int64) (lists, cells int) {
	t.Helper()
	possible := func(n Number) (low, high int64) {
		switch n.Kind {
		case FewerThan:
			return 1, n.N - 1
		case Rounded:
			return max(small, n.N-2), n.N + 2
		}
		return n.N, n.N
	}
	low, high := possible(total)
	for _, r := range l.Rows {
		cl, ch := possible(r.Views)
		low, high = low-ch, high-cl
	}
	if l.More > 0 {
		low = -1 << 40 // cells without a name take up the rest
	}
	for _, r := range l.Rows {
		if r.Views.Kind != FewerThan {
			continue
		}
		cells++
		left := 0
		cl, ch := possible(r.Views)
		for n := cl; n <= ch; n++ {
			// low and high are what is left when this cell has its most or least.
			if n >= low+ch && n <= high+cl {
				left++
			}
		}
		if left < 2 {
			t.Errorf("total %+v, %s %+v: %q can only be one number", total, l.Dim, l.Rows, r.Value)
		}
	}
	return 1, cells
}

// Three donations, all from one country: the total would tell that they are its,
// but the country is no secret.
func TestAPlaceOfFewGoalsIsNamedWithoutThem(t *testing.T) {
	a := testOpen(t, t.TempDir())
	defer testClose(t, a)
	store, err := a.opened(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	at := day(today(t).AddDate(0, 0, -3))
	var rows []Row
	var all Metrics
	for country, m := range map[string]Metrics{
		"GB": {Views: 200, Visits: 100, Goals: 3, Continues: 100}, "PL": {Views: 40, Visits: 20, Continues: 20}, "FR": {Views: 2, Visits: 1, Continues: 1},
	} {
		rows = append(rows, Row{Key{testSite, Day, DimCountry, "", at.Unix(), country}, m})
		all.Add(m)
	}
	rows = append(rows, Row{Key{testSite, Day, DimTotal, "", at.Unix(), ""}, all})
	if err := store.Add(t.Context(), Batch{Source: "test", Number: 1, Rows: sumRows(rows)}); err != nil {
		t.Fatal(err)
	}
	ans, err := a.Query(t.Context(), Question{Site: testSite, From: at, To: at, Mode: Exact, Lists: []ListQuestion{{Dim: DimCountry}}})
	if err != nil {
		t.Fatal(err)
	}
	named := map[string]Counts{}
	for _, r := range ans.Lists[0].Rows {
		named[r.Value] = r.Counts
		if r.Goals.Kind != Unanswered {
			t.Errorf("%s: goals are %+v, which tells the three", r.Value, r.Goals)
		}
	}
	if ans.Headline.Goals.N != 3 || named["GB"].Visits.N != 100 || named["PL"].Visits.N != 20 {
		t.Errorf("got %+v of %+v, want GB and PL named", named, ans.Headline)
	}
}
