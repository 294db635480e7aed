package analytics

import (
	"os"
	"path/filepath"
	"testing"
)

func testRow(page string, views int64) Row {
	return Row{Key{"a.example", Day, DimPage, "", 20000 * secondsPerDay, page}, Metrics{Views: views}}
}

func testOpenSpool(t *testing.T, dir string) *spool {
	t.Helper()
	s, err := openSpool(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.close() }) //nolint:errcheck // closed twice by some
	return s
}

// testDrain empties s and returns the views in it and the numbers of its batches.
func testDrain(t *testing.T, s *spool) (views int64, numbers []uint64) {
	t.Helper()
	for {
		b, ok, err := s.head()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			return views, numbers
		}
		for _, r := range b.Rows {
			views += r.Views
		}
		numbers = append(numbers, b.Number)
		if err := s.done(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestSpoolKeepsWhatWasAppended(t *testing.T) {
	dir := t.TempDir()
	s := testOpenSpool(t, dir)
	for range 3 {
		if kept, err := s.append([]Row{testRow("/", 1)}, false); !kept || err != nil {
			t.Fatal(kept, err)
		}
	}
	if _, ok, _ := s.head(); ok {
		t.Error("an open segment was handed out")
	}
	// The process ends here without a word; another begins.
	s = testOpenSpool(t, dir)
	if views, numbers := testDrain(t, s); views != 3 || len(numbers) != 1 || numbers[0] != 1 {
		t.Errorf("got %d views in batches %v, want 3 in batch 1", views, numbers)
	}
}

func TestSpoolNeverUsesANumberTwice(t *testing.T) {
	dir := t.TempDir()
	last := uint64(0)
	for range 20 {
		s := testOpenSpool(t, dir)
		for range 2 {
			if _, err := s.append([]Row{testRow("/", 1)}, true); err != nil {
				t.Fatal(err)
			}
		}
		views, numbers := testDrain(t, s)
		if views != 2 || len(numbers) != 2 || numbers[0] <= last || numbers[1] <= numbers[0] {
			t.Fatalf("got %d views in batches %v after batch %d", views, numbers, last)
		}
		last = numbers[1]
	}
}

func TestSpoolGivesABatchTheSameWayUntilItIsDone(t *testing.T) {
	dir := t.TempDir()
	s := testOpenSpool(t, dir)
	for _, rows := range [][]Row{{testRow("/b", 2), testRow("/a", 1)}, {testRow("/a", 4)}} {
		if _, err := s.append(rows, false); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.append(nil, true); err != nil {
		t.Fatal(err)
	}
	if _, err := s.append([]Row{testRow("/a", 100)}, true); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		b, ok, err := s.head()
		if err != nil || !ok {
			t.Fatal(ok, err)
		}
		if b.Number != 1 || len(b.Rows) != 2 || b.Rows[0].Views != 5 || b.Rows[1].Views != 2 {
			t.Errorf("got batch %d with %v", b.Number, b.Rows)
		}
		s = testOpenSpool(t, dir)
	}
}

// TestSpoolCutAnywhere cuts an open segment after each of its bytes: all records
// before the cut are there, and appending goes on.
func TestSpoolCutAnywhere(t *testing.T) {
	whole := []byte(segmentMagic)
	var ends []int
	for i := range 3 {
		whole = appendRecord(whole, []Row{testRow("/", 1), testRow("/page-"+itoa(int64(i)), 1)})
		ends = append(ends, len(whole))
	}
	whole = append(whole, sealRecord...)
	for cut := range len(whole) + 1 {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "0000000000000005.open"), whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		var want int64
		for _, end := range ends {
			if cut >= end {
				want += 2
			}
		}
		s := testOpenSpool(t, dir)
		if _, err := s.append([]Row{testRow("/", 100)}, true); err != nil {
			t.Fatal(err)
		}
		if views, _ := testDrain(t, s); views != want+100 {
			t.Fatalf("cut after %d bytes: got %d views, want %d", cut, views, want+100)
		}
	}
}

// TestSpoolDamagedBatch flips every byte of a sealed batch: it is never taken for
// whole, and what comes after it is delivered.
func TestSpoolDamagedBatch(t *testing.T) {
	dir := t.TempDir()
	s := testOpenSpool(t, dir)
	if _, err := s.append([]Row{testRow("/", 1)}, true); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "0000000000000001.batch")
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		damaged := append([]byte(nil), whole...)
		damaged[i] ^= 0x10
		if _, sealed := readSegment(damaged); sealed {
			t.Errorf("byte %d flipped: the batch reads as whole", i)
		}
		if _, sealed := readSegment(whole[:i]); sealed {
			t.Errorf("cut after %d bytes: the batch reads as whole", i)
		}
	}
	if err := os.WriteFile(path, whole[:len(whole)-1], 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.append([]Row{testRow("/", 10)}, true); err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.head(); err == nil {
		t.Error("a damaged batch is no error")
	}
	if views, _ := testDrain(t, s); views != 10 {
		t.Errorf("got %d views after the damaged batch, want 10", views)
	}
	if _, _, aside := s.backlog(); aside != 1 {
		t.Errorf("got %d batches aside, want 1", aside)
	}
}

func FuzzReadSegment(f *testing.F) {
	whole := appendRecord([]byte(segmentMagic), []Row{testRow("/", 1), testRow("/b", -3)})
	f.Add(whole)
	f.Add(append(whole, sealRecord...))
	f.Add([]byte(segmentMagic + "\xff\xff\xff\x0f\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		rows, sealed := readSegment(b)
		if sealed && len(rows) == 0 && len(b) != len(segmentMagic)+len(sealRecord) {
			t.Error("sealed, but empty")
		}
		if n := wholeRecords(b); n > len(b) {
			t.Errorf("%d of %d bytes are whole", n, len(b))
		}
	})
}

// FuzzReadRecord gives payloads their right checksum, so that what is behind it
// is read, too.
func FuzzReadRecord(f *testing.F) {
	f.Add(appendRecord(nil, []Row{testRow("/", 1)})[recordHeaderBytes:])
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, payload []byte) {
		record := append(make([]byte, recordHeaderBytes), payload...)
		frame(record)
		rows, rest, err := readRecord(record)
		if err != nil {
			return
		}
		if len(rest) != 0 {
			t.Error("left over")
		}
		again, _, err := readRecord(appendRecord(nil, rows))
		if err != nil || len(again) != len(rows) {
			t.Errorf("read %d rows, wrote them, read %d, %v", len(rows), len(again), err)
		}
	})
}
