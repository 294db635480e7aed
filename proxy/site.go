package proxy

import (
	"fmt"
	"net"
	"net/http"
	"strings"

	"golang.org/x/net/idna"
)

// A site is one Site at work.
type site struct {
	Site
	g   *Gateway
	all *sites // of which it is one
	// canonical is the host others redirect to, or empty.
	canonical string
	upstream  *upstream // or
	folder    *servedFolder
	essential cookieNames
	// thirdParties judges what the site's pages would load.
	thirdParties *judge
	belts        belts
}

// newSite checks c and opens what it names.
func newSite(g *Gateway, c Site) (*site, error) {
	s := &site{Site: c, g: g, essential: newCookieNames(c.EssentialCookies)}
	if len(c.Hosts) > 0 && !c.NoRedirect {
		h, err := asciiHost(c.Hosts[0])
		if err != nil {
			return nil, fmt.Errorf("site %s: host %q: %w", c.Name, c.Hosts[0], err)
		}
		s.canonical = h
	}
	var err error
	if s.thirdParties, err = newJudge(g.services, c); err != nil {
		return nil, fmt.Errorf("site %s: %w", c.Name, err)
	}
	s.thirdParties.embeds, s.thirdParties.relay = g.embeds, g.relay
	switch {
	case c.Upstream != nil && c.Dir != "":
		return nil, fmt.Errorf("site %s: has both an upstream and a dir", c.Name)
	case c.Upstream != nil:
		s.upstream, err = newUpstream(s)
	case c.Dir != "":
		s.folder, err = serveFolder(c.Dir, c.Private, g.log)
	default:
		return nil, fmt.Errorf("site %s: has neither an upstream nor a dir", c.Name)
	}
	if err != nil {
		return nil, fmt.Errorf("site %s: %w", c.Name, err)
	}
	if c.Gate == nil || c.Banner == nil {
		return nil, fmt.Errorf("site %s: has no gate or no banner", c.Name)
	}
	return s, nil
}

// asciiHost is a configured host name as it arrives in a Host header.
func asciiHost(h string) (string, error) {
	return idna.Lookup.ToASCII(strings.TrimSuffix(strings.ToLower(h), "."))
}

// sites finds a site by host.
type sites struct {
	byHost map[string]*site
	any    *site // the site without hosts
	list   []*site
}

func newSites(g *Gateway, configs []Site) (*sites, error) {
	all := &sites{byHost: map[string]*site{}}
	for _, c := range configs {
		s, err := newSite(g, c)
		if err != nil {
			return nil, err
		}
		s.all = all
		all.list = append(all.list, s)
		if len(c.Hosts) == 0 {
			if all.any != nil {
				return nil, fmt.Errorf("site %s: %s answers to every host already", c.Name, all.any.Name)
			}
			all.any = s
		}
		for _, h := range c.Hosts {
			name, err := asciiHost(h)
			if err != nil {
				return nil, fmt.Errorf("site %s: host %q: %w", c.Name, h, err)
			}
			if other := all.byHost[name]; other != nil {
				return nil, fmt.Errorf("site %s: host %s belongs to %s already", c.Name, h, other.Name)
			}
			all.byHost[name] = s
		}
	}
	return all, nil
}

// named finds a site by its id.
func (s *sites) named(id string) *site {
	for _, site := range s.list {
		if site.Name == id {
			return site
		}
	}
	return nil
}

// match finds the site that answers for host, which may carry a port; nil when
// there is none.
func (s *sites) match(host string) *site {
	if site := s.byHost[hostname(host)]; site != nil {
		return site
	}
	return s.any
}

// hostname is a canonical host without its port.
func hostname(host string) string {
	if strings.HasPrefix(host, "[") {
		return host[:strings.IndexByte(host, ']')+1]
	}
	if i := strings.IndexByte(host, ':'); i >= 0 {
		return host[:i]
	}
	return host
}

// redirects reports whether the visitor should come by the site's first name.
func (s *site) redirects(host string) bool {
	return s.canonical != "" && hostname(host) != s.canonical
}

// toCanonical sends the visitor to the site's first name: same scheme, same
// port, same place.
func (s *site) toCanonical(w http.ResponseWriter, r *http.Request) {
	u := *r.URL
	u.Host = s.canonical + strings.TrimPrefix(r.URL.Host, hostname(r.URL.Host))
	redirect(w, u.String(), http.StatusPermanentRedirect)
}

// toHTTPS is the handler of the plain door where there is also one of HTTPS. A
// host that is not ready, because its first certificate is still on its way, is
// served as it is: a redirect would lead to a door that does not open.
func (g *Gateway) toHTTPS(plain, secure net.Addr, ready func(host string) bool) http.Handler {
	route := func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Scheme == "https" || r.URL.Path == healthzPath: // a trusted proxy speaks TLS for us
			g.route(w, r)
		case r.URL.Host == "" || !g.answersFor(r.URL.Host):
			refuse(w, http.StatusMisdirectedRequest)
		case !ready(hostname(r.URL.Host)):
			g.route(w, r)
		default:
			u := *r.URL
			u.Scheme, u.Host = "https", hostname(u.Host)+securePort(u.Host, plain, secure)
			redirect(w, u.String(), http.StatusPermanentRedirect)
		}
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { g.serve(w, r, route) })
}

// securePort is what follows the name of a visitor's https address who came to
// host by the plain door. Who came to port 80 while that door is another is led
// on by a forwarding rule, as into a container; https has one then as well.
func securePort(host string, plain, secure net.Addr) string {
	forwarded := !strings.Contains(strings.TrimPrefix(host, hostname(host)), ":") && portOf(plain) != 80
	if port := portOf(secure); port != 443 && !forwarded {
		return fmt.Sprintf(":%d", port)
	}
	return ""
}

func portOf(a net.Addr) int {
	if tcp, ok := a.(*net.TCPAddr); ok {
		return tcp.Port
	}
	return 0
}

// answersFor reports whether host, which may carry a port, is a site's or the
// dashboard's.
func (g *Gateway) answersFor(host string) bool {
	return g.sites().match(host) != nil || (g.adminHost != "" && hostname(host) == g.adminHost)
}

// redirect answers without the body that http.Redirect writes: there is nobody
// to read it.
func redirect(w http.ResponseWriter, to string, status int) {
	h := w.Header()
	h.Set("Location", to)
	h.Set("Content-Length", "0")
	w.WriteHeader(status)
}

// refuse answers in plain words, without a page: to a program, or where no site
// was found.
func refuse(w http.ResponseWriter, status int) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	if status == http.StatusMethodNotAllowed && h["Allow"] == nil {
		h.Set("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
	}
	w.WriteHeader(status)
	_, _ = w.Write([]byte(http.StatusText(status) + "\n")) // the client is gone if this fails
}
