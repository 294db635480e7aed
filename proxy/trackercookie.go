package proxy

import "strings"

// trackerCookies knows the cookies and storage entries that the services of the
// catalogue set on a site's own domain.
type trackerCookies struct {
	exact    map[string]*service
	prefixes []cookiePrefix // longest first is not needed: purposes agree
}

type cookiePrefix struct {
	prefix  string
	service *service
}

// add takes in what a service sets.
func (c *trackerCookies) add(s *service) {
	if c.exact == nil {
		c.exact = map[string]*service{}
	}
	for _, k := range s.Cookies {
		if p, wild := strings.CutSuffix(k.Name, "*"); wild {
			c.prefixes = append(c.prefixes, cookiePrefix{p, s})
		} else if c.exact[k.Name] == nil {
			c.exact[k.Name] = s
		}
	}
}

// of returns the service that sets a cookie of this name, or nil.
func (c *trackerCookies) of(name string) *service {
	if s := c.exact[name]; s != nil {
		return s
	}
	for _, p := range c.prefixes {
		if strings.HasPrefix(name, p.prefix) {
			return p.service
		}
	}
	return nil
}
