package main

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lychgate/lychgate/analytics"
	"github.com/lychgate/lychgate/analytics/dashboard"
	"github.com/lychgate/lychgate/consent"
)

// keysEntry is the name of the key file in a backup, wherever it lies.
const keysEntry = "keys"

// What is written whole and renamed is copied as it is: the certificates of the
// data folder and sharedFiles. The databases and the spool are copied by their
// rooms; what can be had again (relayed files) or means nothing elsewhere
// (locks, the socket, the last checkpoint) is left out.
const certificatesDir = "certificates"

// sharedFiles lie where several gateways share them: in the data folder unless
// the configuration says otherwise.
var sharedFiles = []string{policiesDir, "third-parties.toml", "third-party-choices.toml"}

// runBackup copies the data folder beside a running gateway.
func runBackup(args []string, stdout, stderr io.Writer) error {
	var p place
	f := flagSet("backup")
	p.flags(f)
	to, err := fileArgument(f, args)
	if err != nil {
		return err
	}
	c, err := p.existing()
	if err != nil {
		return err
	}
	if info, err := os.Stat(to); err == nil && info.IsDir() {
		to = filepath.Join(to, "lychgate-"+time.Now().UTC().Format("2006-01-02T150405Z")+".tar.gz")
	}
	for i := range c.Sites {
		if dir := c.Sites[i].Dir; dir != "" && liesIn(dir, to) && !liesIn(c.Data, to) {
			return fmt.Errorf("%s lies in the website's folder, where everybody could fetch it with the keys in it: name another place", to)
		}
	}
	decisions, err := backup(context.Background(), c, to)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "Everything is in %s, and was read back: %s, whole.\nIt holds keys: keep it as safe as the data folder, and no longer than the records in it (%s).\n",
		to, count(int(decisions), "decision", "decisions"), c.Consent.KeepRecords)
	return err
}

// backup writes the archive and returns the number of decisions in it.
func backup(ctx context.Context, c *config, to string) (decisions int64, err error) {
	if _, err := os.Lstat(to); err == nil {
		return 0, fmt.Errorf("%s is there already: name a new file", to)
	}
	keys, err := os.ReadFile(c.keyFile())
	if err != nil {
		return 0, fmt.Errorf("read the keys, without which a backup is worth little: %w", err)
	}
	// Beside the archive, because the copies are as large and as secret.
	work, err := os.MkdirTemp(filepath.Dir(to), ".lychgate-backup-")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	if err := os.WriteFile(filepath.Join(work, keysEntry), keys, 0o600); err != nil {
		return 0, err
	}
	if err := stage(ctx, c, work); err != nil {
		return 0, err
	}
	if decisions, err = proveLedger(ctx, work); err != nil {
		return 0, err
	}
	part := to + ".part"
	sums, err := writeArchive(work, part)
	if err == nil {
		err = readBack(part, sums)
	}
	if err == nil {
		err = os.Rename(part, to)
	}
	if err != nil {
		return 0, errors.Join(err, os.RemoveAll(part))
	}
	return decisions, nil
}

// stage copies what the gateway keeps, each part at one moment of its own: the
// ledger last, so that every answer whose consequences are in the copy is in it too.
func stage(ctx context.Context, c *config, work string) error {
	if err := analytics.Backup(ctx, c.Data, work); err != nil {
		return err
	}
	if err := dashboard.Backup(ctx, c.Data, work); err != nil {
		return err
	}
	if err := copyTree(filepath.Join(c.Data, certificatesDir), filepath.Join(work, certificatesDir)); err != nil {
		return err
	}
	for _, name := range sharedFiles {
		if err := copyTree(filepath.Join(c.Shared, name), filepath.Join(work, name)); err != nil {
			return err
		}
	}
	return consent.BackupLedger(ctx, c.Data, filepath.Join(work, consent.LedgerFile))
}

// copyTree copies a file or a folder, which may be missing. What is there
// already stays.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // never there, or replaced while we looked: its successor is listed
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		switch {
		case d.IsDir():
			return os.MkdirAll(target, 0o700)
		case !d.Type().IsRegular() || strings.HasSuffix(path, ".lock"):
			return nil
		}
		data, err := os.ReadFile(path)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		f, err := os.OpenFile(target, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if errors.Is(err, fs.ErrExist) {
			return nil
		}
		if err != nil {
			return err
		}
		_, err = f.Write(data)
		return errors.Join(err, f.Close(), keepTime(target, d))
	})
}

