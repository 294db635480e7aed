package analytics

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lychgate/lychgate/analytics/clickhousetest"
)

// TestClickHouse runs everything against one real engine, each test in a
// database of its own. The contract of a Store is held whole over both protocols,
// one with either compression, and a part of it that sends and asks for all there
// is in every other way; LYCHGATE_TEST_COMBINATIONS=all holds it whole in each.
func TestClickHouse(t *testing.T) {
	server := clickhousetest.New(t, clickhousetest.Options{})
	for i, way := range []struct{ protocol, compression string }{
		{"native", "lz4"}, {"http", "zstd"}, {"native", "none"}, {"native", "zstd"}, {"http", "none"}, {"http", "lz4"},
	} {
		whole := i < 2 || everyCombination()
		if !whole && fewer(1, 0) == 0 {
			break
		}
		t.Run(way.protocol+" "+way.compression, func(t *testing.T) {
			config := func(dir string) *ClickHouseConfig {
				c := testClickHouseConfig(server, dir)
				c.Compression = way.compression
				if c.Protocol = way.protocol; c.Protocol == "http" {
					c.Addr = []string{server.HTTP}
				}
				if c.Addr[0] == "" {
					t.Skip("SKIPPED: the server given does not speak it")
				}
				return c
			}
			open := func(t *testing.T, dir string) Store { return testOpenClickHouse(t, config(dir)) }
			if !whole {
				testRandomStream(t, open)
				return
			}
			testStore(t, open, func(t *testing.T, dir, text string) bool { return clickhouseHolds(t, config(dir), text) })
		})
	}
	for _, test := range []struct {
		name string
		run  func(*testing.T, *clickhousetest.Server)
	}{
		{"the query and small-number tests of the other engine", testOtherEnginesTests},
		{"both engines agree on a random stream", testEnginesAgree},
		{"the server deletes by itself what is too old", testTTL},
		{"missing and newer tables are named", testTables},
		{"two gateways that both keep house say so", testTwoHousekeepers},
		{"a table that goes missing comes back", testTableGone},
		{"answers are lost and batches arrive in half", testCutConnections},
		{"a server that forgot a part of a batch gets it again", testForgottenPart},
		{"a server answers byte by byte", testSlowServer},
		{"a server hangs", testFrozen},
		{"the spool's disk is full", testFullSpool},
		{"sums are moved up and back once though the mover is killed", testMove},
		{"the Grafana board asks what can be answered, and shows no small cell", testGrafana},
		{"batches count once though servers and gateways are killed", testKilled},
	} {
		t.Run(test.name, func(t *testing.T) { test.run(t, server) })
	}
}

// testServer makes tests of this binary that open an Analytics keep its sums on
// this server: "native host:port", with a database for each folder.
const testServer = "LYCHGATE_TEST_SERVER"

func testServerConfig(server, dir string) *ClickHouseConfig {
	c := ClickHouseConfig{Addr: []string{server}, Database: testDatabase(dir), Housekeeping: true}
	return c.withDefaults()
}

func testDatabase(dir string) string { return fmt.Sprintf("test_%x", sha256.Sum256([]byte(dir)))[:24] }

// testOtherEnginesTests runs the tests of questions, small numbers and retention
// again, with the sums on the server.
func testOtherEnginesTests(t *testing.T, server *clickhousetest.Server) {
	server.NeedsControl(t)
	tests := []string{"TestFromViewToAnswer", "TestTwoTabsAreOneVisit", "TestStates"}
	if fewer(1, 0) > 0 {
		tests = append(tests, "TestClosingAMonth", "TestOnlyThoseWhoAgreeAreCounted", "TestNoSmallCellCanBeComputed")
	}
	c := exec.Command(os.Args[0], "-test.short", "-test.v", "-test.run", "^("+strings.Join(tests, "|")+")$")
	c.Env = append(os.Environ(), testServer+"="+server.Native)
	out, err := c.CombinedOutput()
	if passed := strings.Count("\n"+string(out), "\n--- PASS"); err != nil || passed < len(tests) {
		t.Errorf("%v, %d passed:\n%s", err, passed, out)
	}
}

