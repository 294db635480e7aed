package proxy

import (
	"fmt"
	"net/url"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// check fills in what follows from the row and returns what is wrong with it.
// ids and hosts are those of the rows before.
func (s *service) check(ids map[string]bool, hosts map[string]string) []string {
	var wrong []string
	bad := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }

	if s.ID == "" || strings.Trim(s.ID, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		bad("an id is small letters, digits and hyphens")
	}
	if ids[s.ID] {
		bad("the id is there already")
	}
	ids[s.ID] = true
	if s.Name == "" {
		bad("has no name")
	}
	k, ok := serviceKind(s.Kind)
	if !ok {
		bad("kind %q is unknown", s.Kind)
	}
	s.class, s.embed = k.class, k.embed
	switch {
	case s.class == classPass && s.Purpose != "":
		bad("a %s service passes, so it has no purpose", s.Kind)
	case s.class != classPass && purposeBit(s.Purpose) == 0:
		bad("purpose %q is unknown", s.Purpose)
	}
	if len(s.Hosts) == 0 && len(s.Own) == 0 {
		bad("has no host")
	}
	for _, h := range s.Hosts {
		if err := checkHostRule(h); err != nil {
			bad("host %q: %v", h, err)
		}
		if other := hosts[h]; other != "" {
			bad("host %q belongs to %s already", h, other)
		}
		hosts[h] = s.ID
	}
	for _, o := range s.Own {
		if o == "" || strings.Contains(o, "/") {
			bad("own %q: the last segment of a path only", o)
		}
	}
	for _, l := range s.Inline {
		if dot := strings.IndexByte(l, '.'); dot < 1 || dot+2 >= len(l) || len(l) < 6 {
			bad("inline %q: needs a full stop with a character before and two behind it", l)
		}
	}
	for _, c := range append(append([]serviceCookie(nil), s.Cookies...), s.Storage...) {
		if c.Name == "" || strings.Contains(strings.TrimSuffix(c.Name, "*"), "*") || strings.TrimSuffix(c.Name, "*") == "" {
			bad("cookie %q: a name, with * at its end at most", c.Name)
		}
		if c.Life == "" || c.Text == "" {
			bad("cookie %q: says neither how long it lives nor what it is for", c.Name)
		}
	}
	if len(s.Text) < 20 || !strings.HasSuffix(s.Text, ".") {
		bad("has no sentence for visitors")
	}
	if u, err := url.Parse(s.Privacy); err != nil || u.Scheme != "https" || u.Host == "" {
		bad("privacy %q is no https link", s.Privacy)
	}
	return wrong
}

// checkHostRule checks a host suffix with its optional path prefix.
func checkHostRule(rule string) error {
	host, path, hasPath := strings.Cut(rule, "/")
	if hasPath && (path == "" || strings.ContainsAny(path, "?#* \\")) {
		return fmt.Errorf("the path is none")
	}
	if host == "" || strings.Trim(host, "abcdefghijklmnopqrstuvwxyz0123456789.-_") != "" {
		return fmt.Errorf("not a host in lower-case ASCII")
	}
	for label := range strings.SplitSeq(host, ".") {
		if label == "" || len(label) > 63 {
			return fmt.Errorf("not a host")
		}
	}
	// A rule for a whole public suffix would catch other people's sites, except
	// where a service owns an entry of the list's private part (cloudfront.net
	// hosts have names of their own; googleapis.com is one service's).
	if suffix, icann := publicsuffix.PublicSuffix(host); suffix == host && (icann || !strings.Contains(host, ".")) {
		return fmt.Errorf("is a public suffix")
	}
	return nil
}
