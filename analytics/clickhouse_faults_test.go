package analytics

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lychgate/lychgate/analytics/clickhousetest"
)

// testGatewayOn is a gateway whose sums are on the server of c.
func testGatewayOn(t *testing.T, dir string, c *ClickHouseConfig) *Analytics {
	t.Helper()
	a, err := Open(t.Context(), testConfig(t, dir, func(config *Config) { config.ClickHouse = c }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
	return a
}

// testCount counts n views and seals them as a batch.
func testCount(t *testing.T, a *Analytics, n int) {
	t.Helper()
	b := &testBrowser{a: a}
	for range n {
		b.see(t, "/", time.Now())
	}
	if err := a.flush(true); err != nil {
		t.Fatal(err)
	}
}

func testTableGone(t *testing.T, server *clickhousetest.Server) {
	dir := t.TempDir()
	c := testClickHouseConfig(server, dir)
	s := testOpenClickHouse(t, c)
	defer s.Close()
	a := testGatewayOn(t, dir, c)
	testCount(t, a, 1)
	if err := a.sendAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := s.house.Exec(t.Context(), "DROP TABLE sums"); err != nil {
		t.Fatal(err)
	}
	testCount(t, a, 2)
	if err := a.sendAll(t.Context()); err == nil || a.Health().StoreOpen || a.Health().Backlog != 1 {
		t.Errorf("sent: %v, health %+v", err, a.Health())
	}
	if ans := testAsk(t, a, Question{From: today(t), To: today(t)}); ans.Headline.Views != unanswered || ans.Health.Err == "" {
		t.Errorf("asked: %+v, health %+v", ans.Headline.Views, ans.Health)
	}
	if _, err := openClickHouse(t.Context(), c, nil); !errors.Is(err, ErrNoTables) {
		t.Errorf("opened: %v, want %v", err, ErrNoTables)
	}
	if err := migrateClickHouse(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if err := a.sendAll(t.Context()); err != nil || !a.Health().StoreOpen {
		t.Errorf("sent to the new table: %v, health %+v", err, a.Health())
	}
	if got := testViewsOf(t, s, testSite); got != 2 {
		t.Errorf("%d views, want 2", got)
	}
}

// A wire stands between gateway and server and can be cut.
type wire struct {
	net.Listener
	server string
	step   int // bytes that are passed on at once

	mu       sync.Mutex
	up, down int // bytes after which the next connection breaks; -1: never
	conns    sync.WaitGroup
}

// testWire opens a wire to server that passes on at most step bytes at once.
func testWire(t *testing.T, server string, step int) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{Listener: l, server: server, step: step, up: -1, down: -1}
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			w.conns.Go(func() { w.join(near) })
		}
	}()
	t.Cleanup(func() { l.Close() })
	return w
}

func (w *wire) cut(up, down int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.up, w.down = up, down
}

func (w *wire) join(near net.Conn) {
	defer near.Close()
	far, err := net.Dial("tcp", w.server)
	if err != nil {
		return
	}
	defer far.Close()
	w.mu.Lock()
	up, down := w.up, w.down
	w.mu.Unlock()
	ended := make(chan bool, 2)
	go func() { w.pass(far, near, up); ended <- true }()
	go func() { w.pass(near, far, down); ended <- true }()
	<-ended
}

// pass passes on at most limit bytes.
func (w *wire) pass(to io.Writer, from io.Reader, limit int) {
	b := make([]byte, w.step)
	for {
		n, err := from.Read(b)
		if limit >= 0 && n >= limit {
			to.Write(b[:limit]) //nolint:errcheck // it is cut anyway
			return
		}
		if limit >= 0 {
			limit -= n
		}
		if _, werr := to.Write(b[:n]); err != nil || werr != nil {
			return
		}
	}
}

