package consent

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/tlog"
)

// testRecords reads what l has recorded.
func testRecords(t testing.TB, l *Ledger) []Record {
	t.Helper()
	s := l.store.Load()
	if s == nil {
		t.Fatal("ledger is not open")
	}
	rows, err := s.db.Read.QueryContext(t.Context(), "SELECT "+recordColumns+" FROM records ORDER BY tree, seq")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var all []Record
	for rows.Next() {
		r, err := scanRecord(rows.Scan)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

var (
	testPolicy = Document{kindPolicy, []byte(`{"label":"","purposes":[{"id":"statistics","services":[]}]}`)}
	testWords  = Document{kindWords, []byte("Can we count your visit?")}
)

// testRecord is a record of a given hour.
func testRecord(hour time.Time) Record {
	return Record{
		Site: testSite, Hour: hour.UTC().Truncate(time.Hour), Decision: Accept, Purposes: []string{Statistics},
		Policy: documentHash(testPolicy.Body), Words: documentHash(testWords.Body), Language: "en", Way: WayBanner, Salt: newSalt(),
	}
}

func testAppend(t testing.TB, l *Ledger, n int, hour time.Time) (ids []receiptID) {
	t.Helper()
	for range n {
		r := testRecord(hour)
		origin, seq, err := l.Append(t.Context(), r, testPolicy, testWords)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, receiptID{origin, seq, r.Salt})
	}
	return ids
}

func testAudit(t testing.TB, dir string, k *Keys) *Audit {
	t.Helper()
	a, err := VerifyLedger(t.Context(), dir, k)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range a.Problems {
		t.Errorf("audit: %s", p)
	}
	return a
}

func TestEveryDecisionIsALeaf(t *testing.T) {
	k, dir := NewKeys(), t.TempDir()
	for round := range 3 { // closed and opened again
		l := testLedger(t, LedgerConfig{Dir: dir, Keys: k})
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() { testAppend(t, l, 5, time.Now()) })
		}
		wg.Wait()
		running := testAudit(t, dir, k)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		for _, a := range []*Audit{running, testAudit(t, dir, k)} {
			if want := int64(40 * (round + 1)); a.Leaves != want || a.Records != want || a.Erased != 0 {
				t.Errorf("round %d: %+v, want %d records", round, a, want)
			}
		}
	}
	totals, err := ReadTotals(t.Context(), dir)
	if err != nil || totals != (Totals{Accept: 120}) {
		t.Errorf("totals %+v, %v", totals, err)
	}
	if totals, err := ReadTotals(t.Context(), t.TempDir()); err != nil || totals != (Totals{}) {
		t.Errorf("totals of an empty folder: %+v, %v", totals, err)
	}
}

