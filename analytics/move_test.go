package analytics

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lychgate/lychgate/analytics/clickhousetest"
)

// Tests that kill a move run this test binary again, as one.
const (
	moverDir      = "LYCHGATE_TEST_MOVER_DIR"
	moverServer   = "LYCHGATE_TEST_MOVER_SERVER"
	moverDatabase = "LYCHGATE_TEST_MOVER_DATABASE"
)

func moveUp(dir string) error {
	c := &ClickHouseConfig{Addr: []string{os.Getenv(moverServer)}, Database: os.Getenv(moverDatabase)}
	_, err := Move(context.Background(), Config{Dir: dir, ClickHouse: c, pieceRows: testPiece}, engineClickHouse)
	return err
}

const testPiece = 300

// testFillFile fills a file of sums with rows of every grain and a few that are
// expired, and returns those that are not.
func testFillFile(t *testing.T, dir string, now time.Time) []Row {
	t.Helper()
	s, err := openSQLite(t.Context(), dir, false)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	random := rand.New(rand.NewPCG(11, 12))
	values := []string{"", "GB", "ü|ñ", "it's \"so\"\\", "two\nlines\tand\x00nothing"}
	var rows []Row
	for range 6000 {
		g := []Grain{Hour, Day, Month}[random.IntN(3)]
		back := map[Grain]int64{Hour: 95, Day: 400, Month: 765}[g]
		rows = append(rows, Row{
			Key{
				[]string{"a.example", "b.example"}[random.IntN(2)], g,
				[]Dim{DimTotal, DimPage, DimCountry, DimGap}[random.IntN(4)], []string{"", "/", "/it's"}[random.IntN(3)],
				now.Unix()/3600*3600 - 3600*random.Int64N(24*back), values[random.IntN(len(values))],
			},
			Metrics{1 + random.Int64N(9), random.Int64N(9), random.Int64N(9), random.Int64N(9), random.Int64N(9), random.Int64N(9), random.Int64N(9), random.Int64N(9)},
		})
	}
	a := Analytics{config: Config{Retention: DefaultRetention}}
	expired := func(r Row, at time.Time) bool {
		return slices.ContainsFunc(a.expired(at), func(e Expiry) bool {
			return r.Grain == e.Grain && (e.Dim == "" || e.Dim == r.Dim) && r.Start < e.Before
		})
	}
	// None expires while the test runs.
	rows = slices.DeleteFunc(sumRows(rows), func(r Row) bool { return !expired(r, now) && expired(r, now.Add(time.Hour)) })
	if err := s.Add(t.Context(), Batch{Source: "g", Number: 1, Rows: rows}); err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(slices.Clone(rows), func(r Row) bool { return expired(r, now) })
}

// testExport is all of a store, in the order of the keys.
func testExport(t *testing.T, s movable) (all []Row) {
	t.Helper()
	err := s.export(t.Context(), 0, 1<<32, nil, func(r Row) error { all = append(all, r); return nil })
	if err != nil {
		t.Fatal(err)
	}
	return sumRows(all)
}

func testSameRows(t *testing.T, got, want []Row) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d rows, want %d", len(got), len(want))
	}
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Fatalf("row %d: got %+v, want %+v", i, got[i], want[i])
		}
	}
}

