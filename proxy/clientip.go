package proxy

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// The truncation of promise 5: what is left of an address names a network of
// at least 256 households' worth of addresses, never one of them.
const (
	networkBitsIPv4 = 24
	networkBitsIPv6 = 48
)

// networkOf cuts a to its network. An IPv4 address in IPv6 clothes
// (::ffff:192.0.2.7) is an IPv4 address; a zone names an interface and goes.
// The zero Addr stays zero.
func networkOf(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	bits := networkBitsIPv6
	if a.Is4() {
		bits = networkBitsIPv4
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Addr{}
	}
	return p.Addr()
}

// remoteAddr is the form in which the rest of the program knows a visitor:
// the network with port 0. An unknown network is the unspecified address, so
// that every RemoteAddr can be parsed.
func remoteAddr(network netip.Addr) string {
	if !network.IsValid() {
		network = netip.IPv4Unspecified()
	}
	return netip.AddrPortFrom(network, 0).String()
}

// addrOf is the full address behind a connection's address; zero for anything
// but TCP and UDP. Only this file and the listener call it.
func addrOf(a net.Addr) netip.Addr {
	switch a := a.(type) {
	case *net.TCPAddr:
		return a.AddrPort().Addr().Unmap()
	case *net.UDPAddr:
		return a.AddrPort().Addr().Unmap()
	}
	return netip.Addr{}
}

// networks is a set of networks, for instance those of trusted proxies.
type networks []netip.Prefix

// contain reports whether a lies in one of the networks.
func (n networks) contain(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	for _, p := range n {
		if p.Contains(a) {
			return true
		}
	}
	return false
}

// forwardingHeaders are those in which proxies pass on a visitor's address.
// None of them reaches any other code: a visitor can write them as well, and
// those of a trusted proxy hold the full address.
var forwardingHeaders = [...]string{
	"Forwarded", "X-Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Port",
	"X-Forwarded-Proto", "X-Forwarded-Protocol", "X-Forwarded-Scheme", "X-Forwarded-Ssl",
	"X-Forwarded-Server", "X-Forwarded-Prefix", "X-Forwarded-By", "X-Url-Scheme", "Front-End-Https",
	"X-Real-Ip", "X-Client-Ip", "X-Cluster-Client-Ip", "X-Original-Forwarded-For", "X-Originating-Ip",
	"X-Remote-Ip", "X-Remote-Addr", "X-Envoy-External-Address", "X-Azure-Clientip", "X-Azure-Socketip",
	"X-Appengine-User-Ip", "X-Proxyuser-Ip", "Cf-Connecting-Ip", "Cf-Connecting-Ipv6", "Cf-Pseudo-Ipv4",
	"Cf-Ipcountry", "True-Client-Ip", "Fastly-Client-Ip", "Fly-Client-Ip", "Client-Ip", "Wl-Proxy-Client-Ip",
	"Proxy-Client-Ip", "X-Original-Url", "X-Rewrite-Url",
}

// forwarded is what a trusted proxy says about the visitor's side of it.
type forwarded struct {
	addr  netip.Addr // zero: it says nothing usable
	https bool
}

// readForwarded reads X-Forwarded-For and X-Forwarded-Proto. Of the chain only
// the rightmost entry that is not itself a trusted proxy counts: everything to
// its left is the visitor's own word.
func readForwarded(h http.Header, trusted networks) forwarded {
	var f forwarded
	lines := h["X-Forwarded-For"]
chain:
	for i := len(lines) - 1; i >= 0; i-- {
		entries := strings.Split(lines[i], ",")
		for j := len(entries) - 1; j >= 0; j-- {
			a, ok := parseForwardedAddr(entries[j])
			if !ok {
				break chain
			}
			f.addr = a
			if !trusted.contain(a) {
				break chain
			}
		}
	}
	if v := h["X-Forwarded-Proto"]; len(v) > 0 {
		last := v[len(v)-1]
		last = last[strings.LastIndexByte(last, ',')+1:]
		last = strings.ToLower(strings.TrimSpace(last))
		f.https = last == "https" || last == "wss" // Traefik's word for the websockets of HTTPS
	}
	return f
}

// parseForwardedAddr reads one entry: an address, with or without a port.
func parseForwardedAddr(s string) (netip.Addr, bool) {
	s = strings.TrimSpace(s)
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return a.Unmap(), true
	}
	if ap, err := netip.ParseAddrPort(s); err == nil {
		return ap.Addr().Unmap(), true
	}
	return netip.Addr{}, false
}

// coarsen makes r safe to hand to any other code: RemoteAddr holds only the
// network, which is returned as well, and no forwarding header is left. It
// reports whether the visitor's own connection is encrypted.
//
// Requests that came through [Gateway.Listen] are coarse already; doing it here
// again keeps the promise for a Gateway used as a plain http.Handler.
func (g *Gateway) coarsen(r *http.Request) (network netip.Addr, https bool) {
	https = r.TLS != nil
	network, known := coarse(r.RemoteAddr)
	if len(g.trusted) > 0 && peerTrusted(r.Context()) {
		f := readForwarded(r.Header, g.trusted)
		https = f.https
		if f.addr.IsValid() {
			network, known = networkOf(f.addr), false
		}
	}
	if !known {
		r.RemoteAddr = remoteAddr(network)
	}
	for _, name := range forwardingHeaders {
		delete(r.Header, name)
	}
	return network, https
}

// coarse parses a RemoteAddr and cuts it. The second result is true when there
// was nothing to cut.
func coarse(s string) (netip.Addr, bool) {
	ap, err := netip.ParseAddrPort(s)
	if err != nil {
		return netip.Addr{}, false
	}
	n := networkOf(ap.Addr())
	return n, ap.Port() == 0 && n == ap.Addr()
}
