package analytics

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/lychgate/lychgate/internal/sqlite"
)

// Backup copies the sums of the data folder dir to the folder to, beside a
// gateway that counts. What still waits for the store is copied first: a batch
// that reaches the store in between is then in both copies, and its number keeps
// it from being counted twice. Without an embedded store there is only what
// waits.
func Backup(ctx context.Context, dir, to string) error {
	if err := copySpool(filepath.Join(dir, spoolFolder), filepath.Join(to, spoolFolder)); err != nil {
		return fmt.Errorf("back up what waits for the store: %w", err)
	}
	err := sqlite.Backup(ctx, filepath.Join(dir, storeFile), filepath.Join(to, storeFile), sqliteSchema)
	if err != nil {
		return fmt.Errorf("back up sums: %w", err)
	}
	return nil
}

// errSpoolMoved says that a file went while the folder was being copied.
var errSpoolMoved = errors.New("batches keep being sent and merged; try again")

// copySpool copies the folder as it was at one moment. Batches that are sent or
// merged meanwhile make it begin anew.
func copySpool(from, to string) error {
	if _, err := os.Stat(from); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	err := errSpoolMoved
	for tries := 0; errors.Is(err, errSpoolMoved) && tries < 50; tries++ {
		err = errors.Join(os.RemoveAll(to), os.MkdirAll(to, 0o700))
		if err == nil {
			err = copySpoolOnce(from, to)
		}
	}
	return err
}

func copySpoolOnce(from, to string) error {
	files, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, f := range files {
		data, err := os.ReadFile(filepath.Join(from, f.Name()))
		if errors.Is(err, fs.ErrNotExist) {
			return errSpoolMoved
		}
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(to, f.Name()), data, 0o600); err != nil {
			return err
		}
	}
	return nil
}
