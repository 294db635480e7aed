package relay

import (
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"
)

// ServeHTTP answers for a relayed file. Only what the gateway signed is
// answered for, and nothing is fetched because it was asked for: a file that
// is being fetched is waited for, another one is missing.
func (r *Relay) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		refuse(w, http.StatusMethodNotAllowed)
		return
	}
	key, ok := r.paths.Open(req.URL.Path)
	if !ok || len(key) < 2 {
		refuse(w, http.StatusNotFound)
		return
	}
	meta, body, err := r.file(req, string(key))
	if err != nil {
		refuse(w, http.StatusNotFound)
		return
	}
	defer body.Close() //nolint:errcheck // read only
	h := w.Header()
	h["Content-Type"] = []string{meta.Type}
	h["Cache-Control"] = []string{"public, max-age=" + strconv.Itoa(int(maxAge(meta, r.now()).Seconds()))}
	// Frames without an origin of their own, sandboxed or in data: URLs, show them
	// too. Anybody may read them anyway: they are public and the same for all.
	h["Cross-Origin-Resource-Policy"] = []string{"cross-origin"}
	h["Access-Control-Allow-Origin"] = []string{"*"}
	// A picture opened by itself is a document of this site: nothing in it runs.
	h["Content-Security-Policy"] = []string{"default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"}
	h["Etag"] = []string{`"` + meta.Hash + `"`}
	http.ServeContent(w, req, "", time.Time{}, body)
}

// refuse answers that there is nothing, which nobody keeps: there may be, soon.
func refuse(w http.ResponseWriter, status int) {
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, http.StatusText(status), status)
}

// errNotRelayed is the error for a file that is not there to be sent.
var errNotRelayed = errors.New("not relayed")

// file opens the file of a key, after the fetch in flight if there is one.
func (r *Relay) file(req *http.Request, key string) (*metadata, content, error) {
	r.mu.RLock()
	f := r.files[key]
	r.mu.RUnlock()
	if f == nil {
		// A page from before the last start. The disk may have it.
		return r.cache.open(key)
	}
	t := time.NewTimer(maxWait)
	defer t.Stop()
	select {
	case <-f.fetched:
	case <-t.C:
		return nil, nil, errNotRelayed
	case <-req.Context().Done():
		return nil, nil, errNotRelayed
	}
	if f.state.Load() != ready {
		return nil, nil, errNotRelayed
	}
	return r.cache.open(key)
}

// content is a cached file's content.
type content interface {
	io.ReadSeeker
	io.Closer
}

// maxAge is how long a visitor's browser may keep a file.
func maxAge(m *metadata, now time.Time) time.Duration {
	return min(max(m.Expires.Sub(now), time.Hour), 24*time.Hour)
}
