package consent

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var (
	crashes = flag.Int("crashes", 3, "rounds of TestKilledUnderLoad")
	flips   = flag.Int("flips", 60, "bytes that TestOneFlippedByte flips in each file")
)

// testFlips is how many bytes of a file of that size are flipped, a quarter as many
// with -short.
func testFlips(size int64) int {
	n := *flips
	if testing.Short() {
		n /= 4
	}
	return min(n, int(size)*4)
}

// childDir tells a test that it is the child process of another, and its folder.
const childDir = "LYCHGATE_TEST_DIR"

// testChild prepares the test binary to run one test as a child process.
func testChild(t *testing.T, name, dir string) *exec.Cmd {
	t.Helper()
	c := exec.Command(os.Args[0], "-test.run=^"+name+"$", "-test.timeout=10m")
	c.Env = append(os.Environ(), childDir+"="+dir)
	c.Stderr = t.Output()
	return c
}

// TestKilledUnderLoad kills a process that records decisions as fast as it can:
// whatever it had acknowledged is there afterwards, once, and the tree is whole.
func TestKilledUnderLoad(t *testing.T) {
	dir := t.TempDir()
	k, err := OpenKeys(filepath.Join(dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	acknowledged := map[string]bool{}
	for round := range *crashes {
		c := testChild(t, "TestChildRecords", dir)
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		before := len(acknowledged)
		die := 1 + rand.IntN(400)
		lines := bufio.NewReader(out)
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				break // what was not written whole was not acknowledged
			}
			if _, ok := parseReceiptID(strings.TrimSpace(line)); !ok {
				continue
			}
			if acknowledged[strings.TrimSpace(line)] {
				t.Fatalf("round %d: acknowledged twice: %s", round, line)
			}
			acknowledged[strings.TrimSpace(line)] = true
			if len(acknowledged)-before == die {
				if err := c.Process.Signal(syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
			}
		}
		var exit *exec.ExitError
		if err := c.Wait(); !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("round %d: the child was not killed: %v", round, err)
		}
		a := testAudit(t, dir, k) // as it was left, before anything opens it
		if a.Records < int64(len(acknowledged)) {
			t.Fatalf("round %d: %d records, %d acknowledged", round, a.Records, len(acknowledged))
		}
	}
	start := time.Now()
	l := testLedger(t, LedgerConfig{Dir: dir, Keys: k})
	opened := time.Since(start)
	if err := l.Err(); err != nil {
		t.Errorf("opened again: %v", err)
	}
	for line := range acknowledged {
		id, _ := parseReceiptID(line)
		if _, err := l.receipt(t.Context(), id); err != nil {
			t.Errorf("acknowledged record %s: %v", line, err)
		}
	}
	t.Logf("%d kills, %d acknowledged, %d recorded, opened again in %v", *crashes, len(acknowledged), testAudit(t, dir, k).Records, opened)
}

// TestChildRecords records until it is killed and writes each acknowledged
// receipt to its standard output.
func TestChildRecords(t *testing.T) {
	dir := os.Getenv(childDir)
	if dir == "" {
		t.Skip("only as a child of TestKilledUnderLoad")
	}
	k, err := OpenKeys(filepath.Join(dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	l := OpenLedger(LedgerConfig{Dir: dir, Keys: k})
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			for {
				r := testRecord(time.Now())
				origin, seq, err := l.Append(context.Background(), r, testPolicy, testWords)
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := os.Stdout.WriteString(receiptID{origin, seq, r.Salt}.String() + "\n"); err != nil {
					return
				}
			}
		})
	}
	wg.Wait()
}

// TestNoRoomOnTheDisk runs a child whose files may not grow.
func TestNoRoomOnTheDisk(t *testing.T) {
	out, err := testChild(t, "TestChildWithoutRoom", t.TempDir()).Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// TestChildWithoutRoom limits the size of its files, as a full disk would: an
// accept is refused and sets nothing, a no counts; with room again all is well.
func TestChildWithoutRoom(t *testing.T) {
	dir := os.Getenv(childDir)
	if dir == "" {
		t.Skip("only as a child of TestNoRoomOnTheDisk")
	}
	signal.Ignore(syscall.SIGXFSZ)
	k, err := OpenKeys(filepath.Join(dir, "keys"))
	if err != nil {
		t.Fatal(err)
	}
	l := testLedger(t, LedgerConfig{Dir: dir, Keys: k, Log: slog.New(slog.DiscardHandler)})
	g := testGate(t, Config{Keys: k, Ledger: l}, video)
	if res := newVisitor("https").decide(g, Accept); res.StatusCode != 303 {
		t.Fatalf("with room: %d", res.StatusCode)
	}
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	full, accepted := old, int64(1)
	full.Cur = 100 << 10
	for round := range 3 { // full, with room, full again
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &full); err != nil {
			t.Fatal(err)
		}
		for refused := 0; refused < 5; {
			v := newVisitor("https")
			switch res := v.decide(g, Accept); {
			case res.StatusCode == 303:
				accepted++
			case res.StatusCode == 503 && len(v.cookies) == 0:
				refused++
			default:
				t.Fatalf("accept without room: %d, %v", res.StatusCode, v.cookies)
			}
			v = newVisitor("https")
			res := v.decide(g, Decline)
			if d, _ := v.of(g); d.Answer != Declined {
				t.Fatalf("decline without room: %d, %+v", res.StatusCode, d)
			}
		}
		if accepted > 1000 {
			t.Fatal("the disk was never full")
		}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
			t.Fatal(err)
		}
		if err := l.Forget(t.Context()); err != nil { // opens the file without waiting for the next try
			t.Fatal(err)
		}
		if res := newVisitor("https").decide(g, Accept); res.StatusCode != 303 {
			t.Fatalf("round %d: with room again: %d", round, res.StatusCode)
		}
		accepted++
		full.Cur += 40 << 10
	}
	if totals, err := ReadTotals(t.Context(), dir); err != nil || totals.Accept != accepted {
		t.Errorf("%+v, want %d accepted (%v)", totals, accepted, err)
	}
	testAudit(t, dir, k)
}

