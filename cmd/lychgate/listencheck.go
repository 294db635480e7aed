package main

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"time"
)

// checkListen checks where visitors arrive, and who may say where they come from.
func (c *config) checkListen(p *problems) {
	for _, l := range []struct{ key, addr string }{{"listen.http", c.Listen.HTTP}, {"listen.https", c.Listen.HTTPS}} {
		if l.addr == "" {
			continue
		}
		checkAddress(p, l.key, l.addr)
	}
	c.checkApart(p)
	for i, n := range c.Listen.TrustedProxies {
		if _, err := parseNetwork(n); err != nil {
			p.add(fmt.Sprintf("listen.trusted_proxies[%d]", i), `%q is not a network: write an address or a range, such as "10.0.0.0/8"`, n)
		}
	}
	if c.Listen.ProxyProtocol && len(c.Listen.TrustedProxies) == 0 {
		p.add("listen.proxy_protocol", "is believed from trusted proxies only: name their networks in trusted_proxies")
	}
	if c.Listen.HTTP3 && (c.Listen.HTTPS == "" || c.Listen.ProxyProtocol) {
		p.add("listen.http3", `needs https, and visitors who come to it themselves: set https = ":443", without proxy_protocol`)
	}
	if q := c.Listen.Drain; q.err != nil {
		p.add("listen.drain", "%v", q.err)
	} else if q.Duration < time.Second || q.Duration > 10*time.Minute {
		p.add("listen.drain", "%s: requests in flight end within seconds, and a stop should too: from 1s to 10m", q)
	}
}

// checkApart adds doors that are to open at one address, of which only one would.
// Port 0 is another port each time.
func (c *config) checkApart(p *problems) {
	taken := map[string]string{}
	for _, l := range []struct{ key, addr string }{{"listen.http", c.Listen.HTTP}, {"listen.https", c.Listen.HTTPS}, {"admin.listen", c.Admin.Listen}} {
		if _, port, err := net.SplitHostPort(l.addr); err != nil || port == "0" {
			continue
		}
		if other := taken[l.addr]; other != "" {
			p.add(l.key, "%q is the address of %s already", l.addr, other)
		}
		taken[l.addr] = l.key
	}
}

// checkTLS checks where certificates come from.
func (c *config) checkTLS(p *problems) {
	if q := c.TLS.HSTS; q.err != nil {
		p.add("tls.hsts", "%v", q.err)
	}
	if c.TLS.DNSHook != "" {
		if !c.ordersCertificates() {
			p.add("tls.dns_hook", "is never used: no certificates are ordered")
		}
		checkFile(p, "tls.dns_hook", c.TLS.DNSHook)
	}
	switch cert, key := c.TLS.CertFile, c.TLS.KeyFile; {
	case c.ordersCertificates():
		c.checkOrders(p)
	case cert != "" && key == "":
		p.add("tls.cert_file", "is set without key_file: both are needed")
	case key != "" && cert == "":
		p.add("tls.key_file", "is set without cert_file: both are needed")
	case cert != "" && c.Listen.HTTPS == "":
		p.add("tls.cert_file", `is never used: set https = ":443" in [listen]`)
	case cert != "":
		checkFile(p, "tls.cert_file", cert)
		checkFile(p, "tls.key_file", key)
	}
}

// ordersCertificates reports whether https is served with certificates that
// come by themselves.
func (c *config) ordersCertificates() bool {
	return c.Listen.HTTPS != "" && c.TLS.CertFile == "" && c.TLS.KeyFile == ""
}

// checkOrders checks what ordering certificates needs.
func (c *config) checkOrders(p *problems) {
	for i, s := range c.Sites {
		if len(s.Hosts) == 0 {
			p.add(fmt.Sprintf("site[%d]", i), "has no hosts: certificates are ordered for names, so say which (or set cert_file and key_file in [tls])")
		}
	}
	if c.Listen.HTTP == "" {
		p.add("listen.https", `needs http beside it to order certificates and to send visitors on: set http = ":80"`)
	}
	if c.TLS.CA != "" {
		if u, err := url.Parse(c.TLS.CA); err != nil || u.Scheme != "https" || u.Host == "" {
			p.add("tls.ca", "%q is not an issuer's directory: write its https URL", c.TLS.CA)
		}
	}
	if c.TLS.CARoot != "" {
		checkFile(p, "tls.ca_root", c.TLS.CARoot)
	}
}

// checkAddress adds a problem when addr is nothing to listen on.
func checkAddress(p *problems, key, addr string) {
	_, port, err := net.SplitHostPort(addr)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		p.add(key, `%q is not an address to listen on: write host and port, such as "127.0.0.1:8080" or ":443"`, addr)
	}
}

// parseNetwork reads an address or a range.
func parseNetwork(s string) (netip.Prefix, error) {
	if a, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(a, a.BitLen()), nil
	}
	return netip.ParsePrefix(s)
}
