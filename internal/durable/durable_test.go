package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestReplaceAndCreate(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "keys")
	holds := func(want string) {
		t.Helper()
		got, err := os.ReadFile(path)
		if err != nil || string(got) != want {
			t.Errorf("the file holds %q (%v), want %q", got, err, want)
		}
	}
	if err := Create(path, []byte("first")); err != nil {
		t.Fatal(err)
	}
	if err := Create(path, []byte("second")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("making what is there: %v", err)
	}
	holds("first")
	if err := Replace(path, []byte("third")); err != nil {
		t.Fatal(err)
	}
	holds("third")
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %v (%v)", info.Mode(), err)
	}
	if err := Replace(filepath.Join(dir, "missing", "keys"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("writing into no folder: %v", err)
	}
	// A folder cannot be replaced by a file.
	if err := os.MkdirAll(filepath.Join(dir, "folder", "full"), 0o700); err != nil {
		t.Fatal(err)
	}
	if Replace(filepath.Join(dir, "folder"), []byte("text")) == nil {
		t.Error("a file took the place of a folder")
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 2 {
		t.Errorf("left behind: %v (%v)", left, err)
	}
}
