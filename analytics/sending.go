package analytics

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lychgate/lychgate/internal/durable"
)

// ErrUnknownFate says that a batch may or may not have been added and that
// nobody can find out any more. It is not sent again by itself.
var ErrUnknownFate = errors.New("not known whether the batch was added")

// fateKnownFor is how long after a lost acknowledgement a batch may be sent
// again. A ClickHouse server remembers the last 100,000 inserts; half of them take
// longer than this even with fifteen gateways that send twice a minute.
const fateKnownFor = 24 * time.Hour

// A sending is the note of the batch that was last given to a store which finds
// out only for a while whether it has it. It is on the disk before the batch goes
// out, so that a process that takes over knows since when a fate is open.
type sending struct {
	Number uint64
	Store  string
	Since  time.Time
}

// sendingFile is overwritten in place: on a full disk sums must still be able to
// leave it.
const sendingFile = "sending"

// String is the note as it is written; its length is always the same.
func (n sending) String() string {
	text := fmt.Sprintf("%016d %012d %-10.10s ", n.Number, n.Since.Unix(), n.Store)
	return fmt.Sprintf("%s%08x\n", text, crc32.Checksum([]byte(text), castagnoli))
}

// parseSending reads a note. One that is not whole was never followed by a batch.
func parseSending(b []byte) (n sending, ok bool) {
	var since int64
	if _, err := fmt.Sscanf(string(b), "%d %d %s", &n.Number, &since, &n.Store); err != nil {
		return sending{}, false
	}
	n.Since = time.Unix(since, 0).UTC()
	if n.String() != string(b) {
		return sending{}, false
	}
	return n, true
}

// readSending reads the note in a spool's folder; a zero one if there is none.
func readSending(dir string) (sending, error) {
	b, err := os.ReadFile(filepath.Join(dir, sendingFile))
	if errors.Is(err, fs.ErrNotExist) {
		return sending{}, nil
	}
	n, _ := parseSending(b)
	return n, err
}

// begin notes that batch number goes to store now and returns the note; an
// earlier one about the same batch stands.
func (s *spool) begin(number uint64, store string, now time.Time) (n sending, again bool, err error) {
	if n, err = readSending(s.dir); err != nil {
		return n, false, fmt.Errorf("spool: %w", err)
	}
	if n.Number == number {
		return n, true, nil
	}
	n = sending{number, store, now.UTC().Truncate(time.Second)}
	return n, false, s.note(n.String())
}

// unsent takes the note back: the batch surely did not arrive.
func (s *spool) unsent() error { return s.note(strings.Repeat(" ", len(sending{}.String()))) }

func (s *spool) note(text string) error {
	path := filepath.Join(s.dir, sendingFile)
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return durable.Replace(path, []byte(text))
	}
	if err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	_, err = f.WriteAt([]byte(text), 0)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("spool: %w", err)
	}
	return nil
}

// deliver gives b to the store, unless an earlier try left its fate open for too
// long, or was at another store: then it fails with ErrUnknownFate.
func (a *Analytics) deliver(ctx context.Context, s *spool, store Store, b Batch) error {
	if a.config.ClickHouse == nil { // the batch's number is in the same transaction
		n, err := readSending(s.dir)
		if err == nil && n.Number == b.Number && n.Store != a.config.engine() {
			err = fmt.Errorf("%w to %s", ErrUnknownFate, n.Store)
		}
		if err != nil {
			return err
		}
		return store.Add(ctx, b)
	}
	n, again, err := s.begin(b.Number, a.config.engine(), a.now())
	if err != nil {
		return err
	}
	if a.now().Sub(n.Since) > fateKnownFor {
		return errors.Join(ErrUnknownFate, s.unsent())
	}
	// After the note: whoever moves the sums says so and then looks for notes.
	if err = a.moving(); err == nil {
		b.First = !again
		err = store.Add(ctx, b)
	} else {
		err = errors.Join(errNotSent, err)
	}
	if errors.Is(err, errNotSent) && !again { // nor did an earlier try
		err = errors.Join(err, s.unsent())
	}
	return err
}