// testMove moves sums up while the moving process is killed again and again,
// and back; what a gateway counts meanwhile comes along.
func testMove(t *testing.T, server *clickhousetest.Server) {
	skipRaced(t)
	kills := 12
	if testing.Short() {
		kills = 4
	}
	dir, now := t.TempDir(), time.Now()
	want := testFillFile(t, dir, now)
	ch := testClickHouseConfig(server, dir)
	far := testOpenClickHouse(t, ch)
	defer far.Close()
	up := Config{Dir: dir, ClickHouse: ch}

	killed := 0
	random := rand.New(rand.NewPCG(13, 14))
	for try := range 200 {
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), moverDir+"="+dir, moverServer+"="+server.Native, moverDatabase+"="+ch.Database)
		var said strings.Builder
		c.Stderr = &said
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() { ended <- c.Wait() }()
		if killed < kills {
			awaitPieces(t, dir, random.Uint64N(4), ended)
			c.Process.Kill() //nolint:errcheck // it may have ended
		}
		err := <-ended
		if err == nil {
			break
		}
		if !strings.Contains(err.Error(), "killed") || try == 199 {
			t.Fatalf("move: %v %s", err, &said)
		}
		killed++
	}
	if killed == 0 {
		t.Error("the move was never killed: this test proved nothing")
	}
	testSameRows(t, testExport(t, far), want)

	// The gateway that has not been started anew keeps its counts, and does not
	// undo the move.
	old := testOpen(t, dir)
	b := &testBrowser{a: old}
	b.see(t, "/", now)
	if err := old.flush(true); err != nil {
		t.Fatal(err)
	}
	if err := old.sendAll(t.Context()); !errors.Is(err, errMoved) {
		t.Errorf("the gateway of the old engine: %v, want %v", err, errMoved)
	}
	if h := old.Health(); h.Backlog != 1 || h.StoreOpen {
		t.Errorf("its health: %+v", h)
	}
	testClose(t, old)
	_, err := Move(t.Context(), up, engineClickHouse)
	if err == nil || !strings.Contains(err.Error(), "moved to clickhouse already") {
		t.Errorf("moved again: %v", err)
	}
	var before int64
	for _, r := range want {
		if r.Grain == Day && r.Dim == DimTotal && r.Page == "" {
			before += r.Views
		}
	}
	fresh, err := Open(t.Context(), Config{Dir: dir, ClickHouse: ch, Keys: old.config.Keys, Sites: old.config.Sites})
	if err != nil {
		t.Fatal(err)
	}
	if err := fresh.sendAll(t.Context()); err != nil {
		t.Errorf("the gateway of the new engine: %v", err)
	}
	if err := fresh.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if got := testViewsOf(t, far, testSite); got != 1 {
		t.Errorf("%d views came along, want 1", got)
	}
	_, err = Move(t.Context(), up, engineClickHouse)
	if err == nil || !strings.Contains(err.Error(), "was moved on") {
		t.Errorf("moved once more: %v", err)
	}

	t.Run("into a server that has the same days", func(t *testing.T) {
		dir := t.TempDir()
		testFillFile(t, dir, now)
		_, err := Move(t.Context(), Config{Dir: dir, ClickHouse: ch}, engineClickHouse)
		if err == nil || !strings.Contains(err.Error(), "counted twice") {
			t.Errorf("got %v", err)
		}
		if n, err := readMoveNote(dir); n != nil || err != nil {
			t.Errorf("a refused move left %+v, %v", n, err)
		}
	})
	t.Run("back", func(t *testing.T) {
		dir := t.TempDir()
		moved, err := Move(t.Context(), Config{Dir: dir, ClickHouse: ch, pieceRows: testPiece}, engineSQLite)
		if err != nil {
			t.Fatal(err)
		}
		if moved.Rows < int64(len(want)) || moved.Totals == 0 {
			t.Errorf("said %+v", moved)
		}
		s, err := openSQLite(t.Context(), dir, false)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		testSameRows(t, testExport(t, s), testExport(t, far))
		if err := os.Remove(filepath.Join(dir, moveFile)); err != nil {
			t.Fatal(err)
		}
		_, err = Move(t.Context(), Config{Dir: dir, ClickHouse: ch}, engineSQLite)
		if err == nil || !strings.Contains(err.Error(), "holds sums already") {
			t.Errorf("moved back twice: %v", err)
		}
	})
	t.Run("a batch that is on its way is waited for", func(t *testing.T) {
		dir := t.TempDir()
		s := testOpenSpool(t, filepath.Join(dir, spoolFolder))
		if _, err := s.append([]Row{testRow("/", 1)}, true); err != nil {
			t.Fatal(err)
		}
		if _, _, err := s.begin(1, engineClickHouse, time.Now()); err != nil {
			t.Fatal(err)
		}
		_, err := Move(t.Context(), Config{Dir: dir, ClickHouse: ch}, engineSQLite)
		if err == nil || !strings.Contains(err.Error(), "on its way") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("totals are read where they are", func(t *testing.T) {
		got, err := ReadTotals(t.Context(), Config{Dir: dir, ClickHouse: ch})
		if err != nil {
			t.Fatal(err)
		}
		file, err := ReadTotals(t.Context(), Config{Dir: dir})
		if err != nil || got.Pageviews < before || got.Pageviews == 0 {
			t.Errorf("server %+v, file %+v, %v, want at least %d", got, file, err, before)
		}
	})
}

// A move ends well only when the target has all that the source has, and nothing
// more than it had before.
func TestAMoveThatLostOrDoubledSumsDoesNotEndWell(t *testing.T) {
	now := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	row := func(path string, views int64) Row {
		return Row{Key{"a.example", Day, DimPage, path, now.Truncate(24 * time.Hour).Unix(), ""}, Metrics{Views: views}}
	}
	for _, test := range []struct {
		name   string
		stray  []Row // what else reaches the target while the move copies
		reason string
	}{
		{"everything is there", nil, ""},
		{"a row is there twice", []Row{row("/", 3)}, "the totals differ"},
		{"a part is lost", []Row{row("/", -1)}, "the totals differ"},
		{"somebody else counts", []Row{{Key{"b.example", Day, DimTotal, "", now.Truncate(24 * time.Hour).Unix(), ""}, Metrics{Views: 1}}}, "totals that the source lacks"},
	} {
		t.Run(test.name, func(t *testing.T) {
			from, to := testSQLite(t), testSQLite(t)
			if err := from.Add(t.Context(), Batch{Source: "g", Number: 1, Rows: []Row{row("/", 3), row("/about", 4)}}); err != nil {
				t.Fatal(err)
			}
			before := []Row{row("/later", 7)}
			before[0].Start += 86400
			if err := to.Add(t.Context(), Batch{Source: "g", Number: 1, Rows: before}); err != nil {
				t.Fatal(err)
			}
			m := &move{
				dir: t.TempDir(), from: from, to: to, note: &moveNote{ID: "move-test", To: engineSQLite, Began: now},
				retention: DefaultRetention, pieceRows: 1, now: func() time.Time { return now },
			}
			var err error
			if m.note.Before, err = to.totals(t.Context(), m.expired(expiresSoon)); err != nil {
				t.Fatal(err)
			}
			if _, err := m.copy(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := to.Add(t.Context(), Batch{Source: "h", Number: 1, Rows: test.stray}); err != nil {
				t.Fatal(err)
			}
			switch out, err := m.compare(t.Context()); {
			case test.reason == "" && (err != nil || out.Totals == 0):
				t.Errorf("got %+v, %v", out, err)
			case test.reason != "" && (err == nil || !strings.Contains(err.Error(), test.reason)):
				t.Errorf("got %v, want %q", err, test.reason)
			}
		})
	}
}

func testSQLite(t *testing.T) *sqliteStore {
	t.Helper()
	s, err := openSQLite(t.Context(), t.TempDir(), false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// awaitPieces returns when a move in dir has n more pieces there, or has ended.
func awaitPieces(t *testing.T, dir string, n uint64, ended chan error) {
	t.Helper()
	pieces := func() uint64 {
		note, err := readMoveNote(dir)
		if err != nil {
			t.Fatal(err)
		}
		if note == nil {
			return 0
		}
		return note.Acknowledged
	}
	for enough := pieces() + n; pieces() < enough; {
		select {
		case err := <-ended:
			ended <- err
			return
		default:
		}
	}
}

func testViewsOf(t *testing.T, s Store, site string) (views int64) {
	t.Helper()
	rows, err := s.Query(t.Context(), Select{Site: site, Grain: Day, Dim: DimTotal, To: 1 << 40})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		views += r.Views
	}
	return views
}

// A batch whose answer was lost is sent again for a day and then set aside; one
// that surely never left waits for as long as it takes.
func TestABatchOfUnknownFateIsSetAside(t *testing.T) {
	for _, test := range []struct {
		name   string
		err    error
		engine *ClickHouseConfig // after the first try
		after  time.Duration
		aside  int
	}{
		{"the answer was lost yesterday", errors.New("broken pipe"), &ClickHouseConfig{}, fateKnownFor + time.Minute, 1},
		{"the answer was lost an hour ago", errors.New("broken pipe"), &ClickHouseConfig{}, time.Hour, 0},
		{"it was never sent", fmt.Errorf("no route: %w", errNotSent), &ClickHouseConfig{}, 10 * fateKnownFor, 0},
		{"another engine may have it", errors.New("broken pipe"), nil, time.Second, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir, now := t.TempDir(), time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
			store := &brokenStore{err: test.err}
			open := func(ch *ClickHouseConfig) *Analytics {
				a, err := prepare(Config{Dir: dir, ClickHouse: ch}, func(context.Context) (Store, error) { return store, nil })
				if err != nil {
					t.Fatal(err)
				}
				a.now = func() time.Time { return now }
				if err := a.openSpool(); err != nil {
					t.Fatal(err)
				}
				return a
			}
			a := open(&ClickHouseConfig{})
			a.hold([]Row{testRow("/", 1)})
			if err := a.flush(true); err != nil {
				t.Fatal(err)
			}
			if err := a.sendAll(t.Context()); !errors.Is(err, test.err) {
				t.Fatalf("got %v, want %v", err, test.err)
			}
			// The process ends here; another begins later.
			now, store.err = now.Add(test.after), nil
			a = open(test.engine)
			if err := a.sendAll(t.Context()); err != nil {
				t.Error(err)
			}
			h := a.Health()
			if h.SetAside != test.aside || h.Backlog != 0 || store.added != 1-test.aside {
				t.Errorf("%d set aside, %d waiting, %d added, want %d, 0, %d", h.SetAside, h.Backlog, store.added, test.aside, 1-test.aside)
			}
		})
	}
}

// A brokenStore fails, and counts what is added when it does not.
type brokenStore struct {
	Store
	err   error
	added int
}

func (s *brokenStore) Add(context.Context, Batch) error {
	if s.err == nil {
		s.added++
	}
	return s.err
}

func FuzzParseSending(f *testing.F) {
	f.Add([]byte(sending{7, engineClickHouse, time.Unix(1_800_000_000, 0)}.String()))
	f.Add([]byte(strings.Repeat(" ", 49)))
	f.Add([]byte("-0000000000000001 0000000000000 x 00000000\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if n, ok := parseSending(b); ok && n.String() != string(b) {
			t.Errorf("%q reads as %+v", b, n)
		}
	})
}
