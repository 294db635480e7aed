package relay

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// errPrivate is the error for an address that is not the public internet's.
var errPrivate = errors.New("not a public address")

// refusePrivate is a net.Dialer's Control. It sees the address after name
// resolution, at the last moment, so that no name can lead into the network
// the gateway stands in.
func refusePrivate(_, address string, _ syscall.RawConn) error {
	a, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%s: %w", address, errPrivate)
	}
	if !isPublic(a.Addr()) {
		return errPrivate
	}
	return nil
}

// isPublic reports whether an address is a public unicast one (the special
// registries of RFC 6890 and its updates).
func isPublic(a netip.Addr) bool {
	a = a.Unmap()
	if !a.IsValid() || a.Zone() != "" || !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	for _, n := range [...]string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15",
		"198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16",
	} {
		if netip.MustParsePrefix(n).Contains(a) {
			return false
		}
	}
	return true
}

// newClient keeps no cookies, uses no proxy of the environment and follows
// few redirects.
func newClient(dial func(ctx context.Context, network, address string) (net.Conn, error)) *http.Client {
	return &http.Client{
		Transport: &http.Transport{
			DialContext:           dial,
			TLSHandshakeTimeout:   10 * time.Second,
			ResponseHeaderTimeout: 15 * time.Second,
			IdleConnTimeout:       30 * time.Second,
			MaxIdleConnsPerHost:   2,
			ForceAttemptHTTP2:     true,
			// The default 1 MiB of headers is more than any picture needs.
			MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			if len(via) >= 5 {
				return errors.New("too many redirects")
			}
			if s := req.URL.Scheme; s != "https" && (s != "http" || via[0].URL.Scheme == "https") {
				return fmt.Errorf("redirected to %s", s)
			}
			req.Header.Del("Referer")
			return nil
		},
	}
}
