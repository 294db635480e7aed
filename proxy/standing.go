package proxy

import (
	"net/url"
	"os"
	"time"
)

// An UpstreamStatus is how the server or folder behind a site is.
type UpstreamStatus struct {
	// Address is the server's URL without secrets, or the folder's path.
	Address string
	// Down says that it did not answer when it was last asked.
	Down bool
	// Servers are all there are of the site, in the order in which they are
	// asked; none for a folder.
	Servers []ServerStatus
}

// A ServerStatus is how one of a site's servers is.
type ServerStatus struct {
	Address string
	Down    bool
	// Since is when it stopped answering, as far as it was asked, and Fault what
	// was wrong the last time; empty while it is not down.
	Since time.Time
	Fault string
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
	status := UpstreamStatus{Down: true}
	for _, server := range s.upstream.servers {
		address := url.URL{Scheme: server.scheme, Host: server.host, Path: server.prefix}
		status.Servers = append(status.Servers, server.health.status(address.String()))
		status.Down = status.Down && server.health.down()
	}
	status.Address = status.Servers[0].Address
	return status
}
