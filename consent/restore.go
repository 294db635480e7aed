package consent

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lychgate/lychgate/internal/durable"
	"github.com/lychgate/lychgate/internal/sqlite"
)

// BackupLedger writes a copy of the ledger of the data folder dir to the file
// to, which must not exist, beside a gateway that writes. The copy holds
// records until they are erased in it as well: it may be kept no longer than
// the records themselves.
func BackupLedger(ctx context.Context, dir, to string) (err error) {
	db, err := sqlite.Open(ctx, filepath.Join(dir, LedgerFile), migrations, sqlite.Options{ReadOnly: true})
	if err != nil {
		return fmt.Errorf("back up ledger: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := db.Copy(ctx, to); err != nil {
		return fmt.Errorf("back up ledger: %w", err)
	}
	return nil
}

// RestoreLedger puts the copy from in place of the ledger in dir, whose gateway
// must not run. Records whose time was over meanwhile are erased at once. The
// restored ledger goes on in a new tree, whose checkpoints name the tree before
// and which decisions are lost: so nobody can take a restore for a continuation.
func RestoreLedger(ctx context.Context, dir, from string, k *Keys, keep time.Duration) (err error) {
	path := filepath.Join(dir, LedgerFile)
	known, err := lastKnown(filepath.Join(dir, CheckpointFile), k)
	if err != nil {
		return fmt.Errorf("restore ledger: %w", err)
	}
	copied, err := os.ReadFile(from)
	if err != nil {
		return fmt.Errorf("restore ledger: %w", err)
	}
	for _, old := range []string{path + "-wal", path + "-shm"} {
		if err := os.Remove(old); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("restore ledger: %w", err)
		}
	}
	if err := errors.Join(unseal(path), durable.Replace(path, copied)); err != nil {
		return fmt.Errorf("restore ledger: %w", err)
	}
	s, err := openStore(ctx, path, k)
	if err != nil {
		return fmt.Errorf("restore ledger: %w", err)
	}
	if err = s.follow(ctx, known, time.Now().Add(-keep)); err == nil {
		err = s.publish()
	}
	if err = errors.Join(err, s.close(), seal(path)); err != nil {
		return fmt.Errorf("restore ledger: %w", err)
	}
	return nil
}

// follow erases what is over and begins the tree after the one that was copied.
func (s *store) follow(ctx context.Context, known *checkpoint, cutoff time.Time) error {
	if err := s.erase(ctx, cutoff); err != nil {
		return err
	}
	// What was recorded after the copy is lost. How much that is says the last
	// checkpoint that is left of the ledger that was replaced.
	lost := "unknown"
	if known != nil && known.origin == s.head.origin && known.tree.N >= s.head.size {
		lost = fmt.Sprint(known.tree.N)
	}
	return s.begin(ctx, fmt.Sprintf("%s size %d lost-before %s", s.head.origin, s.head.size, lost))
}

// lastKnown reads the checkpoint beside a ledger, nil if there is none to trust.
func lastKnown(path string, k *Keys) (*checkpoint, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	origin, _, _ := strings.Cut(string(text), "\n")
	if !strings.HasPrefix(origin, originPrefix) || !isVersion(origin[len(originPrefix):]) {
		return nil, nil
	}
	c, err := k.openCheckpoint(origin, text)
	if err != nil {
		return nil, nil //nolint:nilerr // a damaged copy tells nothing
	}
	return &c, nil
}