// keepTime gives a copy the time of its original: by it a list of purposes tells
// since when visitors were asked about it.
func keepTime(target string, original fs.DirEntry) error {
	info, err := original.Info()
	if err != nil {
		return nil // replaced while we looked
	}
	return os.Chtimes(target, time.Time{}, info.ModTime())
}

// proveLedger reads the copy of the ledger as lychgate ledger verify does.
func proveLedger(ctx context.Context, work string) (int64, error) {
	keys, err := consent.OpenKeys(filepath.Join(work, keysEntry))
	if err != nil {
		return 0, err
	}
	audit, err := consent.VerifyLedger(ctx, work, keys)
	if err != nil {
		return 0, fmt.Errorf("read the copy of the ledger: %w", err)
	}
	if len(audit.Problems) > 0 {
		return 0, fmt.Errorf("the ledger is not whole, and nor would its copy be: %s", strings.Join(audit.Problems, "; "))
	}
	return audit.Records, nil
}

// writeArchive packs the folder work into a file that its owner alone may read,
// and returns the hash of each entry.
func writeArchive(work, to string) (sums map[string][sha256.Size]byte, err error) {
	f, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("write backup: %w", err)
	}
	z := gzip.NewWriter(f)
	t := tar.NewWriter(z)
	sums = map[string][sha256.Size]byte{}
	err = filepath.WalkDir(work, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(work, path)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(rel)
		sums[name], err = addFile(t, name, path)
		return err
	})
	if err = errors.Join(err, t.Close(), z.Close(), f.Sync(), f.Close()); err != nil {
		return nil, fmt.Errorf("write backup: %w", err)
	}
	return sums, nil
}

func addFile(t *tar.Writer, name, path string) (sum [sha256.Size]byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return sum, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return sum, err
	}
	head := &tar.Header{Name: name, Mode: 0o600, Size: info.Size(), ModTime: info.ModTime().Truncate(time.Hour), Typeflag: tar.TypeReg}
	if err := t.WriteHeader(head); err != nil {
		return sum, err
	}
	hash := sha256.New()
	_, err = io.Copy(io.MultiWriter(t, hash), f)
	return [sha256.Size]byte(hash.Sum(nil)), err
}

// readBack reads the archive and compares every entry with what went in.
func readBack(path string, sums map[string][sha256.Size]byte) error {
	var seen []string
	err := eachEntry(path, func(name string, _ time.Time, content io.Reader) error {
		hash := sha256.New()
		if _, err := io.Copy(hash, content); err != nil {
			return err
		}
		if want, ok := sums[name]; !ok || [sha256.Size]byte(hash.Sum(nil)) != want {
			return fmt.Errorf("%s is not what was written", name)
		}
		seen = append(seen, name)
		return nil
	})
	if err == nil && len(slices.Compact(slices.Sorted(slices.Values(seen)))) != len(sums) {
		err = fmt.Errorf("%d of %d files are in it", len(seen), len(sums))
	}
	if err != nil {
		return fmt.Errorf("read the backup back: %w", err)
	}
	return nil
}

// eachEntry reads the files of an archive in their order.
func eachEntry(path string, do func(name string, written time.Time, content io.Reader) error) (err error) {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	z, err := gzip.NewReader(f)
	if err != nil {
		return fmt.Errorf("%s is no backup of lychgate: %w", path, err)
	}
	for t := tar.NewReader(z); ; {
		head, err := t.Next()
		if errors.Is(err, io.EOF) {
			_, err := io.Copy(io.Discard, z) // the checksum at its end
			return err
		}
		if err != nil {
			return err
		}
		if head.Typeflag != tar.TypeReg || !filepath.IsLocal(filepath.FromSlash(head.Name)) {
			return fmt.Errorf("%s is no backup of lychgate: it holds %q", path, head.Name)
		}
		if err := do(head.Name, head.ModTime, t); err != nil {
			return err
		}
	}
}
