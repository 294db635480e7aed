// Package durable writes small files whole: after a crash or a power cut there
// is the old file, the new one, or none, and never half of one. Files are
// readable by their owner alone (mode 0600), who stays the same when root writes.
package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Replace writes the file at path, in place of the one that is there. When it
// returns nil, text is on the disk under that name.
func Replace(path string, text []byte) error { return write(path, text, os.Rename) }

// Create writes the file at path unless there is one: then it returns
// [fs.ErrExist] and leaves that alone.
func Create(path string, text []byte) error { return write(path, text, os.Link) }

// write writes a file of a passing name beside path, which several programs may
// do at once, and has place give it the name.
func write(path string, text []byte, place func(from, to string) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer func() {
		if rm := os.Remove(f.Name()); rm != nil && !errors.Is(rm, fs.ErrNotExist) {
			err = errors.Join(err, rm)
		}
	}()
	_, err = f.Write(text)
	if err == nil {
		err = ownedAs(f.Name(), path)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := place(f.Name(), path); err != nil {
		return err
	}
	return SyncDir(filepath.Dir(path))
}

// SyncDir puts the names in dir on the disk: those given, changed and taken
// before. A file's own Sync does not hold its name (fsync(2)).
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// ownedAs gives file the owner that path has, or its folder where there is none
// yet. An administrator's command writes for the user that the gateway runs as,
// who could not read it otherwise.
func ownedAs(file, path string) error {
	err := SameOwner(file, path)
	if errors.Is(err, fs.ErrNotExist) {
		return SameOwner(file, filepath.Dir(path))
	}
	return err
}