func TestAppendRefusesWhatCouldBeReadInTwoWays(t *testing.T) {
	l := testLedger(t, LedgerConfig{Dir: t.TempDir(), Keys: NewKeys()})
	for name, spoil := range map[string]func(*Record){
		"line feed in the site":    func(r *Record) { r.Site = "a\nb" },
		"no language":              func(r *Record) { r.Language = "" },
		"comma in a purpose":       func(r *Record) { r.Purposes = []string{"a,b"} },
		"accept of nothing":        func(r *Record) { r.Purposes = nil },
		"decline of something":     func(r *Record) { r.Decision = Decline },
		"unknown decision":         func(r *Record) { r.Decision = "perhaps" },
		"unknown way":              func(r *Record) { r.Way = "telepathy" },
		"no salt":                  func(r *Record) { r.Salt = nil },
		"blank in the list's hash": func(r *Record) { r.Policy = "a b" },
	} {
		r := testRecord(time.Now())
		spoil(&r)
		if _, _, err := l.Append(t.Context(), r); !errors.Is(err, ErrLedger) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if n := len(testRecords(t, l)); n != 0 {
		t.Errorf("%d records", n)
	}
}

func TestRetentionErasesTheRowAndKeepsTheLeaf(t *testing.T) {
	k, dir := NewKeys(), t.TempDir()
	l := testLedger(t, LedgerConfig{Dir: dir, Keys: k, Keep: 365 * 24 * time.Hour})
	now := time.Now()
	old := testAppend(t, l, 50, now.Add(-366*24*time.Hour))
	testAppend(t, l, 1, now.Add(300*24*time.Hour)) // the clock was wrong for a while
	older := testAppend(t, l, 10, now.Add(-365*24*time.Hour-time.Hour))
	young := testAppend(t, l, 20, now)
	receipt, err := l.receipt(t.Context(), old[7])
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Forget(t.Context()); err != nil {
		t.Fatal(err)
	}
	a := testAudit(t, dir, k)
	if a.Leaves != 81 || a.Erased != 61 || a.Records != 20 {
		t.Errorf("%+v", a)
	}
	for _, path := range []string{l.Path(), l.Path() + "-wal"} {
		b, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range append(old, older...) {
			if bytes.Contains(b, id.salt) {
				t.Fatalf("%s still holds the salt of record %d", path, id.seq)
			}
		}
		if path == l.Path() && !bytes.Contains(b, young[0].salt) {
			t.Error("the salt of a young record is not found, so absence proves nothing")
		}
	}
	if _, err := l.receipt(t.Context(), old[7]); !errors.Is(err, ErrNoRecord) {
		t.Errorf("receipt of an erased record: %v", err)
	}
	// Who kept the receipt can still prove it.
	if _, err := l.prove(t.Context(), string(receipt.json())); err != nil {
		t.Errorf("a kept receipt: %v", err)
	}
	testAppend(t, l, 3, now)
	if a := testAudit(t, dir, k); a.Leaves != 84 || a.Records != 23 {
		t.Errorf("after going on: %+v", a)
	}
}

func TestALedgerOfAnotherKeyFileIsNotWritten(t *testing.T) {
	dir := t.TempDir()
	l := testLedger(t, LedgerConfig{Dir: dir, Keys: NewKeys()})
	testAppend(t, l, 3, time.Now())
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	other := testLedger(t, LedgerConfig{Dir: dir, Keys: NewKeys(), Log: slog.New(slog.DiscardHandler)})
	if _, _, err := other.Append(t.Context(), testRecord(time.Now())); !errors.Is(err, ErrLedger) {
		t.Errorf("got %v", err)
	}
}

func TestAFullDiskDoesNotFillTheLog(t *testing.T) {
	var log bytes.Buffer
	l := testLedger(t, LedgerConfig{Dir: t.TempDir(), Keys: NewKeys(), Log: slog.New(slog.NewTextHandler(&log, nil))})
	write := func(query string) {
		t.Helper()
		if _, err := l.store.Load().db.Write.ExecContext(t.Context(), query); err != nil {
			t.Fatal(err)
		}
	}
	testAppend(t, l, 1, time.Now())
	write("CREATE TRIGGER full BEFORE INSERT ON records BEGIN SELECT RAISE(FAIL, 'disk is full'); END")
	for range 3 {
		if _, _, err := l.Append(t.Context(), testRecord(time.Now()), testPolicy, testWords); !errors.Is(err, ErrLedger) || l.Err() == nil {
			t.Fatalf("got %v, %v", err, l.Err())
		}
	}
	write("DROP TRIGGER full")
	testAppend(t, l, 1, time.Now())
	if err := l.Err(); err != nil {
		t.Error(err)
	}
	if cannot, again := strings.Count(log.String(), "cannot be recorded"), strings.Count(log.String(), "recorded again"); cannot != 1 || again != 1 {
		t.Errorf("%d complaints, %d all-clears, want one each:\n%s", cannot, again, log.String())
	}
}

func TestALedgerThatAppearsLaterIsTakenUp(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "later")
	k := NewKeys()
	l := testLedger(t, LedgerConfig{Dir: dir, Keys: k, Log: slog.New(slog.DiscardHandler)})
	if _, _, err := l.Append(t.Context(), testRecord(time.Now())); !errors.Is(err, ErrLedger) || l.Err() == nil {
		t.Fatalf("got %v, %v", err, l.Err())
	}
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	// The next hour's pass opens it, as does the ticker and, a second later, a decision.
	if err := l.Forget(t.Context()); err != nil && !errors.Is(err, ErrLedger) {
		t.Fatal(err)
	}
	testAppend(t, l, 1, time.Now())
	if l.Err() != nil {
		t.Errorf("got %v", l.Err())
	}
	testAudit(t, dir, k)
}