// testCutConnections cuts connections at random bytes of what goes up, so that
// batches arrive in half, and of what comes down, so that answers are lost.
func testCutConnections(t *testing.T, server *clickhousetest.Server) {
	server.NeedsControl(t)
	for _, way := range []struct {
		name, protocol, addr string
	}{{"native", "native", server.Native}, {"http", "http", server.HTTP}} {
		t.Run(way.name, func(t *testing.T) {
			w := testWire(t, way.addr, 32<<10)
			dir := t.TempDir()
			c := testClickHouseConfig(server, dir)
			s := testOpenClickHouse(t, c) // by the uncut way
			defer s.Close()
			c.Protocol, c.Addr = way.protocol, []string{w.Addr().String()}
			rows := testManyRows(300)
			random := rand.New(rand.NewPCG(5, 6))
			lost, number := 0, uint64(0)
			for range fewer(20, 12) {
				number++
				b := Batch{Source: "g", Number: number, Rows: rows}
				if random.IntN(2) == 0 {
					w.cut(random.IntN(9000), -1)
				} else {
					w.cut(-1, random.IntN(900))
				}
				cut, err := openClickHouse(t.Context(), c, nil)
				if err == nil {
					err = errors.Join(cut.Add(t.Context(), b), cut.Close())
				}
				if err != nil {
					lost++
				}
				// As another gateway that took over the spool.
				if err := s.Add(t.Context(), b); err != nil {
					t.Fatal(err)
				}
			}
			if got, want := testViewsOf(t, s, "a.example"), int64(number)*300; got != want {
				t.Errorf("%d views are stored, %d were acknowledged", got, want)
			}
			if lost < 3 {
				t.Errorf("%d of %d tries failed: this test proved nothing", lost, number)
			}
			t.Logf("%d of %d tries failed", lost, number)
		})
	}
}

// testManyRows are n rows of one view each, in two years, thus two parts.
func testManyRows(n int) []Row {
	rows := make([]Row, n)
	for i := range rows {
		rows[i] = Row{Key{"a.example", Day, DimTotal, "", 86400 * (20000 + int64(i%2)*100), fmt.Sprintf("/%04d", i)}, Metrics{Views: 1}}
	}
	return sumRows(rows)
}

