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

// restore unpacks the archive beside the data folder, proves it, and gives it
// the folder's name: a restore that fails leaves nothing behind.
//
// The ledger goes on in a new tree that says so. What was waiting for a
// ClickHouse server is left out: the gateway the backup was made of has sent it.
func restore(ctx context.Context, c *config, from string) (decisions int64, err error) {
	if isRunning(c.Data) {
		return 0, fmt.Errorf("data %s: %w", c.Data, errRunning)
	}
	data := c.Data
	if real, err := filepath.EvalSymlinks(data); err == nil {
		data = real // systemd keeps the folder of a dynamic user elsewhere
	}
	if err := mustBeEmpty(data); err != nil {
		return 0, err
	}
	if err := os.MkdirAll(filepath.Dir(data), 0o755); err != nil {
		return 0, err
	}
	work, err := os.MkdirTemp(filepath.Dir(data), ".lychgate-restore-")
	if err != nil {
		return 0, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(work))
		}
	}()
	if err := unpack(from, work); err != nil {
		return 0, fmt.Errorf("restore %s: %w", from, err)
	}
	if decisions, err = takeUp(ctx, c, work); err != nil {
		return 0, fmt.Errorf("restore %s: %w", from, err)
	}
	if err := os.Remove(data); err != nil && !errors.Is(err, os.ErrNotExist) { // it is empty
		return 0, err
	}
	return decisions, os.Rename(work, data)
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
		if err := copyTree(from, filepath.Join(c.Shared, name)); err != nil {
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
		err = os.WriteFile(to, data, 0o600)
	case err == nil && string(there) != string(data):
		err = fmt.Errorf("the keys in %s are others than those of the backup: move them away first", to)
	}
	return errors.Join(err, os.Remove(filepath.Join(work, keysEntry)))
}
