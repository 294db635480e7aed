package proxy

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"strconv"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"

	"github.com/lychgate/lychgate/analytics"
	"github.com/lychgate/lychgate/consent"
)

// assetsPath is where lychgate's own scripts and styles are. A name holds the
// hash of what it names, so that an answer never goes out of date.
const assetsPath = consent.Prefix + "assets/"

// assets are lychgate's own files, made at the start.
type assets struct {
	guard   string // the guard's path
	captcha string // that of the note in the place of a held check
	beacon  string // the element that loads the optional script
	files   map[string]*asset
}

// An asset is one file in the codings it is served in.
type asset struct {
	contentType string
	integrity   string                          // "sha256-..." for an integrity attribute, and a policy
	body        [codings]func() ([]byte, error) // nil: not in this coding
}

func newAssets(services []*service) (assets, error) {
	a := assets{files: map[string]*asset{}}
	guard, err := newGuard(services)
	if err != nil {
		return assets{}, err
	}
	a.guard = a.add("guard", ".js", "text/javascript; charset=utf-8", guard)
	a.captcha = a.add("captcha", ".js", "text/javascript; charset=utf-8", []byte(captchaSource))
	beacon := a.add("beacon", ".js", "text/javascript; charset=utf-8", analytics.Beacon())
	a.beacon = `<script async="" src="` + beacon + `"></script>`
	return a, nil
}

// assetWindow is the logarithm of how far back brotli looks in an asset: 64 KB, more
// than any has.
const assetWindow = 16

// add takes in a file and returns its path.
func (a *assets) add(name, ext, contentType string, body []byte) string {
	sum := sha256.Sum256(body)
	path := assetsPath + name + "-" + hex.EncodeToString(sum[:6]) + ext
	f := &asset{contentType: contentType, integrity: "sha256-" + base64.StdEncoding.EncodeToString(sum[:])}
	f.body[identity] = func() ([]byte, error) { return body, nil }
	f.body[brotlied] = compressed(body, func(w io.Writer) (io.WriteCloser, error) {
		// With its usual window the best level takes tens of megabytes of tables.
		return brotli.NewWriterOptions(w, brotli.WriterOptions{Quality: brotli.BestCompression, LGWin: assetWindow}), nil
	})
	f.body[gzipped] = compressed(body, func(w io.Writer) (io.WriteCloser, error) {
		return gzip.NewWriterLevel(w, gzip.BestCompression)
	})
	a.files[path] = f
	return path
}

// compressed returns body as coder writes it. It is made when it is first asked for:
// the best level takes tens of milliseconds, for which no start shall wait.
func compressed(body []byte, coder func(io.Writer) (io.WriteCloser, error)) func() ([]byte, error) {
	return sync.OnceValues(func() ([]byte, error) {
		var out bytes.Buffer
		w, err := coder(&out)
		if err != nil {
			return nil, err
		}
		_, err = w.Write(body)
		err = errors.Join(err, w.Close())
		return out.Bytes(), err
	})
}

// serve answers for an asset. One of another version is gone: a page that asks
// for it is older than this program.
func (a *assets) serve(w http.ResponseWriter, r *http.Request) {
	f := a.files[r.URL.Path]
	if f == nil {
		refuse(w, http.StatusNotFound)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		refuse(w, http.StatusMethodNotAllowed)
		return
	}
	c := acceptedCoding(r.Header["Accept-Encoding"], brotlied, gzipped)
	body, err := f.body[c]()
	if err != nil {
		refuse(w, http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h["Content-Type"] = []string{f.contentType}
	h["Cache-Control"] = []string{"public, max-age=31536000, immutable"}
	h["Vary"] = []string{"Accept-Encoding"}
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	if c != identity {
		h["Content-Encoding"] = []string{c.String()}
	}
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodGet {
		_, _ = w.Write(body) // the visitor is gone if this fails
	}
}