// testForgottenPart takes away a part of a batch whose token the server has noted,
// as a kill between the two leaves it: the repetition brings the part, once.
func testForgottenPart(t *testing.T, server *clickhousetest.Server) {
	server.NeedsControl(t)
	now := time.Now()
	day := func(years, months int) time.Time { return now.AddDate(years, months, -3) }
	tests := []struct {
		starts    []time.Time
		forgotten int
		partition string // of the table
		format    string // of a partition's name

		c     *ClickHouseConfig
		batch Batch
		part  string // where it lies
	}{
		{starts: []time.Time{day(0, 0), day(-1, 0), day(-2, 0)}, forgotten: 0, partition: "toYear", format: "2006"},
		{starts: []time.Time{day(0, 0), day(-1, 0), day(-2, 0)}, forgotten: 1, partition: "toYear", format: "2006"},
		{starts: []time.Time{day(0, 0), day(-1, 0), day(-2, 0)}, forgotten: 2, partition: "toYear", format: "2006"},
		{starts: []time.Time{day(0, 0), day(0, -2), day(0, -4)}, forgotten: 1, partition: "toYYYYMM", format: "200601"}, // as tables were once made
	}
	for i := range tests {
		test := &tests[i]
		rows := testManyRows(300)
		for i := range rows {
			rows[i].Start = test.starts[i%3].Unix()
		}
		test.c = testClickHouseConfig(server, t.TempDir())
		s := testOpenClickHouse(t, test.c)
		defer s.Close()
		if test.partition != "toYear" {
			testPartitionBy(t, s, test.partition)
		}
		test.batch = Batch{Source: "g", Number: 1, Rows: sumRows(rows), First: true}
		if err := s.Add(t.Context(), test.batch); err != nil {
			t.Fatal(err)
		}
		err := s.read.QueryRow(t.Context(), "SELECT path FROM system.parts WHERE active AND database = ? AND table = 'sums' AND partition = ?",
			test.c.Database, test.starts[test.forgotten].UTC().Format(test.format)).Scan(&test.part)
		if err != nil {
			t.Fatal(err)
		}
	}
	server.Kill()
	for _, test := range tests {
		if err := os.RemoveAll(test.part); err != nil {
			t.Fatal(err)
		}
	}
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	for _, test := range tests {
		for try, want := range []int64{200, 300, 300} {
			s, err := openClickHouse(t.Context(), test.c, nil)
			if err != nil {
				t.Fatal(err)
			}
			test.batch.First = try == 0 // control: who does not look believes the server
			err = s.Add(t.Context(), test.batch)
			if got := testViewsOf(t, s, "a.example"); got != want {
				t.Errorf("%v, try %d: %d views, want %d", test.starts[test.forgotten], try, got, want)
			}
			if err := errors.Join(err, s.Close()); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// testPartitionBy makes the empty table of sums anew, in parts by another function.
func testPartitionBy(t *testing.T, s *clickhouseStore, function string) {
	t.Helper()
	var table string
	err := s.read.QueryRow(t.Context(), "SELECT create_table_query FROM system.tables WHERE database = ? AND name = 'sums'", s.tables.Database).Scan(&table)
	if err != nil {
		t.Fatal(err)
	}
	other := strings.Replace(table, "PARTITION BY toYear(", "PARTITION BY "+function+"(", 1)
	if !strings.Contains(other, function) {
		t.Fatalf("the table is not by the year: %s", table)
	}
	for _, statement := range []string{"DROP TABLE " + s.tables.Database + ".sums", other} {
		if err := s.house.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
}

func testSlowServer(t *testing.T, server *clickhousetest.Server) {
	server.NeedsControl(t)
	w := testWire(t, server.Native, 1)
	c := testClickHouseConfig(server, t.TempDir())
	c.Addr = []string{w.Addr().String()}
	s := testOpenClickHouse(t, c)
	defer s.Close()
	for n := range uint64(3) {
		if err := s.Add(t.Context(), Batch{Source: "g", Number: n + 1, Rows: testManyRows(100)}); err != nil {
			t.Fatal(err)
		}
	}
	if got := testViewsOf(t, s, "a.example"); got != 300 {
		t.Errorf("%d views, want 300", got)
	}
}

// testFrozen stops the server without ending it. Counting goes on, questions end
// in time, after a few of them at once, and everything is there once it is back.
func testFrozen(t *testing.T, server *clickhousetest.Server) {
	server.NeedsControl(t)
	dir := t.TempDir()
	c := testClickHouseConfig(server, dir)
	s := testOpenClickHouse(t, c)
	defer s.Close()
	impatient := *c
	impatient.dial = time.Second
	a := testGatewayOn(t, dir, &impatient)
	testCount(t, a, 1)
	if err := a.sendAll(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := server.Freeze(); err != nil {
		t.Fatal(err)
	}
	thawed := false
	defer func() {
		if !thawed {
			server.Thaw() //nolint:errcheck // the test has failed
		}
	}()
	for range breakAfter {
		testCount(t, a, 1)
		short, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		if err := a.sendAll(short); err == nil {
			t.Error("a frozen server took a batch")
		}
		cancel()
	}
	testCount(t, a, 1)
	if ans := testAsk(t, a, Question{From: today(t), To: today(t)}); !strings.Contains(ans.Health.Err, errResting.Error()) {
		t.Errorf("a question was put to a server that does not answer: %+v", ans.Health)
	}
	if h := a.Health(); h.Backlog != 4 || h.Failures != breakAfter || h.StoreOpen {
		t.Errorf("health %+v", h)
	}
	if err := server.Thaw(); err != nil {
		t.Fatal(err)
	}
	thawed = true
	store, err := a.opened(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	store.(*clickhouseStore).breaker = nil // the pause is over
	for range 10 {
		if err = a.sendAll(t.Context()); err == nil {
			break
		}
	}
	if err != nil {
		t.Error(err)
	}
	if got, want := testViewsOf(t, s, testSite), int64(1+breakAfter+1); got != want || a.Health().Backlog != 0 {
		t.Errorf("%d views, want %d, health %+v", got, want, a.Health())
	}
}

// testFullSpool is TestFullDisk with the sums on the server.
func testFullSpool(t *testing.T, server *clickhousetest.Server) {
	server.NeedsControl(t)
	dir := t.TempDir()
	c := testClickHouseConfig(server, dir)
	s := testOpenClickHouse(t, c)
	defer s.Close()
	kept, _, lines := testGateway(t, dir, 0, gatewayFull+"=1", testServer+"="+server.Native)
	if got := strings.Count(strings.Join(lines, "\n"), "full true"); got < 10 {
		t.Fatalf("only %d writes failed: this test would prove nothing", got)
	}
	if got := testViewsOf(t, s, testSite); got != kept {
		t.Errorf("%d views are stored, %d were kept", got, kept)
	}
}

// The process that testKilled kills sends what is in a spool to the server.
const senderDir = "LYCHGATE_TEST_SENDER_DIR"

func sendUntilKilled(dir string) error {
	c := testServerConfig(os.Getenv(testServer), filepath.Dir(dir))
	a, err := prepare(Config{Dir: dir, ClickHouse: c}, func(ctx context.Context) (Store, error) {
		s, err := openClickHouse(ctx, c, nil)
		if err != nil {
			return nil, err
		}
		s.breaker = nil
		return s, nil
	})
	if err == nil {
		err = a.openSpool()
	}
	for err == nil {
		if a.sendAll(context.Background()) == nil {
			return a.Close(context.Background())
		}
	}
	return err
}

// testKilled lets four gateways send what is in their spools, and kills the
// server and the gateways at random moments, in any order. LYCHGATE_TEST_KILLS
// sets the number of rounds.
func testKilled(t *testing.T, server *clickhousetest.Server) {
	server.NeedsControl(t)
	const gateways, perRound, views = 4, 6, 200
	rounds := fewer(3, 2)
	if n, err := strconv.Atoi(os.Getenv("LYCHGATE_TEST_KILLS")); err == nil {
		rounds = n
	}
	dir := t.TempDir()
	c := testClickHouseConfig(server, dir)
	rows := testManyRows(views)
	random := rand.New(rand.NewPCG(15, 16))
	spools := make([]*spool, gateways)
	for g := range spools {
		if err := os.MkdirAll(filepath.Join(dir, itoa(int64(g))), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	testOpenClickHouse(t, c).Close()
	interrupted := 0
	for round := range rounds {
		var senders []*exec.Cmd
		ended := make(chan error, gateways)
		for g := range spools {
			home := filepath.Join(dir, itoa(int64(g)))
			spools[g] = testOpenSpool(t, filepath.Join(home, spoolFolder))
			for range perRound {
				if _, err := spools[g].append(rows, true); err != nil {
					t.Fatal(err)
				}
			}
			if err := spools[g].close(); err != nil {
				t.Fatal(err)
			}
		}
		full := testBatches(t, dir)
		for g := range spools {
			home := filepath.Join(dir, itoa(int64(g)))
			sender := exec.Command(os.Args[0])
			sender.Env = append(os.Environ(), senderDir+"="+home, testServer+"="+server.Native)
			sender.Stderr = os.Stderr
			if err := sender.Start(); err != nil {
				t.Fatal(err)
			}
			senders = append(senders, sender)
			go func() { ended <- sender.Wait() }()
		}
		// The server dies after some batches, the gateways before or after it.
		for left := full - 1 - random.IntN(gateways*perRound-1); testBatches(t, dir) > left; {
		}
		serverFirst := random.IntN(2) == 0
		if serverFirst {
			server.Kill()
		}
		for _, s := range senders {
			s.Process.Kill() //nolint:errcheck // it may have ended
		}
		if !serverFirst {
			server.Kill()
		}
		for range senders {
			if err := <-ended; err != nil {
				interrupted++
			}
		}
		if err := server.Start(); err != nil {
			t.Fatal(err)
		}
		if round%20 == 19 || round == rounds-1 {
			s := testDrainAll(t, dir, c, gateways)
			if got, want := testViewsOf(t, s, "a.example"), int64((round+1)*gateways*perRound*views); got != want {
				t.Fatalf("after %d rounds: %d views are stored, %d were acknowledged", round+1, got, want)
			}
			s.Close()
		}
	}
	if interrupted == 0 {
		t.Error("no gateway was interrupted: this test proved nothing")
	}
	t.Logf("%d rounds: %d batches acknowledged and stored once, %d gateways killed on the way", rounds, rounds*gateways*perRound, interrupted)
}

// testBatches is how many batches wait in the spools below dir.
func testBatches(t *testing.T, dir string) int {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(dir, "*", spoolFolder, "*"+batchSuffix))
	if err != nil {
		t.Fatal(err)
	}
	return len(found)
}

// testDrainAll sends what is left in all spools.
func testDrainAll(t *testing.T, dir string, c *ClickHouseConfig, gateways int) *clickhouseStore {
	t.Helper()
	for g := range gateways {
		sender := exec.Command(os.Args[0])
		sender.Env = append(os.Environ(), senderDir+"="+filepath.Join(dir, itoa(int64(g))), testServer+"="+c.Addr[0])
		var said bytes.Buffer
		sender.Stderr = &said
		if err := sender.Run(); err != nil {
			t.Fatalf("%v %s", err, &said)
		}
	}
	s, err := openClickHouse(t.Context(), c, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
