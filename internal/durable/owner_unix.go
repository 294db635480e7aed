//go:build unix

package durable

import (
	"os"
	"syscall"
)

// SameOwner gives path the owner and the group of like. Only root can; for
// anybody else it does nothing.
func SameOwner(path, like string) error {
	info, err := os.Stat(like)
	if err != nil {
		return err
	}
	owner, ok := info.Sys().(*syscall.Stat_t)
	if !ok || os.Geteuid() != 0 {
		return nil
	}
	return os.Lchown(path, int(owner.Uid), int(owner.Gid))
}
