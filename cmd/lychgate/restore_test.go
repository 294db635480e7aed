package main

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// The folder that a backup is put back into is a container's volume, or another
// user's: it stays the folder it was, and what is in it is its owner's, who could
// read none of it otherwise.
func TestRestoreKeepsTheFolder(t *testing.T) {
	site, from, archive := testSite(t), filepath.Join(t.TempDir(), "data"), filepath.Join(t.TempDir(), "backup.tar.gz")
	p := startProgram(t, "serve", "-dir", site, "-data", from, "-listen", "127.0.0.1:0")
	if out, code := lychgate(t, "backup", "-data", from, archive); code != exitDone {
		t.Fatalf("backup: exit %d: %s", code, out)
	}
	if err := p.stop(t); err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	if os.Geteuid() == 0 {
		if err := os.Chown(to, 65534, 65534); err != nil {
			t.Fatal(err)
		}
	}
	before, err := os.Stat(to)
	if err != nil {
		t.Fatal(err)
	}
	if out, code := lychgate(t, "restore", "-data", to, archive); code != exitDone {
		t.Fatalf("restore: exit %d: %s", code, out)
	}
	if after, err := os.Stat(to); err != nil || !os.SameFile(before, after) {
		t.Errorf("the folder is another one now: %v", err)
	}
	files := 0
	err = filepath.Walk(to, func(path string, info os.FileInfo, err error) error {
		if err != nil {
			return err
		}
		files++
		if got, want := info.Sys().(*syscall.Stat_t).Uid, before.Sys().(*syscall.Stat_t).Uid; got != want {
			t.Errorf("%s is of user %d, want %d", path, got, want)
		}
		return nil
	})
	if err != nil || files < 6 {
		t.Errorf("%d files: %v", files, err)
	}
	if left, err := filepath.Glob(filepath.Join(to, ".lychgate-restore-*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}
