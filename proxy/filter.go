package proxy

import (
	"net/http"
	"strings"

	"github.com/lychgate/lychgate/proxy/rewrite"
)

// loadingHeaders make a browser act before the page is read, or tell others
// about the visit, and nothing a site shows depends on them.
var loadingHeaders = [...]string{
	"Speculation-Rules", "Report-To", "Reporting-Endpoints", "Nel", "Accept-Ch", "Critical-Ch", "Observe-Browsing-Topics",
	"Attribution-Reporting-Register-Source", "Attribution-Reporting-Register-Trigger", "Attribution-Reporting-Info",
	"Supports-Loading-Mode", "Activate-Storage-Access",
}

// filter takes out of an answer's headers what may not reach this visitor.
func (v *visit) filter(r *http.Request, h http.Header) {
	v.filterSetCookie(h)
	if v.released || v.site.thirdParties.observe {
		return
	}
	for _, name := range loadingHeaders {
		delete(h, name)
	}
	if h["Link"] == nil && h["Refresh"] == nil && h[policyHeaders[0]] == nil && h[policyHeaders[1]] == nil {
		return
	}
	hearing := v.site.judge(v, r)
	defer hearing.close()
	filterLink(h, hearing)
	filterRefresh(h, hearing)
	filterReports(h, hearing)
}

// linkDests are the link relations that make a browser fetch or connect
// (HTML section 4.6.7).
var linkDests = map[string]rewrite.Dest{
	"preconnect": rewrite.Hint, "dns-prefetch": rewrite.Hint, "prefetch": rewrite.Hint, "prerender": rewrite.Hint,
	"preload": rewrite.Hint, "modulepreload": rewrite.Script, "stylesheet": rewrite.Style, "icon": rewrite.Image,
	"apple-touch-icon": rewrite.Image, "manifest": rewrite.Manifest, "pingback": rewrite.Beacon, "compression-dictionary": rewrite.Hint,
}

// filterLink drops the links of a Link header that would contact whom the page
// may not.
func filterLink(h http.Header, judge rewrite.Judge) {
	lines := h["Link"]
	if len(lines) == 0 {
		return
	}
	var kept []string
	for _, line := range lines {
		for _, link := range splitLinks(line) {
			if linkPasses(link, judge) {
				kept = append(kept, link)
			}
		}
	}
	delete(h, "Link")
	if len(kept) > 0 {
		h["Link"] = []string{strings.Join(kept, ", ")}
	}
}

// splitLinks splits a Link header at the commas outside targets and quotes
// (RFC 8288 section 3).
func splitLinks(line string) []string {
	var links []string
	start, target, quoted := 0, false, false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quoted && c == '\\':
			i++
		case quoted:
			quoted = c != '"'
		case target:
			target = c != '>'
		case c == '<':
			target = true
		case c == '"':
			quoted = true
		case c == ',':
			links = append(links, strings.TrimSpace(line[start:i]))
			start = i + 1
		}
	}
	return append(links, strings.TrimSpace(line[start:]))
}

// linkPasses judges one link. One that cannot be read is dropped: browsers may
// read it differently.
func linkPasses(link string, judge rewrite.Judge) bool {
	rest, ok := strings.CutPrefix(link, "<")
	if !ok {
		return false
	}
	target, params, ok := strings.Cut(rest, ">")
	if !ok {
		return false
	}
	params = strings.ToLower(params)
	if strings.Contains(params, `\`) {
		return false // rel="pre\connect" is a preconnect too (RFC 9110 section 5.6.4)
	}
	for rel, dest := range linkDests {
		if strings.Contains(params, rel) && !mayContact(judge, dest, target) {
			return false
		}
	}
	return true
}

// mayContact asks the judge about one URL of a header.
func mayContact(judge rewrite.Judge, dest rewrite.Dest, url string) bool {
	ref := rewrite.Ref{Dest: dest, Tag: []byte("link"), Attr: []byte("href"), URL: []byte(strings.TrimSpace(url))}
	return judge.URL(&ref).Action == rewrite.Pass
}

// filterRefresh drops a Refresh to where the page may not send the visitor
// without their act.
func filterRefresh(h http.Header, judge rewrite.Judge) {
	for _, line := range h["Refresh"] {
		if _, to, ok := cutRefresh(line); ok && !mayContact(judge, rewrite.Refresh, to) {
			delete(h, "Refresh")
			return
		}
	}
}

// filterReports takes out of the site's policies the third parties that
// violations are reported to: a report names the page and the visitor's browser.
func filterReports(h http.Header, judge rewrite.Judge) {
	for _, name := range policyHeaders {
		lines := h[name]
		for i, line := range lines {
			if !strings.Contains(strings.ToLower(line), "report-") {
				continue
			}
			policies := strings.Split(line, ",")
			for j, p := range policies {
				policies[j] = withoutReports(p, judge)
			}
			lines[i] = strings.Join(policies, ",")
		}
	}
}

// withoutReports is one policy with only those report-uri that may be told.
func withoutReports(policy string, judge rewrite.Judge) string {
	ds := parsePolicy(policy)
	kept := ds[:0]
	for _, d := range ds {
		switch d.name {
		case "report-to":
			continue // its endpoints are gone with Reporting-Endpoints
		case "report-uri":
			var uris []string
			for _, uri := range d.sources {
				if mayContact(judge, rewrite.Beacon, uri) {
					uris = append(uris, uri)
				}
			}
			if len(uris) == 0 {
				continue
			}
			d.sources = uris
		}
		kept = append(kept, d)
	}
	return writePolicy(kept)
}
