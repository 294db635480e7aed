package main

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"syscall"
)

// withHint adds to what the system says what its reader can do about it.
func withHint(err error) error {
	var listening *net.OpError
	hint := ""
	switch isListening := errors.As(err, &listening); {
	case errors.Is(err, syscall.EADDRINUSE):
		hint = "another program listens there; ss -ltnp names it. Stop it, or choose another port"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		hint = "this machine does not have that address; without one (\":8080\") all it has are meant"
	case isListening && errors.Is(err, fs.ErrPermission):
		hint = "ports below 1024 take a privilege that deploy/lychgate.service gives; or choose a higher port"
	case errors.Is(err, fs.ErrPermission):
		hint = fmt.Sprintf("give it to the user that runs lychgate: chown -R %d:%d", os.Getuid(), os.Getgid())
	default:
		return err
	}
	return fmt.Errorf("%w: %s", err, hint)
}