func TestBackupAndRestore(t *testing.T) {
	k, dir, keep := NewKeys(), t.TempDir(), 365*24*time.Hour
	backup := filepath.Join(t.TempDir(), "backup.db")
	l := testLedger(t, LedgerConfig{Dir: dir, Keys: k, Keep: keep})
	testAppend(t, l, 4, time.Now().Add(-keep-2*time.Hour))
	kept := testAppend(t, l, 6, time.Now())
	first, err := l.receipt(t.Context(), kept[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := BackupLedger(t.Context(), dir, backup); err != nil {
		t.Fatal(err)
	}
	lost := testAppend(t, l, 5, time.Now())
	last, err := l.receipt(t.Context(), lost[4])
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := RestoreLedger(t.Context(), dir, backup, k, keep); err != nil {
		t.Fatal(err)
	}
	a := testAudit(t, dir, k)
	if a.Leaves != 10 || a.Erased != 4 || a.Records != 6 {
		t.Errorf("restored: %+v", a)
	}
	if want := fmt.Sprintf("follows %s size 10 lost-before 15\n", kept[0].origin); !strings.Contains(a.Checkpoint, want) {
		t.Errorf("checkpoint %q, want %q in it", a.Checkpoint, want)
	}
	l = testLedger(t, LedgerConfig{Dir: dir, Keys: k, Keep: keep})
	more := testAppend(t, l, 2, time.Now())
	if more[0].origin == kept[0].origin || more[0].seq != 0 {
		t.Errorf("went on at %v", more[0])
	}
	if _, err := l.prove(t.Context(), string(first.json())); err != nil {
		t.Errorf("a receipt from before the copy: %v", err)
	}
	if _, err := l.prove(t.Context(), string(last.json())); err == nil {
		t.Error("a receipt of a lost record is proven")
	}
	if a := testAudit(t, dir, k); a.Leaves != 12 || a.Records != 8 {
		t.Errorf("after going on: %+v", a)
	}
}

// A receipt proves what was recorded, and no other text.
func TestReceiptProvesTheRecord(t *testing.T) {
	k, dir := NewKeys(), t.TempDir()
	l := testLedger(t, LedgerConfig{Dir: dir, Keys: k})
	ids := testAppend(t, l, 23, time.Now())
	for _, id := range ids {
		r, err := l.receipt(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range []string{string(r.json()), string(r.text()), strings.Join(strings.Fields(string(r.json())), "\n")} {
			if _, err := l.prove(t.Context(), text); err != nil {
				t.Errorf("record %d: %v", id.seq, err)
			}
		}
		wrong := id
		wrong.salt = newSalt()
		if _, err := l.receipt(t.Context(), wrong); !errors.Is(err, ErrNoRecord) {
			t.Errorf("without the salt: %v", err)
		}
	}
	r, err := l.receipt(t.Context(), ids[11])
	if err != nil {
		t.Fatal(err)
	}
	step := 1
	if testing.Short() {
		step = 7 // it is prime to what repeats in a receipt
	}
	for _, form := range []string{string(r.json()), string(r.text())} {
		for i := 0; i < len(form); i += step {
			if form[i] == ' ' || form[i] == '\n' {
				continue
			}
			changed := []byte(form)
			changed[i] ^= 1
			if _, err := l.prove(t.Context(), string(changed)); err == nil {
				t.Errorf("proven although byte %d was changed: %q", i, changed[max(0, i-20):i+20])
			}
		}
	}
	// A checkpoint of a ledger with another key proves nothing here.
	other := testLedger(t, LedgerConfig{Dir: t.TempDir(), Keys: NewKeys()})
	foreign, err := other.receipt(t.Context(), testAppend(t, other, 1, time.Now())[0])
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.prove(t.Context(), string(foreign.json())); !errors.Is(err, errNotProven) {
		t.Errorf("a foreign receipt: %v", err)
	}
	if b, err := LedgerReceipt(t.Context(), dir, recordID(ids[11].origin, 11)); err != nil || !bytes.Equal(b, r.json()) {
		t.Errorf("the owner's copy: %v\n%s\n%s", err, b, r.json())
	}
}

// A checkpoint that somebody else holds proves that a later tree continues it.
func TestCheckpointsAreConsistent(t *testing.T) {
	k := NewKeys()
	l := testLedger(t, LedgerConfig{Dir: t.TempDir(), Keys: k})
	var seen []checkpoint
	for range 20 {
		testAppend(t, l, 1, time.Now())
		text, err := l.Checkpoint(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		origin, _, _ := strings.Cut(text, "\n")
		c, err := openCheckpoint(origin, k.verifier(origin), []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, c)
	}
	s := l.store.Load()
	last := seen[len(seen)-1].tree
	for _, c := range seen {
		proof, err := tlog.ProveTree(last.N, c.tree.N, s.head.reader(t.Context(), s.db.Read))
		if err != nil {
			t.Fatal(err)
		}
		if err := tlog.CheckTree(proof, last.N, last.Hash, c.tree.N, c.tree.Hash); err != nil {
			t.Errorf("size %d: %v", c.tree.N, err)
		}
	}
}

func FuzzProve(f *testing.F) {
	k := NewKeys()
	l := testLedger(f, LedgerConfig{Dir: f.TempDir(), Keys: k})
	r, err := l.receipt(f.Context(), testAppend(f, l, 3, time.Now())[1])
	if err != nil {
		f.Fatal(err)
	}
	f.Add(string(r.json()))
	f.Add(string(r.text()))
	f.Add("{}")
	f.Add(`{"lychgate":{"record":"lychgate consent record 1\nsequence 1\n"}}`)
	f.Add("{" + strings.Repeat(`"a":{`, 1000))
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := l.prove(context.Background(), text); err == nil && !bytes.Equal(got.json(), r.json()) {
			t.Errorf("proven: %s", text)
		}
	})
}

// BenchmarkDecisions is how many decisions reach the disk in a second when
// many visitors decide at once; the goal is 2,000.
func BenchmarkDecisions(b *testing.B) {
	for _, visitors := range []int{1, 64, 512} {
		b.Run(fmt.Sprintf("visitors=%d", visitors), func(b *testing.B) {
			l := OpenLedger(LedgerConfig{Dir: b.TempDir(), Keys: NewKeys()})
			var next atomic.Int64
			var wg sync.WaitGroup
			b.ResetTimer()
			for range visitors {
				wg.Go(func() {
					for next.Add(1) <= int64(b.N) {
						if _, _, err := l.Append(context.Background(), testRecord(time.Now()), testPolicy, testWords); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "decisions/s")
			if err := l.Close(); err != nil {
				b.Error(err)
			}
		})
	}
}
