package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lychgate/lychgate/consent"
	"github.com/lychgate/lychgate/internal/durable"
)

// runRestore puts a backup into an empty data folder.
func runRestore(args []string, stdout, stderr io.Writer) error {
	var p place
	f := flagSet("restore")
	p.flags(f)
	from, err := fileArgument(f, args)
	if err != nil {
		return err
	}
	c, err := p.config()
	if err != nil {
		return err
	}
	decisions, err := restore(context.Background(), c, from)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "The data is in %s: %s, whole. Now start lychgate serve.\n", c.Data, count(int(decisions), "decision", "decisions"))
	return err
}

// restore unpacks the archive inside the data folder, proves it, and moves it to
// its place: a restore that fails leaves nothing behind. The folder itself stays,
// which may be a volume or another user's.
//
// The ledger goes on in a new tree that says so. What was waiting for a
// ClickHouse server is left out: the gateway the backup was made of has sent it.
func restore(ctx context.Context, c *config, from string) (decisions int64, err error) {
	if isRunning(c.Data) {
		return 0, fmt.Errorf("data %s: %w", c.Data, errRunning)
	}
	if err := mustBeEmpty(c.Data); err != nil {
		return 0, err
	}
	made, err := makeFolder(c.Data)
	if err != nil {
		return 0, err
	}
	work, err := os.MkdirTemp(c.Data, ".lychgate-restore-")
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(work))
			if made {
				err = errors.Join(err, os.Remove(c.Data))
			}
		}
	}()
	if err := unpack(from, work); err != nil {
		return 0, fmt.Errorf("restore %s: %w", from, err)
	}
	if decisions, err = takeUp(ctx, c, work); err != nil {
		return 0, fmt.Errorf("restore %s: %w", from, err)
	}
	if err := settle(work, c.Data); err != nil {
		return 0, err
	}
	return decisions, os.Remove(work)
}

// settle moves what is in work to data, which work lies in, and gives it to the
// user that data is of: root restores, another runs the gateway. The ledger comes
// last; a folder without one is not taken for one that was in use.
func settle(work, data string) error {
	if err := ownAs(work, data); err != nil {
		return err
	}
	files, err := os.ReadDir(work)
	if err != nil {
		return err
	}
	move := func(name string) error { return os.Rename(filepath.Join(work, name), filepath.Join(data, name)) }
	for _, f := range files {
		if f.Name() == consent.LedgerFile {
			continue
		}
		if err := move(f.Name()); err != nil {
			return err
		}
	}
	if err := move(consent.LedgerFile); err != nil {
		return err
	}
	return durable.SyncDir(data)
}

// ownAs gives the tree at path the owner of like.
func ownAs(path, like string) error {
	err := filepath.WalkDir(path, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return durable.SameOwner(path, like)
	})
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// makeFolder makes dir unless it is there.
func makeFolder(dir string) (made bool, err error) {
	if _, err := os.Stat(dir); err == nil {
		return false, nil
	}
	return true, os.MkdirAll(dir, 0o700)
}

// mustBeEmpty refuses a folder in which something would be overwritten.
func mustBeEmpty(dir string) error {
	files, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case len(files) > 0:
		return fmt.Errorf("the data folder %s is not empty (%s is in it): move it away first, or name another one", dir, files[0].Name())
	}
	return nil
}

// unpack writes the files of an archive below dir, for its owner alone.
func unpack(from, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	err = eachEntry(from, func(name string, written time.Time, content io.Reader) error {
		path := filepath.FromSlash(name)
		if err := root.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		f, err := root.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, content)
		return errors.Join(err, f.Sync(), f.Close(), root.Chtimes(path, time.Time{}, written))
	})
	return errors.Join(err, root.Close())
}

// takeUp makes the unpacked folder one that a gateway can go on with.
func takeUp(ctx context.Context, c *config, work string) (int64, error) {
	if _, err := os.Stat(filepath.Join(work, consent.LedgerFile)); err != nil {
		return 0, errors.New("there is no ledger in it, so it is no backup of lychgate")
	}
	keys, err := consent.OpenKeys(filepath.Join(work, keysEntry))
	if err != nil {
		return 0, err
	}
	if _, err := os.Stat(filepath.Join(work, "stats.db")); errors.Is(err, os.ErrNotExist) {
		if err := os.RemoveAll(filepath.Join(work, "spool")); err != nil {
			return 0, err
		}
	}
	copied := filepath.Join(work, consent.LedgerFile)
	aside := copied + ".restored"
	if err := os.Rename(copied, aside); err != nil {
		return 0, err
	}
	if err := consent.RestoreLedger(ctx, work, aside, keys, c.Consent.KeepRecords.Duration); err != nil {
		return 0, err
	}
	if err := os.Remove(aside); err != nil {
		return 0, err
	}
	audit, err := consent.VerifyLedger(ctx, work, keys)
	if err != nil {
		return 0, err
	}
	if len(audit.Problems) > 0 {
		return 0, fmt.Errorf("the ledger in it is not whole: %s", strings.Join(audit.Problems, "; "))
	}
	if err := putKeys(c, work); err != nil {
		return 0, err
	}
	return audit.Records, putShared(c, work)
}

// putShared moves what gateways share to the folder they share. What another of
// them has there is newer than the backup, and stays.
func putShared(c *config, work string) error {
	if c.Shared == c.Data {
		return nil
	}
	if err := os.MkdirAll(c.Shared, 0o700); err != nil {
		return err
	}
	for _, name := range sharedFiles {
		from := filepath.Join(work, name)
		to := filepath.Join(c.Shared, name)
		if err := errors.Join(copyTree(from, to), ownAs(to, c.Shared)); err != nil {
			return err
		}
		if err := os.RemoveAll(from); err != nil {
			return err
		}
	}
	return nil
}

// putKeys moves the keys to where the configuration has them, if that is not the
// data folder. Keys that are there already must be the same.
func putKeys(c *config, work string) error {
	to := c.keyFile()
	if to == filepath.Join(c.Data, keysEntry) {
		return nil
	}
	data, err := os.ReadFile(filepath.Join(work, keysEntry))
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	there, err := os.ReadFile(to)
	switch {
	case errors.Is(err, os.ErrNotExist):
		err = errors.Join(os.WriteFile(to, data, 0o600), durable.SameOwner(to, c.Data))
	case err == nil && string(there) != string(data):
		err = fmt.Errorf("the keys in %s are others than those of the backup: move them away first", to)
	}
	return errors.Join(err, os.Remove(filepath.Join(work, keysEntry)))
}
