//go:build unix

package durable

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestRootWritesForTheOwner: an administrator's command leaves files that the
// gateway's own user can read. Without being root there is nobody else to write for.
func TestRootWritesForTheOwner(t *testing.T) {
	dir := t.TempDir()
	want := os.Geteuid()
	if want == 0 {
		want = 65534
		if err := os.Chown(dir, want, want); err != nil {
			t.Fatal(err)
		}
	}
	owner := func(name string) int {
		t.Helper()
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return int(info.Sys().(*syscall.Stat_t).Uid)
	}
	if err := Create(filepath.Join(dir, "new"), nil); err != nil {
		t.Fatal(err)
	}
	if got := owner("new"); got != want {
		t.Errorf("a new file is of user %d, the folder of %d", got, want)
	}
	if err := os.WriteFile(filepath.Join(dir, "keys"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	before := owner("keys") // of whoever made it
	if err := Replace(filepath.Join(dir, "keys"), []byte("text")); err != nil {
		t.Fatal(err)
	}
	if got := owner("keys"); got != before {
		t.Errorf("a replaced file is of user %d, it was of %d", got, before)
	}
	if err := SameOwner(filepath.Join(dir, "keys"), dir); err != nil || owner("keys") != want {
		t.Errorf("given to the folder's owner: %d (%v), want %d", owner("keys"), err, want)
	}
	if err := Replace(filepath.Join(dir, "keys"), []byte("text")); err != nil || owner("keys") != want {
		t.Errorf("replaced again it is of user %d (%v), want %d", owner("keys"), err, want)
	}
}
