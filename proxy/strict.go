package proxy

import (
	"bytes"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/html"
)

// maxLinkedHosts bounds the length of a Connection-Allowlist.
const maxLinkedHosts = 100

// strictConnections is the Connection-Allowlist by which a browser connects to
// the site itself, to hosts, and to where page links or sends forms, which is
// the visitor's own act; links to trackers are not.
func (j *judge) strictConnections(page []byte, hosts []string) string {
	var b strings.Builder
	b.WriteString("(response-origin")
	allow := func(host string) { b.WriteString(` "*://` + host + `:*/*"`) }
	for _, h := range hosts {
		bare := strings.TrimPrefix(h, "=")
		allow(bare)
		if bare == h {
			allow("*." + bare)
		}
	}
	for _, h := range j.linkedHosts(page) {
		allow(h)
	}
	b.WriteString(");redirects=allow;webrtc=block")
	return b.String()
}

// linkedHosts are the hosts that the links and forms of a page lead to.
func (j *judge) linkedHosts(page []byte) []string {
	var hosts []string
	add := func(ref []byte) {
		u, err := url.Parse(strings.TrimSpace(string(ref)))
		if err != nil || u.Host == "" {
			return
		}
		host, ok := appendHost(nil, []byte(u.Hostname()))
		if !ok || bytes.ContainsAny(host, "[]") || slices.Contains(hosts, string(host)) || len(hosts) == maxLinkedHosts {
			return
		}
		if known := j.catalogue.find(host, []byte(u.Path)); known == nil || known.service.class != classTracker {
			hosts = append(hosts, string(host))
		}
	}
	z := html.NewTokenizer(bytes.NewReader(page))
	for {
		switch z.Next() {
		case html.ErrorToken:
			slices.Sort(hosts)
			return hosts
		case html.StartTagToken, html.SelfClosingTagToken:
			_, more := z.TagName()
			for more {
				var key, value []byte
				key, value, more = z.TagAttr()
				switch string(key) {
				case "href", "action", "formaction":
					add(value)
				}
			}
		}
	}
}
