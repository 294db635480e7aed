package main

import (
	"fmt"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lychgate/lychgate/proxy"
)

// announce tells whoever started the program where to go, in few calm lines.
func (h *house) announce(w io.Writer, doors *proxy.Server, watch *monitor) error {
	hosts := h.c.Sites[0].Hosts
	scheme, door := "http", doors.HTTP()
	if a := doors.HTTPS(); a != nil {
		scheme, door = "https", a
	}
	base := origin(scheme, door, hosts)
	admin := base
	if own := h.c.Admin.Host; own != "" {
		admin = origin(scheme, door, []string{own})
	}
	rows := [][2]string{
		{"site", base + "/"},
		{"consent", base + "/_lychgate/consent"},
		{"dashboard", admin + "/_lychgate/admin/"},
	}
	if path := h.dashboard.SignInPath(); path != "" {
		rows = append(rows, [2]string{"sign in", admin + path + "  (works once)"})
	}
	if watch != nil {
		rows = append(rows, [2]string{"metrics", origin("http", watch.l.Addr(), nil) + "/metrics"})
	}
	if data, err := filepath.Abs(h.c.Data); err == nil {
		rows = append(rows, [2]string{"data", data})
	}
	for _, warning := range slices.Concat(h.c.observers(), h.c.exposed()) {
		rows = append(rows, [2]string{"beware", warning})
	}
	var b strings.Builder
	fmt.Fprintf(&b, "lychgate %s is open for %s.\n", versionOf(), count(len(h.c.Sites), "site", "sites"))
	for _, r := range rows {
		fmt.Fprintf(&b, "  %-10s %s\n", r[0], r[1])
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// origin writes where a door is found: by the site's own name where it has one,
// else by the address it was bound to.
func origin(scheme string, addr net.Addr, hosts []string) string {
	ap, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return scheme + "://" + addr.String()
	}
	host := ap.Addr().String()
	switch {
	case len(hosts) > 0:
		host = hosts[0]
	case ap.Addr().IsUnspecified():
		host = "localhost"
	}
	if (scheme == "http" && ap.Port() == 80) || (scheme == "https" && ap.Port() == 443) {
		return scheme + "://" + host
	}
	return scheme + "://" + net.JoinHostPort(host, fmt.Sprint(ap.Port()))
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
