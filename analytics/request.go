package analytics

import (
	"net/http"
	"strings"
)

// cookieValue returns the value of the first cookie called name, or "". It reads
// the header in place: a page request may carry many cookies, and one is wanted.
func cookieValue(r *http.Request, name string) string {
	for _, line := range r.Header["Cookie"] {
		for line != "" {
			var one string
			one, line, _ = strings.Cut(line, ";")
			one = strings.TrimLeft(one, " \t")
			if len(one) > len(name) && one[len(name)] == '=' && one[:len(name)] == name {
				return one[len(name)+1:]
			}
		}
	}
	return ""
}

// IsPageRequest reports whether r asks for a page to be shown: a GET by
// navigation for a whole document. Where the browser sends no Sec-Fetch headers,
// on plain http, it is one that names HTML among what it accepts.
//
// Prefetches and prerenders are page requests too, see [IsPrefetch].
func IsPageRequest(r *http.Request) bool {
	if r.Method != http.MethodGet || r.Header["Range"] != nil {
		return false
	}
	mode, dest := r.Header.Get("Sec-Fetch-Mode"), r.Header.Get("Sec-Fetch-Dest")
	if mode == "" && dest == "" {
		return strings.Contains(r.Header.Get("Accept"), "html")
	}
	// A service worker that fetches a navigation leaves the destination empty.
	return mode == "navigate" && (dest == "document" || dest == "empty" || dest == "")
}

// IsPrefetch reports whether r is a guess of the browser that its visitor might
// want the page, by Sec-Purpose or one of its older spellings.
func IsPrefetch(r *http.Request) bool {
	for _, name := range [...]string{"Sec-Purpose", "Purpose", "X-Moz", "X-Purpose"} {
		if v := r.Header.Get(name); v != "" {
			v = strings.ToLower(v)
			if strings.Contains(v, "prefetch") || strings.Contains(v, "prerender") || strings.Contains(v, "preview") {
				return true
			}
		}
	}
	return false
}

// IsArrival reports whether r brings somebody from outside the site: typed,
// bookmarked, or by a link of another site. A reload repeats the headers of the
// first request, so it is told apart by its Cache-Control.
func IsArrival(r *http.Request) bool {
	if r.Header.Get("Cache-Control") == "max-age=0" || r.Header.Get("Cache-Control") == "no-cache" {
		return false
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "none", "cross-site":
		return true
	case "":
		return externalReferrer(r) != ""
	}
	return false
}

// IsDownload reports whether path names a file that visitors fetch to keep, by
// its ending. Fetching one is no page view; Record counts it apart.
func IsDownload(path string) bool {
	dot := strings.LastIndexByte(path, '.')
	if dot < 0 || len(path)-dot > 6 {
		return false
	}
	switch strings.ToLower(path[dot+1:]) {
	case "pdf", "doc", "docx", "xls", "xlsx", "ppt", "pptx", "odt", "ods", "odp", "rtf", "csv", "txt", "epub", "ics", "vcf",
		"zip", "gz", "tar", "7z", "rar", "dmg", "exe", "msi", "apk", "iso", "mp3", "m4a", "wav", "ogg", "mp4", "m4v", "mov", "avi", "webm":
		return true
	}
	return false
}

// externalReferrer is the host of r's Referer if it is another site's, lower
// case and without port; else "". Nothing else of the header is looked at.
func externalReferrer(r *http.Request) string {
	header := r.Header.Get("Referer")
	if header == "" || len(header) > 4096 {
		return ""
	}
	scheme, rest, ok := strings.Cut(header, "://")
	if !ok || scheme != "https" && scheme != "http" && scheme != "android-app" {
		return ""
	}
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	if rest == r.URL.Host {
		return "" // nearly all
	}
	rest = rest[strings.LastIndexByte(rest, '@')+1:]
	host := bareHost(rest)
	if !isHostName(host) || host == bareHost(r.URL.Host) {
		return ""
	}
	return host
}

// isHostName reports whether host is made of what host names are made of.
func isHostName(host string) bool {
	for i := 0; i < len(host); i++ {
		c := host[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '.' && c != '-' && c != '_' {
			return false
		}
	}
	return host != "" && len(host) <= 253
}

// bareHost is host in lower case without port, final dot and "www.".
func bareHost(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && strings.IndexByte(host[i:], ']') < 0 {
		host = host[:i]
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	return strings.TrimPrefix(host, "www.")
}
