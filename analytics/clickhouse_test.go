package analytics

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lychgate/lychgate/analytics/clickhousetest"
)

// TestClickHouse runs everything against one real engine, each test in a
// database of its own.
func TestClickHouse(t *testing.T) {
	server := clickhousetest.New(t, clickhousetest.Options{})
	for _, protocol := range []string{"native", "http"} {
		for _, compression := range []string{"none", "lz4", "zstd"} {
			t.Run(protocol+" "+compression, func(t *testing.T) {
				config := func(dir string) *ClickHouseConfig {
					c := testClickHouseConfig(server, dir)
					c.Protocol, c.Compression = protocol, compression
					if protocol == "http" {
						c.Addr = []string{server.HTTP}
					}
					return c
				}
				testStore(t, func(t *testing.T, dir string) Store { return testOpenClickHouse(t, config(dir)) },
					func(t *testing.T, dir, text string) bool { return clickhouseHolds(t, config(dir), text) })
			})
		}
	}
	t.Run("both engines agree on a random stream", func(t *testing.T) { testEnginesAgree(t, server) })
	t.Run("the server deletes by itself what is too old", func(t *testing.T) { testTTL(t, server) })
	t.Run("missing and newer tables are named", func(t *testing.T) { testTables(t, server) })
	t.Run("sums are moved up and back once though the mover is killed", func(t *testing.T) { testMove(t, server) })
	t.Run("the Grafana board asks what can be answered, and shows no small cell", func(t *testing.T) { testGrafana(t, server) })
	t.Run("batches count once though the server is killed", func(t *testing.T) { testKilled(t, server) })
}

// testClickHouseConfig names a database for what would be in dir.
func testClickHouseConfig(s *clickhousetest.Server, dir string) *ClickHouseConfig {
	c := ClickHouseConfig{Addr: []string{s.Native}, Database: fmt.Sprintf("test_%x", sha256.Sum256([]byte(dir)))[:24], Housekeeping: true}
	return c.withDefaults()
}

