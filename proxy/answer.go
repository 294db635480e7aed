package proxy

import (
	"io"
	"io/fs"
	"mime"
	"net/http"
	"os"
	"strings"
)

// An answer is what the site says to a request, before anything is done to it.
type answer struct {
	status int
	header http.Header
	body   io.ReadCloser // never nil
	length int64         // of body in bytes; -1 when unknown
	// info is set when the body is a file of the site's folder, and file when
	// it is the thing asked for, so that ranges and sendfile work.
	info fs.FileInfo
	file *os.File
	// trailer is filled when the body is read to its end; may be nil.
	trailer *http.Header
}

// hasBody reports whether there can be anything to rewrite.
func (a *answer) hasBody() bool {
	switch a.status {
	case http.StatusNoContent, http.StatusNotModified, http.StatusPartialContent:
		return false
	}
	return a.status >= 200
}

// A pageKind says which rules a page's markup follows.
type pageKind uint8

// The kinds.
const (
	noPage    pageKind = iota
	maybePage          // the Content-Type does not say: the first bytes will
	htmlPage
	xhtmlPage
	styleSheet
	svgImage
)

// kind tells from the Content-Type what the answer is. Where it is missing or
// no type at all, browsers look at the first bytes (MIME Sniffing section 7),
// unless the site forbids it.
func (a *answer) kind() pageKind {
	media, _, _ := strings.Cut(get(a.header, "Content-Type"), ";")
	media = strings.TrimSpace(media)
	switch {
	case strings.EqualFold(media, "text/html"):
		return htmlPage
	case strings.EqualFold(media, "application/xhtml+xml"):
		return xhtmlPage
	case strings.EqualFold(media, "text/css"):
		return styleSheet
	case strings.EqualFold(media, "image/svg+xml"):
		return svgImage
	case strings.Contains(media, "/") && media != "*/*":
		return noPage
	case strings.EqualFold(get(a.header, "X-Content-Type-Options"), "nosniff"):
		return noPage
	}
	return maybePage
}

// charset is the charset parameter of the Content-Type, in lower case.
func (a *answer) charset() string {
	_, params, err := mime.ParseMediaType(get(a.header, "Content-Type"))
	if err != nil {
		return ""
	}
	return strings.ToLower(strings.TrimSpace(params["charset"]))
}
