package analytics

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMergingWaitingBatches lets many batches wait and ends the process at every
// step of merging them: nothing is lost, nothing is twice, the oldest batch
// stays as it is.
func TestMergingWaitingBatches(t *testing.T) {
	dir := t.TempDir()
	s := testOpenSpool(t, dir)
	s.mergeAbove.batches = 10
	for i := range int64(9) {
		if _, err := s.append([]Row{testRow("/"+itoa(i%3), 1)}, true); err != nil {
			t.Fatal(err)
		}
	}
	before := filesBelow(t, dir)
	if err := s.merge(); err != nil {
		t.Fatal(err)
	}
	if got := filesBelow(t, dir); len(got) != len(before) {
		t.Fatalf("merged below the limit: %v", got)
	}
	if _, err := s.append([]Row{testRow("/", 1)}, true); err != nil {
		t.Fatal(err)
	}
	left := map[string][]byte{}
	for _, name := range filesBelow(t, dir) {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		left[name] = b
	}
	if err := s.merge(); err != nil {
		t.Fatal(err)
	}
	merged := "0000000000000002-0000000000000010.batch"
	if got := strings.Join(filesBelow(t, dir), " "); got != "0000000000000001.batch 0000000000000002-0000000000000010.batch 0000000000000011.open gateway" {
		t.Fatalf("after merging: %s", got)
	}
	whole, err := os.ReadFile(filepath.Join(dir, merged))
	if err != nil {
		t.Fatal(err)
	}
	// The process may end with any number of the old files still there.
	for kept := range 10 {
		dir := t.TempDir()
		put := func(name string, b []byte) {
			t.Helper()
			if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		for name, b := range left {
			if number, ok := parseSegment(name); !ok || number.suffix != batchSuffix || number.number == 1 || int(number.number)-2 >= 9-kept {
				put(name, b)
			}
		}
		put(merged, whole)
		totals := readSpoolViews(t, dir)
		s := testOpenSpool(t, dir)
		views, numbers := testDrain(t, s)
		if views != 10 || totals != 10 || len(numbers) != 2 || numbers[0] != 1 || numbers[1] != 10 {
			t.Errorf("with %d files left: got %d views (totals %d) in batches %v", kept, views, totals, numbers)
		}
	}
}

func readSpoolViews(t *testing.T, dir string) (views int64) {
	t.Helper()
	w, err := readSpool(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, rows := range w.segments {
		for _, r := range rows {
			views += r.Views
		}
	}
	return views
}

func FuzzParseSegment(f *testing.F) {
	for _, name := range []string{"0000000000000001.open", "0000000000000002-0000000000000010.batch", "gateway", "-.batch", "000000000000000+.aside"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		g, ok := parseSegment(name)
		if !ok {
			return
		}
		again, ok := parseSegment(filepath.Base((&spool{}).path(g)))
		if !ok || again != g {
			t.Errorf("%q: got %+v, then %+v", name, g, again)
		}
	})
}
