package analytics

import (
	"errors"
	"os"
	"slices"
	"strings"

	"github.com/lychgate/lychgate/internal/durable"
)

// recover takes stock of the folder.
func (s *spool) recover() error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	var left []segment
	for _, e := range entries {
		g, ok := parseSegment(e.Name())
		if !ok {
			continue
		}
		s.number = max(s.number, g.number+1)
		switch g.suffix {
		case openSuffix:
			left = append(left, g)
		case batchSuffix:
			info, err := e.Info()
			if err != nil {
				return err
			}
			g.size = info.Size()
			s.sealed = append(s.sealed, g)
		}
	}
	merged := s.dropMerged()
	for _, g := range left {
		if err := s.salvage(g); err != nil {
			return err
		}
	}
	slices.SortFunc(s.sealed, compareSegments)
	for _, g := range s.sealed {
		s.bytes += g.size
	}
	return merged
}

// salvage seals what is whole of a segment that was left open. One with nothing
// in it goes on being the open one, if it is the newest.
func (s *spool) salvage(g segment) error {
	path := s.path(g)
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	good := wholeRecords(b)
	if good <= len(segmentMagic) {
		if g.number+1 == s.number {
			s.number = g.number
			return nil
		}
		return os.Remove(path)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	err = f.Truncate(int64(good))
	if err == nil {
		_, err = f.WriteAt(sealRecord, int64(good))
	}
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	g.suffix, g.size = batchSuffix, int64(good+len(sealRecord))
	if err := os.Rename(path, s.path(g)); err != nil {
		return err
	}
	s.sealed = append(s.sealed, g)
	return durable.SyncDir(s.dir)
}

// wholeRecords is the length of the beginning of b that can be read.
func wholeRecords(b []byte) int {
	if !strings.HasPrefix(string(b), segmentMagic) {
		return 0
	}
	rest := b[len(segmentMagic):]
	for len(rest) > 0 {
		rows, next, err := readRecord(rest)
		if err != nil || len(rows) == 0 { // the seal is written anew
			break
		}
		rest = next
	}
	return len(b) - len(rest)
}
