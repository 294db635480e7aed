package analytics

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"testing"
)

func TestSQLiteStore(t *testing.T) {
	testStore(t, func(t *testing.T, dir string) Store {
		s, err := openSQLite(t.Context(), dir, false)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}, anyFileHolds)
}

// testStore is the contract of a Store. open opens the engine on what is in dir,
// which is empty at first; holds reports whether the engine still has a text.
func testStore(t *testing.T, open func(t *testing.T, dir string) Store, holds func(t *testing.T, dir, text string) bool) {
	start := func(t *testing.T) Store {
		s := open(t, t.TempDir())
		t.Cleanup(func() {
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		return s
	}
	day := func(d int64) int64 { return d * secondsPerDay }
	row := testDayRow
	add := func(t *testing.T, s Store, b Batch) {
		t.Helper()
		if err := s.Add(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	total := func(t *testing.T, s Store) Metrics {
		t.Helper()
		rows, err := s.Query(t.Context(), Select{Site: "a.example", Grain: Day, Dim: DimTotal, To: 1 << 40})
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) == 0 {
			return Metrics{}
		}
		return rows[0].Metrics
	}

	t.Run("what is added is summed", func(t *testing.T) {
		s := start(t)
		r := Row{Key{"a.example", Day, DimTotal, "", day(20000), ""}, Metrics{1, 2, 3, 4, 5, 6, 7, 8}}
		add(t, s, Batch{Source: "g", Number: 1, Rows: []Row{r}})
		add(t, s, Batch{Source: "g", Number: 2, Rows: []Row{r}})
		if got, want := total(t, s), (Metrics{2, 4, 6, 8, 10, 12, 14, 16}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})

	t.Run("a batch counts once however often it is added", func(t *testing.T) {
		dir := t.TempDir()
		s := open(t, dir)
		b := Batch{Source: "g", Number: 7, Rows: []Row{row(DimTotal, "", 20000, "", 3)}}
		add(t, s, b)
		add(t, s, b)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		s = open(t, dir)
		defer s.Close()
		add(t, s, b)
		if got := total(t, s).Views; got != 3 {
			t.Errorf("got %d views, want 3", got)
		}
		add(t, s, Batch{Source: "other", Number: 7, Rows: b.Rows})
		if got := total(t, s).Views; got != 6 {
			t.Errorf("got %d views with the same number of another source, want 6", got)
		}
	})

	t.Run("a cancelled batch is added whole or not at all", func(t *testing.T) {
		s := start(t)
		rows := make([]Row, fewer(2000, 300))
		for i := range rows {
			rows[i] = row(DimTotal, "", 20000+int64(i%60), itoa(int64(i)), 1)
		}
		rows = sumRows(rows)
		for n := range uint64(10) {
			ctx, cancel := context.WithCancel(t.Context())
			done := make(chan error)
			go func() { done <- s.Add(ctx, Batch{Source: "g", Number: n + 1, Rows: rows}) }()
			if n%2 == 0 {
				cancel()
			}
			err := <-done
			cancel()
			if err != nil {
				add(t, s, Batch{Source: "g", Number: n + 1, Rows: rows})
			}
			if got, want := total(t, s).Views, int64(n+1)*int64(len(rows)); got != want {
				t.Fatalf("after %d batches: got %d views, want %d", n+1, got, want)
			}
		}
	})

	t.Run("rows that sum to nothing are gone", func(t *testing.T) {
		s := start(t)
		add(t, s, Batch{Source: "g", Number: 1, Rows: []Row{row(DimCountry, "", 20000, "FR", 3), row(DimCountry, "", 20000, "GB", 9)}})
		away := row(DimCountry, "", 20000, "FR", -3)
		away.Goals = -1
		add(t, s, Batch{Source: "fold", Number: 1, Rows: []Row{away, row(DimCountry, "", 20000, other, 3)}})
		rows, err := s.Query(t.Context(), Select{Site: "a.example", Grain: Day, Dim: DimCountry, To: 1 << 40, By: ByValue})
		if err != nil {
			t.Fatal(err)
		}
		var values []string
		for _, r := range rows {
			values = append(values, r.Value)
		}
		if got, want := strings.Join(values, " "), "(other) GB"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})

	t.Run("queries select, split and order", func(t *testing.T) {
		s := start(t)
		add(t, s, Batch{Source: "g", Number: 1, Rows: []Row{
			row(DimPage, "", 20000, "/", 5), row(DimPage, "", 20001, "/", 6), row(DimPage, "", 20001, "/give", 7),
			row(DimPage, "", 20002, "/late", 1),
			row(DimCountry, "/give", 20000, "GB", 3), row(DimCountry, "/", 20000, "GB", 2), row(DimCountry, "/", 20000, "FR", 1),
			row(DimCountry, "", 20000, "GB", 40),
		}})
		gb := "GB"
		shown := func(q Select, rows []Row) (text string) {
			for _, r := range rows {
				name := r.Value
				switch {
				case q.By&ByStart != 0:
					name = itoa(r.Start / secondsPerDay)
				case q.By&ByPage != 0:
					name = r.Page
				}
				text += " " + name + "=" + itoa(r.Views)
			}
			return text
		}
		var together []Select
		var wants []string
		for _, tt := range []struct {
			name string
			q    Select
			want string
		}{
			{"all at once", Select{Dim: DimPage, From: day(20000), To: day(20002)}, " =18"},
			{"nothing there is no row", Select{Dim: DimPage, From: day(30000), To: day(30001)}, ""},
			{"by value", Select{Dim: DimPage, From: day(20000), To: day(20002), By: ByValue}, " /=11 /give=7"},
			{"by start", Select{Dim: DimPage, From: day(20000), To: day(20003), By: ByStart}, " 20000=5 20001=13 20002=1"},
			{"over two spans", Select{Dim: DimPage, From: day(20000), To: day(20001), Also: []Span{{Day, day(20002), day(20003)}}, By: ByStart}, " 20000=5 20002=1"},
			{"over no span", Select{Dim: DimPage, From: day(20000), To: day(20000), Also: []Span{{Day, day(30002), day(30003)}}, By: ByStart}, ""},
			{"one page", Select{Dim: DimCountry, Page: "/", From: day(20000), To: day(20001), By: ByValue}, " FR=1 GB=2"},
			{"every page of one value", Select{Dim: DimCountry, AnyPage: true, Value: &gb, From: day(20000), To: day(20001), By: ByPage}, " /=2 /give=3"},
			{"the site without its pages", Select{Dim: DimCountry, From: day(20000), To: day(20001), By: ByValue}, " GB=40"},
		} {
			tt.q.Site, tt.q.Grain = "a.example", Day
			rows, err := s.Query(t.Context(), tt.q)
			if err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
			if got := shown(tt.q, rows); got != tt.want {
				t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
			}
			// Twice: what is asked for again is answered again.
			together, wants = append(together, tt.q, tt.q), append(wants, tt.want, tt.want)
		}
		all, err := s.QueryEach(t.Context(), together)
		if err != nil {
			t.Fatal(err)
		}
		for i, q := range together {
			if got := shown(q, all[i]); got != wants[i] {
				t.Errorf("together with others, %+v: got %q, want %q", q, got, wants[i])
			}
		}
	})

	t.Run("a random stream sums up like a map", func(t *testing.T) { testRandomStream(t, open) })

	t.Run("what is forgotten is in no file any more", func(t *testing.T) {
		dir := t.TempDir()
		s := open(t, dir)
		const secret = "/only-on-an-old-day"
		var old []Row
		for d := range int64(300) {
			old = append(old, row(DimPage, "", d+1, secret+itoa(d), 1), row(DimPage, "", d+20000, "/kept", 1))
		}
		add(t, s, Batch{Source: "g", Number: 1, Rows: sumRows(old)})
		if !holds(t, dir, secret) {
			t.Fatal("no file holds the text: this test would prove nothing")
		}
		found, err := s.Forget(t.Context(), []Expiry{{Grain: Day, Before: day(1000)}, {Grain: Hour, Before: 1 << 40}})
		if err != nil || found != 300 {
			t.Fatalf("found %d, %v, want 300", found, err)
		}
		if holds(t, dir, secret) {
			t.Error("a file still holds a forgotten text")
		}
		rows, err := s.Query(t.Context(), Select{Site: "a.example", Grain: Day, Dim: DimPage, To: 1 << 40, By: ByValue})
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) != 1 || rows[0].Value != "/kept" || rows[0].Views != 300 {
			t.Errorf("got %v, want 300 views of /kept", rows)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	})

	t.Run("one dimension can be forgotten sooner", func(t *testing.T) {
		s := start(t)
		add(t, s, Batch{Source: "g", Number: 1, Rows: []Row{row(DimGap, "", 10, "none", 1), row(DimPage, "", 10, "/", 1)}})
		if _, err := s.Forget(t.Context(), []Expiry{{Grain: Day, Dim: DimGap, Before: day(11)}}); err != nil {
			t.Fatal(err)
		}
		for d, want := range map[Dim]int{DimGap: 0, DimPage: 1} {
			rows, err := s.Query(t.Context(), Select{Site: "a.example", Grain: Day, Dim: d, To: 1 << 40})
			if err != nil || len(rows) != want {
				t.Errorf("%s: got %d rows, %v, want %d", d, len(rows), err, want)
			}
		}
	})
}

// testRandomStream adds batches made up at random and wants the sums of a map.
func testRandomStream(t *testing.T, open func(t *testing.T, dir string) Store) {
	t.Helper()
	s := open(t, t.TempDir())
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	random := rand.New(rand.NewPCG(1, 2))
	want := map[Key]Metrics{}
	for n := range uint64(8) {
		var rows []Row
		for range 100 {
			r := testDayRow([]Dim{DimTotal, DimPage, DimCountry}[random.IntN(3)], []string{"", "/", "/a"}[random.IntN(3)],
				20000+random.Int64N(5), []string{"", "GB", "FR", "ü|ñ"}[random.IntN(4)], random.Int64N(9))
			rows = append(rows, r)
			m := want[r.Key]
			m.Add(r.Metrics)
			want[r.Key] = m
		}
		if err := s.Add(t.Context(), Batch{Source: "g", Number: n + 1, Rows: sumRows(rows)}); err != nil {
			t.Fatal(err)
		}
	}
	got := map[Key]Metrics{}
	for _, d := range []Dim{DimTotal, DimPage, DimCountry} {
		for _, anyPage := range []bool{false, true} {
			rows, err := s.Query(t.Context(), Select{Grain: Day, Dim: d, AnyPage: anyPage, To: 1 << 40, By: BySite | ByStart | ByPage | ByValue})
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range rows {
				got[r.Key] = r.Metrics
			}
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %d rows, want %d, or other sums", len(got), len(want))
	}
}

// testDayRow is what a day has of one key.
func testDayRow(dim Dim, page string, day int64, value string, views int64) Row {
	return Row{Key{"a.example", Day, dim, page, day * secondsPerDay, value}, Metrics{Views: views, Visits: views * 2, Goals: 1}}
}

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// anyFileHolds reports whether a file under dir holds text.
func anyFileHolds(t *testing.T, dir, text string) bool {
	t.Helper()
	found := false
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		found = found || strings.Contains(string(b), text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
