package main

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"golang.org/x/net/idna"

	"github.com/lychgate/lychgate/proxy"
)

// checkSites checks every site.
func (c *config) checkSites(p *problems) {
	if len(c.Sites) == 0 {
		p.add("", "there is no site: add a [[site]] with dir or upstream, or start with -dir FOLDER or -upstream URL")
	}
	owner := map[string]string{}
	for i := range c.Sites {
		s, key := &c.Sites[i], fmt.Sprintf("site[%d]", i)
		if len(s.Hosts) == 0 && len(c.Sites) > 1 {
			p.add(key, "has no hosts: with several sites each must say which names it answers to")
		}
		s.checkHosts(p, key, owner)
		s.checkSource(p, key)
		s.checkHolding(p, key)
		s.checkEvents(p, key)
		s.checkGoals(p, key)
		b := c.banner(s)
		b.Purposes = nil // checked already, once for all sites
		checkWords(p, key, b)
	}
}

// checkHosts checks the names the site answers to; owner has those of the sites
// before it.
func (s *siteConfig) checkHosts(p *problems, key string, owner map[string]string) {
	for j, h := range s.Hosts {
		ascii, _ := idna.Lookup.ToASCII(h) // isHostName has looked at the error
		switch {
		case !isHostName(h):
			p.add(key+".hosts", `%q (number %d) is not a host name: write the bare name, such as "www.charity.example"`, h, j+1)
		case owner[ascii] != "":
			p.add(key+".hosts", "%q belongs to %s already", h, owner[ascii])
		default:
			owner[ascii] = key
		}
	}
}

// isHostName reports whether h is a bare name of a host, in any script.
func isHostName(h string) bool {
	ascii, err := idna.Lookup.ToASCII(h)
	return err == nil && ascii != "" && !strings.ContainsAny(h, "/:* ") && !strings.Contains("."+ascii, "..")
}

// isHostAndPort reports whether h is a host with or without a port, as the head of
// a request names it.
func isHostAndPort(h string) bool {
	u, err := url.Parse("//" + h)
	if err != nil || u.Host != h || u.User != nil || !isPort(u.Port()) {
		return false
	}
	_, err = netip.ParseAddr(u.Hostname())
	return err == nil || isHostName(u.Hostname())
}

// isPort reports whether port is one, or left out.
func isPort(port string) bool {
	_, err := strconv.ParseUint(port, 10, 16)
	return port == "" || err == nil
}

// checkSource checks where the site comes from: a folder, or the server behind.
func (s *siteConfig) checkSource(p *problems, key string) {
	switch {
	case s.Dir == "" && s.Upstream == "":
		p.add(key, "says neither dir (a folder to serve) nor upstream (the server behind): set one")
	case s.Dir != "" && s.Upstream != "":
		p.add(key+".upstream", "is set beside dir: a site is either a folder or a server, not both")
	case s.Upstream != "":
		checkServer(p, key+".upstream", s.Upstream)
		for _, f := range s.Fallbacks {
			checkServer(p, key+".fallbacks", f)
		}
		if h := s.UpstreamHost; h != "" && !isHostAndPort(h) {
			p.add(key+".upstream_host", `%q is not a host name: write the bare name, such as "charity.github.io"`, h)
		}
	default:
		checkFolder(p, key+".dir", s.Dir)
	}
	if s.Dir != "" {
		for k, set := range map[string]bool{"upstream_host": s.UpstreamHost != "", "fallbacks": s.Fallbacks != nil, "health_path": s.HealthPath != ""} {
			if set {
				p.add(key+"."+k, "means nothing beside dir")
			}
		}
	}
	if s.HealthPath != "" && !strings.HasPrefix(s.HealthPath, "/") {
		p.add(key+".health_path", "%q is not a path of the site: it begins with a slash", s.HealthPath)
	}
}

// checkHolding checks what is said of third parties, and of the page that explains them.
func (s *siteConfig) checkHolding(p *problems, key string) {
	if s.ThirdParties != "" && s.ThirdParties != "hold" && s.ThirdParties != "observe" {
		p.add(key+".third_parties", `%q: "hold" keeps them back, "observe" only lists them`, s.ThirdParties)
	}
	for list, entries := range map[string][]string{"allow": s.Allow, "hold": s.Hold, "relay": s.Relay} {
		for _, entry := range entries {
			if err := proxy.CheckRule(list, entry); err != nil {
				p.add(key+"."+list, "%v", err)
			}
		}
	}
	for _, path := range s.AnalyticsPaths {
		if !strings.HasPrefix(path, "/") {
			p.add(key+".analytics_paths", "%q is not a path of the site: it begins with a slash", path)
		}
	}
	if s.PrivacyURL != "" {
		if u, err := url.Parse(s.PrivacyURL); err != nil || (u.Scheme != "" && u.Scheme != "http" && u.Scheme != "https") || (u.Scheme == "" && !strings.HasPrefix(s.PrivacyURL, "/")) {
			p.add(key+".privacy_url", `%q is not a page: write a path such as "/privacy" or a whole URL`, s.PrivacyURL)
		}
	}
}

// checkGoals checks what visitors are hoped to reach.
func (s *siteConfig) checkGoals(p *problems, key string) {
	for i, g := range s.Goals {
		if g.Name == "" || !strings.HasPrefix(g.Path, "/") {
			p.add(fmt.Sprintf("%s.goal[%d]", key, i), `needs a name and a path, such as name = "Donated", path = "/thank-you"`)
		}
	}
	for i, f := range s.Funnels {
		if f.Name == "" || len(f.Steps) < 2 {
			p.add(fmt.Sprintf("%s.funnel[%d]", key, i), `needs a name and at least two steps, such as steps = ["/donate", "/thank-you"]`)
		}
		for _, step := range f.Steps {
			if !strings.HasPrefix(step, "/") {
				p.add(fmt.Sprintf("%s.funnel[%d].steps", key, i), "%q is not a path of the site: it begins with a slash", step)
			}
		}
		if len(f.Steps) > 4 {
			p.add(fmt.Sprintf("%s.funnel[%d].steps", key, i), "at most 4 steps are counted; there are %d", len(f.Steps))
		}
	}
	if len(s.Goals) > 16 {
		p.add(key+".goal", "at most 16 goals fit into the note on a visitor's device; there are %d", len(s.Goals))
	}
	if len(s.Funnels) > 4 {
		p.add(key+".funnel", "at most 4 funnels; there are %d", len(s.Funnels))
	}
}

// maxEvents is how many names of events a site may have.
const maxEvents = 50

// checkEvents checks the names that the optional script may count.
func (s *siteConfig) checkEvents(p *problems, key string) {
	if len(s.Events) > 0 && !s.Beacon {
		p.add(key+".events", "are never counted: set beacon = true beside them")
	}
	if len(s.Events) > maxEvents {
		p.add(key+".events", "at most %d names are counted; there are %d", maxEvents, len(s.Events))
	}
	for _, e := range s.Events {
		if e == "" || len(e) > 60 {
			p.add(key+".events", "%q is no name: write a short one, such as \"signed up\"", e)
		}
	}
}

// checkServer adds a problem when server is no address to ask for pages.
func checkServer(p *problems, key, server string) {
	if u, err := url.Parse(server); err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Hostname() == "" || !isPort(u.Port()) {
		p.add(key, `%q is not an address of a web server: write a URL such as "http://127.0.0.1:3000"`, server)
	} else if u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "" || u.User != nil {
		p.add(key, "%q: write scheme, host and port only; paths are passed on as they come", server)
	}
}