// testClickHouseConfig names a database for what would be in dir.
func testClickHouseConfig(s *clickhousetest.Server, dir string) *ClickHouseConfig {
	c := testServerConfig(s.Native, dir)
	if s.Native == "" {
		c.Addr, c.Protocol = []string{s.HTTP}, "http"
	}
	if c.Writer.User = s.User; s.Password != "" {
		c.Writer.PasswordFile = filepath.Join(dir, "password")
		if err := os.WriteFile(c.Writer.PasswordFile, []byte(s.Password), 0o600); err != nil {
			panic(err)
		}
	}
	return c
}

func testOpenClickHouse(t testing.TB, c *ClickHouseConfig) *clickhouseStore {
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
	skipRaced(t)
	one, err := openSQLite(t.Context(), t.TempDir(), false)
	if err != nil {
		t.Fatal(err)
	}
	defer one.Close()
	two := testOpenClickHouse(t, testClickHouseConfig(server, t.TempDir()))
	defer two.Close()
	random := rand.New(rand.NewPCG(3, 4))
	values := []string{"", "GB", "ü|ñ", "it's \"so\"\\", "two\nlines\tand\x00nothing", "{x:String} ?"}
	for n := range uint64(fewer(10, 6)) {
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
		b := Batch{Source: "g", Number: n + 1, Rows: sumRows(rows)}
		if err := errors.Join(one.Add(t.Context(), b), two.Add(t.Context(), b)); err != nil {
			t.Fatal(err)
		}
	}
	var asked []Select
	var answered [][]Row
	for _, g := range []Grain{Hour, Day, Month} {
		for _, d := range []Dim{DimTotal, DimPage} {
			for _, by := range []Columns{0, ByStart, ByValue, ByPage | ByStart, BySite | ByStart | ByPage | ByValue} {
				for _, s := range []Select{
					{To: 1 << 60},
					{Site: "a.example", AnyPage: true, To: 1 << 60},
					{Site: "a.example", To: 1_700_000_000, Also: []Span{{Day, 1_700_500_000, 1 << 60}, {Month, 1_701_000_000, 1_703_000_000}}},
					{From: 1_700_500_000, To: 1_703_000_000, Page: "/it's", Value: &values[3+len(asked)%3]},
				} {
					s.Grain, s.Dim, s.By = g, d, by
					want, err := one.Query(t.Context(), s)
					if err != nil {
						t.Fatal(err)
					}
					asked, answered = append(asked, s), append(answered, want)
					if len(asked)%7 != 1 && !everyCombination() {
						continue // asked together with the others, below
					}
					got, err := two.Query(t.Context(), s)
					if err != nil {
						t.Fatal(err)
					}
					if !reflect.DeepEqual(got, want) {
						t.Fatalf("%+v: got %d rows, want %d, or others:\n%+v\n%+v", s, len(got), len(want), head(got), head(want))
					}
				}
			}
		}
	}
	for name, store := range map[string]Store{"one": one, "two": two} {
		got, err := store.QueryEach(t.Context(), asked)
		if err != nil {
			t.Fatal(err)
		}
		for i := range asked {
			if !reflect.DeepEqual(got[i], answered[i]) {
				t.Fatalf("%s, all together: %+v: got %d rows, want %d, or others:\n%+v\n%+v", name, asked[i], len(got[i]), len(answered[i]), head(got[i]), head(answered[i]))
			}
		}
	}
}

func head(rows []Row) []Row { return rows[:min(len(rows), 3)] }

func testTTL(t *testing.T, server *clickhousetest.Server) {
	c := testClickHouseConfig(server, t.TempDir())
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
	if err := s.Add(t.Context(), Batch{Source: "g", Number: 1, Rows: sumRows(rows)}); err != nil {
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
	s = open(DefaultRetention)
	if _, err := s.Forget(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	again := Row{Key{"a.example", Day, DimTotal, "", now.Add(-380 * dayLong).Unix(), ""}, Metrics{Views: 380}}
	if err := s.Add(t.Context(), Batch{Source: "g", Number: 2, Rows: []Row{again}}); err != nil {
		t.Fatal(err)
	}
	if err := s.house.Exec(t.Context(), "OPTIMIZE TABLE sums FINAL"); err != nil {
		t.Fatal(err)
	}
	if got, want := left(s), []int64{91, 380}; !slices.Equal(got, want) {
		t.Errorf("lengthened: rows of age %v, want %v", got, want)
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
