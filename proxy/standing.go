package proxy

import (
	"net/url"
	"os"
)

// An UpstreamStatus is how the server or folder behind a site is.
type UpstreamStatus struct {
	// Address is the server's URL without secrets, or the folder's path.
	Address string
	// Down says that it did not answer when it was last asked.
	Down bool
}

// Upstream is how the server or folder behind a site is, for its owner.
func (g *Gateway) Upstream(siteName string) UpstreamStatus {
	s := g.sites().named(siteName)
	switch {
	case s == nil:
		return UpstreamStatus{}
	case s.upstream == nil:
		_, err := os.Stat(s.Dir)
		return UpstreamStatus{Address: s.Dir, Down: err != nil}
	}
	address := url.URL{Scheme: s.Upstream.Scheme, Host: s.Upstream.Host, Path: s.Upstream.Path}
	return UpstreamStatus{Address: address.String(), Down: s.upstream.down.Load()}
}
