package analytics

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/lychgate/lychgate/internal/durable"
)

// The limits above which waiting batches are merged. Nothing is ever dropped: a
// store that is away for a week leaves the sums of a week, which are not many
// times those of a day.
const (
	mergeAboveBytes   = 64 << 20
	mergeAboveBatches = 600
	// mergeBytes is how much is merged at once, and what is left alone.
	mergeBytes = 8 << 20
)

// merge makes one batch of several if too much is waiting. The oldest one is
// left out: the store may have been given it, and what was sent never changes.
func (s *spool) merge() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bytes < int64(s.mergeAbove.bytes) && len(s.sealed) < s.mergeAbove.batches {
		return nil
	}
	first, last := s.mergeable()
	if last-first < 2 {
		return nil
	}
	if err := s.mergeRange(first, last); err != nil {
		return fmt.Errorf("spool: merge batches: %w", err)
	}
	return nil
}

// mergeable finds the oldest neighbours that are small enough to be merged.
func (s *spool) mergeable() (first, last int) {
	for first = 1; first < len(s.sealed); first = last + 1 {
		size := int64(0)
		for last = first; last < len(s.sealed) && size+s.sealed[last].size <= mergeBytes; last++ {
			size += s.sealed[last].size
		}
		if last-first >= 2 {
			return first, last
		}
	}
	return 0, 0
}

// mergeRange merges sealed[first:last]. The merged file is there, whole and under
// a name that tells what is in it, before the others go.
func (s *spool) mergeRange(first, last int) error {
	old := slices.Clone(s.sealed[first:last])
	var rows []Row
	for i, g := range old {
		more, err := readBatch(s.path(g))
		if errors.Is(err, errRecord) {
			return errors.Join(err, s.retire(first+i, damagedSuffix))
		}
		if err != nil {
			return err
		}
		rows = sumRows(append(rows, more...))
	}
	b := append(appendRecord([]byte(segmentMagic), rows), sealRecord...)
	g := segment{from: old[0].from, number: old[len(old)-1].number, suffix: batchSuffix, size: int64(len(b))}
	if err := durable.Replace(s.path(g), b); err != nil {
		return err
	}
	s.sealed = slices.Replace(s.sealed, first, last, g)
	s.bytes += g.size
	var errs []error
	for _, o := range old {
		s.bytes -= o.size
		errs = append(errs, os.Remove(s.path(o)))
	}
	return errors.Join(errs...)
}

// dropMerged deletes the files of batches that a merged one holds, too: the
// process that merged them ended before it had.
func (s *spool) dropMerged() error {
	all := s.sealed
	s.sealed = nil
	var errs []error
	for _, g := range all {
		if coveredBy(g, all) {
			errs = append(errs, os.Remove(s.path(g)))
			continue
		}
		s.sealed = append(s.sealed, g)
	}
	return errors.Join(errs...)
}

// coveredBy reports whether one of all is a merged batch that holds g.
func coveredBy(g segment, all []segment) bool {
	return slices.ContainsFunc(all, func(m segment) bool {
		return m != g && m.from != m.number && m.from <= g.from && g.number <= m.number
	})
}
