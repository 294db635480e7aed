package dashboard

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"mime"
	"net/http"
	"path"
	"strings"
)

//go:embed assets
var assetFiles embed.FS

const assetURL = adminURL + "assets/"

// An assetSet is the files of our own, each served under a name that holds its
// hash, so that browsers may keep it for ever.
type assetSet struct {
	byPath map[string]asset
	paths  map[string]string // by file name
}

type asset struct {
	kind      string
	plain, gz []byte
}

func readAssets() (*assetSet, error) {
	s := &assetSet{map[string]asset{}, map[string]string{}}
	files, err := assetFiles.ReadDir("assets")
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		data, err := assetFiles.ReadFile("assets/" + f.Name())
		if err != nil {
			return nil, err
		}
		gz, err := gzipped(data)
		if err != nil {
			return nil, fmt.Errorf("compress %s: %w", f.Name(), err)
		}
		sum, ext := sha256.Sum256(data), path.Ext(f.Name())
		p := assetURL + strings.TrimSuffix(f.Name(), ext) + "-" + hex.EncodeToString(sum[:6]) + ext
		s.paths[f.Name()] = p
		s.byPath[p] = asset{mime.TypeByExtension(ext), data, gz}
	}
	return s, nil
}

func gzipped(data []byte) ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil, err
	}
	if _, err := z.Write(data); err != nil {
		return nil, err
	}
	err = z.Close()
	return b.Bytes(), err
}

// path is the address of the file called name.
func (s *assetSet) path(name string) string { return s.paths[name] }

// text is the content of the file called name.
func (s *assetSet) text(name string) string { return string(s.byPath[s.paths[name]].plain) }

func (s *assetSet) serveHTTP(w http.ResponseWriter, r *http.Request) {
	a, ok := s.byPath[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Content-Type", a.kind)
	h.Set("Vary", "Accept-Encoding")
	body := a.plain
	if acceptsGzip(r) {
		h.Set("Content-Encoding", "gzip")
		body = a.gz
	}
	w.Write(body) //nolint:errcheck // the browser has gone: nobody to tell
}
