package consent

import (
	"net/http"
	"net/url"
	"strings"
)

// maxReturnTo bounds a path with its query, in bytes.
const maxReturnTo = 2048

// pagePath is the path of the visitor's own page.
const pagePath = Prefix + "consent"

// returnTo reads where a visitor wants to go on: path and query of this site,
// written anew from their parsed parts, or ok = false. Anything that a browser
// could take for another site is refused: a second slash, a backslash, a scheme,
// control and white space, a path that escapes to one of these.
func returnTo(s string) (to string, ok bool) {
	if len(s) == 0 || len(s) > maxReturnTo || s[0] != '/' {
		return "", false
	}
	for _, c := range []byte(s) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte("\\\"<>^`{|}", c) >= 0 {
			return "", false
		}
	}
	u, err := url.ParseRequestURI(s)
	if err != nil || u.Scheme != "" || u.Opaque != "" || u.User != nil || u.Host != "" {
		return "", false
	}
	// Judged after decoding, because servers on the way may decode: "/%2f/x".
	if strings.HasPrefix(u.Path, "//") || strings.ContainsAny(u.Path, "\\\x00\r\n\t") || hasDots(u.Path) {
		return "", false
	}
	query, _, _ := strings.Cut(u.RawQuery, "#")
	out := url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: query}
	to = out.String()
	// url.URL writes "./" or "//" in front where a path could be taken for
	// something else; such a path is none of ours.
	if !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") {
		return "", false
	}
	return to, true
}

// hasDots reports whether a segment of path is "." or "..".
func hasDots(path string) bool {
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}

// cameFrom is the page of this site that the visitor was reading when they came
// to ours: the one that our own links and forms carry along, else what the browser
// says. Empty when neither tells.
func cameFrom(r *http.Request) string {
	if to, ok := returnTo(r.URL.Query().Get("return_to")); ok {
		return to
	}
	from, err := url.Parse(r.Referer())
	if err != nil || from.Scheme != r.URL.Scheme || from.Host != r.URL.Host || strings.HasPrefix(from.Path, Prefix) {
		return ""
	}
	to, _ := returnTo(from.RequestURI())
	return to
}

// ownPage reports whether to leads to the consent page itself.
func ownPage(to string) bool {
	path, _, _ := strings.Cut(to, "?")
	return path == pagePath
}
