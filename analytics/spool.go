package analytics

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// A spool is the disk between counter and store. Sums go to the end of its open
// segment, durably; a segment that is sealed becomes a batch, which never changes
// again and stays until the store has it. So a store may be away for hours, and
// a crash costs no more than what was counted since the last append.
//
// The folder holds
//
//	gateway          the spool's id: the Source of its batches
//	%016d.open       the segment written to
//	%016d.batch      sealed, in the order of their numbers
//	%016d.damaged    a sealed one whose checksum is wrong, kept for the admin
//	%016d.aside      one of unknown fate, kept for the admin
//
// The open segment bears the number of the batch it will become, and its file is
// made before the batch before it is deleted: a number is never used twice.
type spool struct {
	dir    string
	source string

	mu     sync.Mutex
	number uint64   // of the open segment
	open   *os.File // nil until it could be made
	good   int64    // bytes of it that are known to be on disk
	broken bool     // there may be more, which must go before anything else is done
	rows   int      // in it
	sealed []uint64 // numbers, ascending
	bytes  int64    // of the sealed
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
	return id, writeFileSync(path, []byte(id+"\n"))
}

func trimID(b []byte) string { return strings.TrimSpace(string(b)) }

// recover takes stock of the folder.
func (s *spool) recover() error {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	var left []uint64
	for _, e := range entries {
		number, suffix, ok := segmentName(e.Name())
		if !ok {
			continue
		}
		s.number = max(s.number, number+1)
		switch suffix {
		case openSuffix:
			left = append(left, number)
		case batchSuffix:
			info, err := e.Info()
			if err != nil {
				return err
			}
			s.sealed = append(s.sealed, number)
			s.bytes += info.Size()
		}
	}
	slices.Sort(s.sealed)
	for _, number := range left {
		if err := s.salvage(number); err != nil {
			return err
		}
	}
	return nil
}

// salvage seals what is whole of a segment that was left open. One with nothing
// in it goes on being the open one, if it is the newest.
func (s *spool) salvage(number uint64) error {
	path := s.path(number, openSuffix)
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	good := wholeRecords(b)
	if good <= len(segmentMagic) {
		if number+1 == s.number {
			s.number = number
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
	if err := os.Rename(path, s.path(number, batchSuffix)); err != nil {
		return err
	}
	s.sealed = append(s.sealed, number)
	slices.Sort(s.sealed)
	s.bytes += int64(good + len(sealRecord))
	return syncDir(s.dir)
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
	if err := os.Rename(s.path(s.number, openSuffix), s.path(s.number, batchSuffix)); err != nil {
		// It stays the open one, without the seal.
		s.good -= int64(len(sealRecord))
		s.broken = true
		return err
	}
	s.sealed = append(s.sealed, s.number)
	s.bytes += s.good
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
	f, err := os.OpenFile(s.path(s.number, openSuffix), os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteAt([]byte(segmentMagic), 0)
	if err == nil {
		err = syncDir(s.dir)
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
	f, err := os.OpenFile(s.path(s.number, openSuffix), os.O_RDWR, 0)
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

// head returns the oldest batch. A damaged one is put beside the others under
// another name and reported as an error.
func (s *spool) head() (b Batch, ok bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.sealed) == 0 {
		return Batch{}, false, nil
	}
	number := s.sealed[0]
	path := s.path(number, batchSuffix)
	rows, err := readBatch(path)
	if errors.Is(err, errRecord) {
		return Batch{}, false, errors.Join(fmt.Errorf("spool: batch %d: %w", number, err), s.retire(damagedSuffix))
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
	return s.retire("")
}

// setAside keeps the oldest batch for the admin: whether the store has it is
// not known, so it is never sent again by itself.
func (s *spool) setAside() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.retire(asideSuffix)
}

// retire takes the oldest batch out of the queue, under another suffix or, with
// none, for good.
func (s *spool) retire(suffix string) error {
	path := s.path(s.sealed[0], batchSuffix)
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	if suffix == "" {
		err = os.Remove(path)
	} else {
		err = os.Rename(path, s.path(s.sealed[0], suffix))
	}
	if err != nil {
		return err
	}
	s.sealed, s.bytes = s.sealed[1:], s.bytes-info.Size()
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

func (s *spool) path(number uint64, suffix string) string {
	return filepath.Join(s.dir, fmt.Sprintf("%016d%s", number, suffix))
}

// segmentName splits a segment's file name.
func segmentName(name string) (number uint64, suffix string, ok bool) {
	digits, suffix := name, filepath.Ext(name)
	digits = strings.TrimSuffix(digits, suffix)
	n, err := strconv.ParseUint(digits, 10, 64)
	if err != nil || len(digits) != 16 {
		return 0, "", false
	}
	switch suffix {
	case openSuffix, batchSuffix, damagedSuffix, asideSuffix:
		return n, suffix, true
	}
	return 0, "", false
}

// writeFileSync writes a small file so that it is there, whole, or not at all.
func writeFileSync(path string, b []byte) error {
	temp := path + ".new"
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(temp, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

// syncDir makes the names in dir durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
