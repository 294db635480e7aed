package consent

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/lychgate/lychgate/internal/durable"
)

// sealSuffix is that of the file that holds the SHA-256 of a ledger that was
// closed in order, so that damage is noticed even in bytes that hold no record.
const sealSuffix = ".seal"

// seal notes what the closed file is. It does nothing while another process
// still reads, because the log beside the file then belongs to it.
func seal(path string) error {
	if _, err := os.Stat(path + "-wal"); err == nil {
		return nil
	}
	sum, err := fileSum(path)
	if err != nil {
		return fmt.Errorf("seal ledger: %w", err)
	}
	return durable.Replace(path+sealSuffix, []byte(sum+"\n"))
}

// unseal takes the seal away before the file is written again.
func unseal(path string) error {
	err := os.Remove(path + sealSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return errors.Join(err, durable.SyncDir(filepath.Dir(path)))
}

// ErrSeal says that a ledger is not the file that was closed last.
var ErrSeal = errors.New("the file was changed after it was closed")

// checkSeal compares the file with its seal, if it has one.
func checkSeal(path string) error {
	want, err := os.ReadFile(path + sealSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	sum, err := fileSum(path)
	if err != nil {
		return err
	}
	if sum+"\n" != string(want) {
		return ErrSeal
	}
	return nil
}

func fileSum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return fmt.Sprintf("%x", h.Sum(nil)), nil
}
