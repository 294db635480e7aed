package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/coreos/go-systemd/v22/activation"
)

// A socketSet holds the listeners that a service manager opened for us
// (sd_listen_fds(3)). It keeps them open while the program is restarted, so
// visitors who come meanwhile wait in the kernel's queue instead of being
// refused.
type socketSet struct {
	waiting []net.Listener
}

// heldSockets takes over what was passed on; nothing in most starts.
func heldSockets() (*socketSet, error) {
	all, err := activation.Listeners()
	if err != nil {
		return nil, fmt.Errorf("take over the sockets of the service manager: %w", err)
	}
	s := &socketSet{}
	for _, l := range all {
		if l != nil { // nil: not a stream
			s.waiting = append(s.waiting, l)
		}
	}
	return s, nil
}

// bind returns the held listener of an address, or opens it.
func (s *socketSet) bind(ctx context.Context, network, address string) (net.Listener, error) {
	for i, l := range s.waiting {
		if sameAddress(l.Addr(), address) {
			s.waiting = append(s.waiting[:i:i], s.waiting[i+1:]...)
			return l, nil
		}
	}
	return new(net.ListenConfig).Listen(ctx, network, address)
}

// sameAddress reports whether a held socket is what the configuration means: the
// same port, and the same host or every one.
func sameAddress(held net.Addr, configured string) bool {
	is, err := netip.ParseAddrPort(held.String())
	host, port, errConfigured := net.SplitHostPort(configured)
	if err != nil || errConfigured != nil || port != fmt.Sprint(is.Port()) {
		return false
	}
	want, err := netip.ParseAddr(host)
	return err != nil || is.Addr().IsUnspecified() || is.Addr().Unmap() == want.Unmap()
}

// allUsed returns an error when a socket was passed on that nobody answers at:
// visitors would wait there for ever.
func (s *socketSet) allUsed() error {
	if len(s.waiting) == 0 {
		return nil
	}
	var addrs []string
	for _, l := range s.waiting {
		addrs = append(addrs, l.Addr().String())
	}
	return fmt.Errorf("the service manager passes on a socket for %s, where the configuration does not listen: "+
		"make http and https under [listen] the same as ListenStream in lychgate.socket", strings.Join(addrs, " and "))
}

// close gives back what was not used.
func (s *socketSet) close() error {
	var errs []error
	for _, l := range s.waiting {
		errs = append(errs, l.Close())
	}
	return errors.Join(errs...)
}
