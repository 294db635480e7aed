package analytics

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// A segment is one file of a spool.
type segment struct {
	// from and number are the first and the last number of what is in it; they
	// differ when batches were merged.
	from, number uint64
	suffix       string
	size         int64 // in bytes; of sealed ones only
}

func compareSegments(a, b segment) int { return cmp.Compare(a.number, b.number) }

func (s *spool) path(g segment) string {
	name := fmt.Sprintf("%016d", g.number)
	if g.from != g.number {
		name = fmt.Sprintf("%016d-%s", g.from, name)
	}
	return filepath.Join(s.dir, name+g.suffix)
}

// parseSegment reads a segment's file name.
func parseSegment(name string) (segment, bool) {
	g := segment{suffix: filepath.Ext(name)}
	first, last, merged := strings.Cut(strings.TrimSuffix(name, g.suffix), "-")
	if !merged {
		last = first
	}
	from, err1 := strconv.ParseUint(first, 10, 64)
	number, err2 := strconv.ParseUint(last, 10, 64)
	if err1 != nil || err2 != nil || len(first) != 16 || len(last) != 16 {
		return segment{}, false
	}
	g.from, g.number = from, number
	switch g.suffix {
	case openSuffix, batchSuffix, damagedSuffix, asideSuffix:
		return g, true
	}
	return segment{}, false
}

// head returns the oldest batch. A damaged one is put beside the others under
// another name and reported as an error.
func (s *spool) head() (b Batch, ok bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sealed) == 0 {
		return Batch{}, false, nil
	}
	number := s.sealed[0].number
	rows, err := readBatch(s.path(s.sealed[0]))
	if errors.Is(err, errRecord) {
		return Batch{}, false, errors.Join(fmt.Errorf("spool: batch %d: %w", number, err), s.retire(0, damagedSuffix))
	}
	if err != nil {
		return Batch{}, false, fmt.Errorf("spool: %w", err)
	}
	return Batch{Source: s.source, Number: number, Rows: rows}, true, nil
}

// readBatch reads a sealed batch.
func readBatch(path string) ([]Row, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	rows, sealed := readSegment(b)
	if !sealed {
		return nil, errRecord
	}
	return sumRows(rows), nil
}

// readSegment reads the whole records of a segment and reports whether they end
// with the seal.
func readSegment(b []byte) (all []Row, sealed bool) {
	rest, ok := strings.CutPrefix(string(b), segmentMagic)
	if !ok {
		return nil, false
	}
	for tail := []byte(rest); len(tail) > 0; {
		rows, next, err := readRecord(tail)
		if err != nil {
			return all, false
		}
		if len(rows) == 0 {
			return all, len(next) == 0
		}
		all, tail = append(all, rows...), next
	}
	return all, false
}

// done deletes the oldest batch, which the store has.
func (s *spool) done() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	// The next number must be on the disk before the last trace of this one goes.
	if err := s.ready(); err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	return s.retire(0, "")
}

// setAside keeps the oldest batch for the admin: whether the store has it is
// not known, so it is never sent again by itself.
func (s *spool) setAside() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.retire(0, asideSuffix)
}

// retire takes a batch out of the queue, under another suffix or, with none, for
// good.
func (s *spool) retire(i int, suffix string) error {
	g := s.sealed[i]
	path, err := s.path(g), error(nil)
	if suffix == "" {
		err = os.Remove(path)
	} else {
		err = os.Rename(path, s.path(segment{from: g.number, number: g.number, suffix: suffix}))
	}
	if err != nil {
		return err
	}
	s.sealed, s.bytes = slices.Delete(s.sealed, i, i+1), s.bytes-g.size
	return nil
}

// backlog is the number of batches waiting, their size, and the number kept
// aside for the admin.
func (s *spool) backlog() (batches int, bytes int64, aside int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, suffix := range []string{asideSuffix, damagedSuffix} {
		if found, err := filepath.Glob(filepath.Join(s.dir, "*"+suffix)); err == nil {
			aside += len(found)
		}
	}
	return len(s.sealed), s.bytes, aside
}