func testOpenClickHouse(t *testing.T, c *ClickHouseConfig) *clickhouseStore {
	t.Helper()
	if err := migrateClickHouse(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	s, err := openClickHouse(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	s.breaker = nil // a test's tries follow one another at once
	// A killed process loses nothing that the kernel has; waiting for the disk
	// would only make the tests slow.
	err = s.house.Exec(t.Context(), "ALTER TABLE sums MODIFY SETTING fsync_after_insert = 0, fsync_part_directory = 0, min_rows_to_fsync_after_merge = 0")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// clickhouseHolds reports whether a row has a text that begins so. What is on
// the disk is compressed; the server takes replaced parts off it a minute later.
func clickhouseHolds(t *testing.T, c *ClickHouseConfig, text string) bool {
	t.Helper()
	s, err := openClickHouse(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	var n uint64
	if err := s.read.QueryRow(t.Context(), "SELECT count() FROM sums WHERE startsWith(value, ?) OR startsWith(page, ?)", text, text).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n > 0
}

func testEnginesAgree(t *testing.T, server *clickhousetest.Server) {
	one, err := openSQLite(t.Context(), t.TempDir(), false)
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	two := testOpenClickHouse(t, testClickHouseConfig(server, t.TempDir()))
	defer two.Close()
	random := rand.New(rand.NewPCG(3, 4))
	values := []string{"", "GB", "ü|ñ", "it's \"so\"\\", "two\nlines\tand\x00nothing", "{x:String} ?"}
	for n := range uint64(30) {
		var rows []Row
		for range 200 {
			rows = append(rows, Row{
				Key{
					[]string{"a.example", "b.example"}[random.IntN(2)], []Grain{Hour, Day, Month}[random.IntN(3)],
					[]Dim{DimTotal, DimPage, DimCountry}[random.IntN(3)], []string{"", "/", "/it's"}[random.IntN(3)],
					1_700_000_000 + 3600*random.Int64N(2000), values[random.IntN(len(values))],
				},
				Metrics{1 + random.Int64N(9), random.Int64N(9), random.Int64N(9), random.Int64N(9), random.Int64N(9), random.Int64N(9), random.Int64N(9), random.Int64N(9)},
			})
		}
		b := Batch{"g", n + 1, sumRows(rows)}
		if err := errors.Join(one.Add(t.Context(), b), two.Add(t.Context(), b)); err != nil {
			t.Fatal(err)
		}
	}
	asked := 0
	for _, g := range []Grain{Hour, Day, Month} {
		for _, d := range []Dim{DimTotal, DimPage} {
			for _, by := range []Columns{0, ByStart, ByValue, ByPage | ByStart, BySite | ByStart | ByPage | ByValue} {
				for _, s := range []Select{
					{To: 1 << 60},
					{Site: "a.example", AnyPage: true, To: 1 << 60},
					{Site: "a.example", To: 1_700_000_000, Also: []Span{{Day, 1_700_500_000, 1 << 60}, {Month, 1_701_000_000, 1_703_000_000}}},
					{From: 1_700_500_000, To: 1_703_000_000, Page: "/it's", Value: &values[3+asked%3]},
				} {
					s.Grain, s.Dim, s.By = g, d, by
					want, err1 := one.Query(t.Context(), s)
					got, err2 := two.Query(t.Context(), s)
					if err := errors.Join(err1, err2); err != nil {
						t.Fatal(err)
					}
					if asked++; !reflect.DeepEqual(got, want) {
						t.Fatalf("%+v: got %d rows, want %d, or others:\n%+v\n%+v", s, len(got), len(want), head(got), head(want))
					}
				}
			}
		}
	}
}

func head(rows []Row) []Row { return rows[:min(len(rows), 3)] }

func testTTL(t *testing.T, server *clickhousetest.Server) {
	c := testClickHouseConfig(server, t.TempDir())
	c.Protocol = "native"
	if err := Migrate(t.Context(), Config{ClickHouse: c}); err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	const dayLong = 24 * time.Hour
	var rows []Row
	for _, r := range []struct {
		grain Grain
		dim   Dim
		age   time.Duration
	}{{Hour, DimTotal, 91 * dayLong}, {Hour, DimTotal, 94 * dayLong}, {Day, DimTotal, 390 * dayLong}, {Day, DimTotal, 400 * dayLong}, {Day, DimGap, 94 * dayLong}, {Month, DimTotal, 700 * dayLong}, {Month, DimTotal, 800 * dayLong}} {
		rows = append(rows, Row{Key{"a.example", r.grain, r.dim, "", now.Add(-r.age).Unix(), ""}, Metrics{Views: int64(r.age / dayLong)}})
	}
	open := func(retention time.Duration) *clickhouseStore {
		s, err := openClickHouse(t.Context(), c, windows(retention))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	left := func(s *clickhouseStore) (views []int64) {
		for _, g := range []Grain{Hour, Day, Month} {
			for _, d := range []Dim{DimTotal, DimGap} {
				found, err := s.Query(t.Context(), Select{Grain: g, Dim: d, To: 1 << 60, By: ByStart})
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range found {
					views = append(views, r.Views)
				}
			}
		}
		slices.Sort(views)
		return views
	}
	s := open(DefaultRetention)
	if err := s.Add(t.Context(), Batch{"g", 1, sumRows(rows)}); err != nil {
		t.Fatal(err)
	}
	if err := s.house.Exec(t.Context(), "OPTIMIZE TABLE sums FINAL"); err != nil {
		t.Fatal(err)
	}
	if got, want := left(s), []int64{91, 390, 700}; !slices.Equal(got, want) {
		t.Errorf("as migrated: rows of age %v, want %v", got, want)
	}
	s = open(100 * dayLong)
	if _, err := s.Forget(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if got, want := left(s), []int64{91}; !slices.Equal(got, want) {
		t.Errorf("shortened: rows of age %v, want %v", got, want)
	}
	var changes uint64
	count := func(s *clickhouseStore) uint64 {
		if err := s.read.QueryRow(t.Context(), "SELECT count() FROM system.mutations WHERE database = ?", c.Database).Scan(&changes); err != nil {
			t.Fatal(err)
		}
		return changes
	}
	before := count(s)
	if _, err := s.Forget(t.Context(), []Expiry{{Grain: Day, Before: 1}}); err != nil {
		t.Fatal(err)
	}
	if after := count(s); after != before {
		t.Errorf("%d mutations with nothing to do", after-before)
	}
}

func testTables(t *testing.T, server *clickhousetest.Server) {
	c := testClickHouseConfig(server, t.TempDir())
	if _, err := openClickHouse(t.Context(), c, nil); !errors.Is(err, ErrNoTables) {
		t.Errorf("without a database: got %v, want %v", err, ErrNoTables)
	}
	if err := migrateClickHouse(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	s := testOpenClickHouse(t, c)
	defer s.Close()
	for _, step := range []struct {
		sql  string
		want error
	}{
		{"INSERT INTO schema_migrations (version, name) VALUES (1000, 'later')", ErrNewerTables},
		{"TRUNCATE TABLE schema_migrations", ErrNoTables},
	} {
		if err := s.house.Exec(t.Context(), step.sql); err != nil {
			t.Fatal(err)
		}
		if _, err := openClickHouse(t.Context(), c, nil); !errors.Is(err, step.want) {
			t.Errorf("%s: got %v, want %v", step.sql, err, step.want)
		}
	}
	if err := migrateClickHouse(t.Context(), c); err != nil { // over tables that are there
		t.Errorf("after an interrupted migration: %v", err)
	}
	c.Database = "x; DROP DATABASE system"
	if err := migrateClickHouse(t.Context(), c); err == nil || !strings.Contains(err.Error(), "name of a database") {
		t.Errorf("a name that is none: %v", err)
	}
}

// testKilled kills the server while four gateways insert, and lets them repeat
// what was not acknowledged.
func testKilled(t *testing.T, server *clickhousetest.Server) {
	const rounds, gateways, perRound = 5, 4, 6
	c := testClickHouseConfig(server, t.TempDir())
	s := testOpenClickHouse(t, c)
	defer s.Close()
	rows := make([]Row, 500)
	for i := range rows { // two months, thus two parts for each insert
		rows[i] = Row{Key{"a.example", Day, DimPage, "", 86400 * (20000 + int64(i%2)*40), fmt.Sprintf("/%04d", i)}, Metrics{Views: 1}}
	}
	rows = sumRows(rows)
	failed := 0
	for round := range uint64(rounds) {
		acknowledged := make(chan bool, gateways*perRound)
		pending := make(chan []Batch, gateways)
		for g := range gateways {
			go func() {
				var again []Batch
				for n := range uint64(perRound) {
					b := Batch{fmt.Sprintf("gateway-%d", g), round*perRound + n + 1, rows}
					if len(again) > 0 || s.Add(t.Context(), b) != nil {
						again = append(again, b)
						continue
					}
					acknowledged <- true
				}
				pending <- again
			}()
		}
		for range 1 + 2*round { // later in every round
			<-acknowledged
		}
		server.Kill()
		var again []Batch
		for range gateways {
			again = append(again, <-pending...)
		}
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
		failed += len(again)
		for _, b := range again {
			retry(t, s, b)
		}
		if got, want := clickhouseViews(t, s), int64(gateways*perRound*len(rows))*int64(round+1); got != want {
			t.Fatalf("after %d kills: %d views stored, %d acknowledged", round+1, got, want)
		}
	}
	if failed == 0 {
		t.Error("no insert failed: this test proved nothing")
	}
	t.Logf("%d batches acknowledged, %d of them after a kill", rounds*gateways*perRound, failed)
}

// retry adds b, of which connections that died may still fail once each.
func retry(t *testing.T, s Store, b Batch) {
	t.Helper()
	var err error
	for range 20 {
		if err = s.Add(t.Context(), b); err == nil {
			return
		}
	}
	t.Fatal(err)
}

func clickhouseViews(t *testing.T, s *clickhouseStore) (views int64) {
	t.Helper()
	var err error
	for range 20 { // as in retry
		if err = s.read.QueryRow(context.WithoutCancel(t.Context()), "SELECT sum(views) FROM sums").Scan(&views); err == nil {
			return views
		}
	}
	t.Fatal(err)
	return 0
}
