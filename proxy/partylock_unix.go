//go:build unix

package proxy

import (
	"errors"
	"os"
	"syscall"
)

// tryLock takes an exclusive lock on f, which lasts until f is closed or the
// program ends, however it ends. It reports false when somebody else has it.
func tryLock(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
		return false, nil
	}
	return err == nil, err
}