// testCopy copies the files of one folder into another.
func testCopy(t testing.TB, from, to string) {
	t.Helper()
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
}

// testFlip changes one byte of a file and returns what to call to undo it.
func testFlip(t *testing.T, path string, at int64) func() {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	var b [1]byte
	if _, err := f.ReadAt(b[:], at); err != nil {
		t.Fatal(err)
	}
	write := func(c byte) {
		if _, err := f.WriteAt([]byte{c}, at); err != nil {
			t.Fatal(err)
		}
	}
	write(b[0] ^ byte(1<<rand.IntN(8)))
	return func() {
		write(b[0])
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOneFlippedByte flips bytes in every file of a ledger that was closed: the
// audit notices each.
func TestOneFlippedByte(t *testing.T) {
	k, dir := NewKeys(), t.TempDir()
	l := testLedger(t, LedgerConfig{Dir: dir, Keys: k, Keep: 365 * 24 * time.Hour})
	g := testGate(t, Config{Keys: k, Ledger: l, Dir: dir}, video)
	testAppend(t, l, 20, time.Now().Add(-366*24*time.Hour))
	for range 10 {
		newVisitor("https").decide(g, Accept)
		newVisitor("https").decide(g, Decline)
	}
	if err := errors.Join(l.Forget(t.Context()), l.Close()); err != nil {
		t.Fatal(err)
	}
	testAudit(t, dir, k)
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	lists, err := filepath.Glob(filepath.Join(dir, policyDir, testSite, "*"))
	if err != nil || len(files) != 4 || len(lists) != 1 {
		t.Fatalf("files %v, lists %v, %v", files, lists, err)
	}
	for _, path := range append(files, lists...) {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if info.IsDir() {
			continue
		}
		for range testFlips(info.Size()) {
			at := rand.Int64N(info.Size())
			undo := testFlip(t, path, at)
			if a, err := VerifyLedger(t.Context(), dir, k); err == nil && len(a.Problems) == 0 {
				t.Errorf("%s: a flip at byte %d was not found", filepath.Base(path), at)
			}
			undo()
		}
	}
}

// TestOneFlippedByteAfterACrash flips bytes of a ledger that nobody closed, with
// its log still beside it. There is no seal then, so a flip may stay unseen, but
// only where it changes nothing of what the ledger says.
func TestOneFlippedByteAfterACrash(t *testing.T) {
	k, dir, crashed := NewKeys(), t.TempDir(), t.TempDir()
	l := testLedger(t, LedgerConfig{Dir: dir, Keys: k})
	testAppend(t, l, 30, time.Now())
	testCopy(t, dir, crashed) // as kill -9 leaves it
	whole := testExport(t, crashed)
	testAudit(t, crashed, k)
	for _, suffix := range []string{"", "-wal"} {
		path := filepath.Join(dir, LedgerFile) + suffix
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		for range testFlips(info.Size()) {
			one := t.TempDir()
			testCopy(t, crashed, one)
			at := rand.Int64N(info.Size())
			testFlip(t, filepath.Join(one, LedgerFile)+suffix, at)()
			testFlip(t, filepath.Join(one, LedgerFile)+suffix, at)
			a, err := VerifyLedger(t.Context(), one, k)
			if err != nil || len(a.Problems) > 0 {
				continue
			}
			if got := testExport(t, one); got != whole {
				t.Errorf("%s%s: a flip at byte %d changed what the ledger says, and was not found", LedgerFile, suffix, at)
			}
		}
	}
}

func testExport(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	if err := ExportLedger(t.Context(), dir, &b); err != nil {
		return fmt.Sprint(err)
	}
	return b.String()
}
