package analytics

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lychgate/lychgate/consent"
)

// Tests that must end a process run this test binary again, as a gateway.
const (
	gatewayDir  = "LYCHGATE_TEST_GATEWAY_DIR"
	gatewayFull = "LYCHGATE_TEST_GATEWAY_FULL" // its disk is full after so many bytes
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(gatewayDir); dir != "" {
		if err := countUntilKilled(dir, os.Getenv(gatewayFull) != ""); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if dir := os.Getenv(moverDir); dir != "" {
		if err := moveUp(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if dir := os.Getenv(senderDir); dir != "" {
		if err := sendUntilKilled(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// countUntilKilled counts views for ever and says after each flush how many are
// on the disk ("kept 120") and before it how many there may be ("tried 120").
func countUntilKilled(dir string, full bool) error {
	keys, err := consent.OpenKeys(filepath.Join(dir, "keys"))
	if err != nil {
		return err
	}
	c := Config{Sites: []SiteConfig{{Site: testSite}}, Dir: dir, Keys: keys}
	if server := os.Getenv(testServer); server != "" {
		c.ClickHouse = testServerConfig(server, dir)
	}
	a, err := Open(context.Background(), c)
	if err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(uint64(os.Getpid()), 1))
	for n, round := 0, 0; ; round++ {
		b := &testBrowser{a: a, referrer: fmt.Sprintf("https://site-%d.example/", random.IntN(5))}
		for range 1 + random.IntN(20) {
			b.see(quietTB{}, fmt.Sprintf("/page-%d", random.IntN(9)), time.Now())
			n++
		}
		fmt.Println("tried", n)
		if full && round == 5 {
			return fillDisk(a, n)
		}
		if err := a.flush(random.IntN(3) > 0); err != nil {
			return err
		}
		fmt.Println("kept", n)
		if random.IntN(2) == 0 {
			if err := a.sendAll(context.Background()); err != nil {
				return err
			}
		}
	}
}

// fillDisk lets every write fail for a while, as a full disk does, and then
// tells how many views are kept.
func fillDisk(a *Analytics, n int) error {
	signal.Ignore(syscall.SIGXFSZ)
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
		return err
	}
	for size := range uint64(40) { // fail at every place in a record
		small := syscall.Rlimit{Cur: 8 + size*16, Max: limit.Max}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &small); err != nil {
			return err
		}
		err := a.flush(true)
		if limit := (&syscall.Rlimit{Cur: limit.Cur, Max: limit.Max}); syscall.Setrlimit(syscall.RLIMIT_FSIZE, limit) != nil {
			return fmt.Errorf("no way back")
		}
		fmt.Println("full", err != nil)
		b := &testBrowser{a: a}
		b.see(quietTB{}, "/", time.Now())
		n++
	}
	if err := a.flush(true); err != nil {
		return err
	}
	if err := a.sendAll(context.Background()); err != nil {
		return err
	}
	fmt.Println("tried", n)
	fmt.Println("kept", n)
	return a.Close(context.Background())
}

// quietTB stands in for the test in a process that runs none.
type quietTB struct{ testing.TB }

func (quietTB) Helper()           {}
func (quietTB) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

// testGateway runs a gateway on dir, kills it after a while unless that is 0,
// and returns the last numbers it said and all of its lines.
func testGateway(t *testing.T, dir string, after time.Duration, env ...string) (kept, tried int64, lines []string) {
	t.Helper()
	c := exec.Command(os.Args[0])
	c.Env = append(os.Environ(), append(env, gatewayDir+"="+dir)...)
	c.Stderr = os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	var kill *time.Timer
	in := bufio.NewScanner(out)
	for in.Scan() {
		word, number, _ := strings.Cut(in.Text(), " ")
		n, _ := strconv.ParseInt(number, 10, 64) //nolint:errcheck // 0 for words
		switch word {
		case "kept":
			kept = n
		case "tried":
			tried = n
		}
		lines = append(lines, in.Text())
		if kill == nil && after > 0 { // from its first word on
			kill = time.AfterFunc(after, func() { c.Process.Kill() }) //nolint:errcheck // it may have ended
		}
	}
	err = c.Wait()
	if after == 0 && err != nil {
		t.Fatal(err)
	}
	// Views after the last word and before the next one.
	return kept, tried + 20, lines
}

// TestKilledAtAnyMoment kills a gateway again and again in the middle of its
// work: everything it said was kept is there, nothing is twice, and every
// dimension still sums to the same totals.
func TestKilledAtAnyMoment(t *testing.T) {
	rounds := fewer(25, 4)
	dir := t.TempDir()
	var stored int64
	random := rand.New(rand.NewPCG(7, 8))
	for round := range rounds {
		kept, tried, _ := testGateway(t, dir, time.Duration(random.IntN(120))*time.Millisecond)
		totals, err := ReadTotals(t.Context(), Config{Dir: dir})
		if err != nil {
			t.Fatal(err)
		}
		if got := totals.Pageviews - stored; got < kept || got > tried {
			t.Fatalf("round %d: %d views are there, want %d to %d", round, got, kept, tried)
		}
		stored = totals.Pageviews
	}
	a := testOpen(t, dir)
	testPersist(t, a)
	testSameSums(t, testTable(t, a))
	testClose(t, a)
	totals, err := ReadTotals(t.Context(), Config{Dir: dir})
	if err != nil || totals.Pageviews != stored {
		t.Errorf("at the end: %+v, %v, want %d page views", totals, err, stored)
	}
	t.Logf("%d views in %d rounds", stored, rounds)
}

// TestFullDisk counts on while nothing can be written: when there is room again
// everything is there, once.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	kept, _, lines := testGateway(t, dir, 0, gatewayFull+"=1")
	if got := strings.Count(strings.Join(lines, "\n"), "full true"); got < 10 {
		t.Fatalf("only %d writes failed: this test would prove nothing", got)
	}
	totals, err := ReadTotals(t.Context(), Config{Dir: dir})
	if err != nil || totals.Pageviews != kept {
		t.Errorf("got %+v, %v, want %d page views", totals, err, kept)
	}
	a := testOpen(t, dir)
	testSameSums(t, testTable(t, a))
	testClose(t, a)
}
