package proxy

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/lychgate/lychgate/consent"
)

// An Observation is what an operator's monitoring is told of one answer. It
// tells nothing of who asked, of which site, or for what.
type Observation struct {
	// Route is the name of the pattern that answered, one of [Routes].
	Route string
	// Status is the answer's; 0 when there was none, because the visitor left or
	// the site broke off.
	Status int
	// Wait is the time until the head of the answer was written.
	Wait time.Duration
}

// Routes are the names of the patterns.
func Routes() []string {
	return []string{"page", "file", "consent", "admin", "assets", "embed", "relay", "event", "healthz", "other"}
}

// routeName is the name of the pattern that answered for path. Pages and files
// of the site are told apart by what they turned out to be.
func routeName(path string, answer http.Header) string {
	own, isOwn := strings.CutPrefix(path, consent.Prefix)
	switch {
	case isOwn:
		name, _, _ := strings.Cut(own, "/")
		switch name {
		case "consent", "admin", "assets", "embed", "relay", "event", "healthz":
			return name
		case "shared", "api":
			return "admin"
		}
		return "other"
	case strings.HasPrefix(get(answer, "Content-Type"), "text/html"):
		return "page"
	}
	return "file"
}

// An observed writer remembers the head of the answer.
type observed struct {
	http.ResponseWriter
	began  time.Time
	wait   time.Duration
	status int
}

// tell hands on what became of r. It runs also when the answer broke off.
func (o *observed) tell(to func(Observation), r *http.Request) {
	if o.status == 0 {
		o.wait = time.Since(o.began)
	}
	to(Observation{Route: routeName(r.URL.Path, o.Header()), Status: o.status, Wait: o.wait})
}

func (o *observed) head(status int) {
	// What comes before the answer proper (103, RFC 9110 section 15.2) is none;
	// a change of protocol is.
	if o.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		o.status, o.wait = status, time.Since(o.began)
	}
}

// WriteHeader notes the status.
func (o *observed) WriteHeader(status int) {
	o.head(status)
	o.ResponseWriter.WriteHeader(status)
}

// Write notes that an answer without a status was a 200.
func (o *observed) Write(p []byte) (int, error) {
	o.head(http.StatusOK)
	return o.ResponseWriter.Write(p)
}

// ReadFrom keeps sendfile for bodies that pass as they are.
func (o *observed) ReadFrom(r io.Reader) (int64, error) {
	o.head(http.StatusOK)
	return io.Copy(o.ResponseWriter, r)
}

// Hijack hands a websocket its connection: the answer to it is a 101.
func (o *observed) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	o.head(http.StatusSwitchingProtocols)
	return http.NewResponseController(o.ResponseWriter).Hijack()
}

// Unwrap lets http.ResponseController find what the writer can do.
func (o *observed) Unwrap() http.ResponseWriter { return o.ResponseWriter }
