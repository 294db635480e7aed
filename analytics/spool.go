package analytics

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/lychgate/lychgate/internal/durable"
)

// A spool is the disk between counter and store. Sums go to the end of its open
// segment, durably; a segment that is sealed becomes a batch, which never changes
// again and stays until the store has it. So a store may be away for hours, and
// a crash costs no more than what was counted since the last append.
//
// The folder holds
//
//	gateway             the spool's id: the Source of its batches
//	%016d.open          the segment written to
//	%016d.batch         sealed, in the order of their numbers
//	%016d-%016d.batch   those of these numbers, merged; it bears the last one
//	%016d.damaged       a sealed one whose checksum is wrong, kept for the admin
//	%016d.aside         one of unknown fate, kept for the admin
//
// The open segment bears the number of the batch it will become, and its file is
// made before the batch before it is deleted: a number is never used twice.
type spool struct {
	dir    string
	source string

	mu     sync.Mutex
	number uint64    // of the open segment
	open   *os.File  // nil until it could be made
	good   int64     // bytes of it that are known to be on disk
	broken bool      // there may be more, which must go before anything else is done
	rows   int       // in it
	sealed []segment // in the order of their numbers
	bytes  int64     // of the sealed
	// mergeAbove is the number of bytes and of batches above which waiting
	// batches are merged.
	mergeAbove struct{ bytes, batches int }
}

const (
	segmentMagic  = "lychgate sums 1\n"
	openSuffix    = ".open"
	batchSuffix   = ".batch"
	damagedSuffix = ".damaged"
	asideSuffix   = ".aside"
	gatewayFile   = "gateway"
)

// sealRecord ends a sealed batch, so that one cut short is noticed.
var sealRecord = appendRecord(nil, nil)

// openSpool opens the spool in dir, making it if need be. What an interrupted
// run left in its open segment becomes a batch.
func openSpool(dir string) (*spool, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	source, err := gatewayID(dir)
	if err != nil {
		return nil, err
	}
	s := &spool{dir: dir, source: source, number: 1}
	s.mergeAbove.bytes, s.mergeAbove.batches = mergeAboveBytes, mergeAboveBatches
	if err := s.recover(); err != nil {
		return nil, fmt.Errorf("spool %s: %w", dir, err)
	}
	return s, nil
}

// gatewayID reads the spool's id, or makes one. It names the machine's spool,
// never a visitor.
func gatewayID(dir string) (string, error) {
	path := filepath.Join(dir, gatewayFile)
	b, err := os.ReadFile(path)
	if id := trimID(b); err == nil && id != "" {
		return id, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	id := "gateway-" + strings.ToLower(rand.Text()[:12])
	return id, durable.Replace(path, []byte(id+"\n"))
}

func trimID(b []byte) string { return strings.TrimSpace(string(b)) }

// append writes rows to the open segment and returns once they are on the disk.
// With seal the segment becomes a batch in the same breath. If kept is false
// none of rows are on the disk and the caller keeps them; an error after that
// only delays the batch.
func (s *spool) append(rows []Row, seal bool) (kept bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.write(rows, seal); err != nil {
		return false, fmt.Errorf("spool: %w", err)
	}
	if !seal {
		return true, nil
	}
	if err := s.next(); err != nil {
		return true, fmt.Errorf("spool: %w", err)
	}
	return true, nil
}

// write puts rows, and the seal, at the end of the open segment.
func (s *spool) write(rows []Row, seal bool) error {
	if err := s.ready(); err != nil {
		return err
	}
	var records []byte
	if len(rows) > 0 {
		records = appendRecord(records, rows)
	}
	if seal {
		records = append(records, sealRecord...)
	}
	s.broken = true
	_, err := s.open.WriteAt(records, s.good)
	if err == nil {
		err = s.open.Sync()
	}
	if err != nil {
		// Whether the bytes arrived is not known: they are cut off before the
		// next use of the file, and it is not sealed before that.
		return errors.Join(err, s.ready())
	}
	s.broken = false
	s.good += int64(len(records))
	s.rows += len(rows)
	return nil
}

// next makes the open segment, which ends with the seal, a batch, and makes the
// file of the next one.
func (s *spool) next() error {
	g := segment{from: s.number, number: s.number, suffix: batchSuffix, size: s.good}
	if err := os.Rename(s.openPath(), s.path(g)); err != nil {
		// It stays the open one, without the seal.
		s.good -= int64(len(sealRecord))
		s.broken = true
		return err
	}
	s.sealed = append(s.sealed, g)
	s.bytes += g.size
	err := s.open.Close()
	s.number++
	s.open, s.good, s.rows = nil, 0, 0
	return errors.Join(err, s.ready())
}

// ready makes sure that the open segment's file can be appended to.
func (s *spool) ready() error {
	switch {
	case s.open != nil && !s.broken:
		return nil
	case s.good == 0:
		return s.create()
	}
	return s.repair()
}

// create makes the open segment's file, and with it durable every name given in
// the folder before.
func (s *spool) create() error {
	f, err := os.OpenFile(s.openPath(), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte(segmentMagic), 0)
	if err == nil {
		err = durable.SyncDir(s.dir)
	}
	if err != nil {
		return errors.Join(err, f.Close())
	}
	s.open, s.good, s.rows, s.broken = f, int64(len(segmentMagic)), 0, false
	return nil
}

// repair opens the open segment anew and cuts it back to what is known to be
// good: after a failed fsync the old descriptor may lie about later ones.
func (s *spool) repair() error {
	if s.open != nil {
		s.open.Close() //nolint:errcheck // given up
		s.open = nil
	}
	f, err := os.OpenFile(s.openPath(), os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Truncate(s.good), f.Sync()); err != nil {
		return errors.Join(err, f.Close())
	}
	s.open, s.broken = f, false
	return nil
}

// openRows is the number of rows in the open segment.
func (s *spool) openRows() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.rows
}

// close closes the open segment's file.
func (s *spool) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		return nil
	}
	err := s.open.Close()
	s.open = nil
	return err
}

func (s *spool) openPath() string {
	return s.path(segment{from: s.number, number: s.number, suffix: openSuffix})
}
