package relay

import (
	"mime"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lychgate/lychgate/proxy/rewrite"
)

// A File is one URL with what is known of it. Its key is the letter of its kind
// and the URL, which is also what is signed.
type File struct {
	key   string
	path  []byte // under which pages name it
	depth int    // of style sheets around it

	state   atomic.Uint32 // pending ...
	seen    atomic.Int64  // Unix time in seconds, on a page
	fetched chan struct{} // closed when the first fetch has ended

	mu    sync.Mutex
	meta  metadata
	tries int // that failed in a row
}

// The states of a File.
const (
	pending uint32 = iota
	ready
	beacon // it tells rather than shows, and is held
	failed
	refused // its third party does not give it to a gateway: held, so that a yes brings it
)

// Path is where the relay sends the file. It is not to be changed.
func (f *File) Path() []byte { return f.path }

// Held reports whether the file turned out to be one that is held.
func (f *File) Held() bool {
	s := f.state.Load()
	return s == beacon || s == refused
}

func (f *File) kind() byte  { return f.key[0] }
func (f *File) url() string { return f.key[1:] }

// The letters of the kinds.
const (
	kindImage  = 'i'
	kindSheet  = 's'
	kindFont   = 'f'
	kindMedia  = 'm'
	kindScript = 'j'
)

// KindOf is the letter for what a file is fetched as; false for what is never
// relayed.
func KindOf(d rewrite.Dest) (letter byte, ok bool) {
	switch d {
	case rewrite.Image:
		return kindImage, true
	case rewrite.Style:
		return kindSheet, true
	case rewrite.Font:
		return kindFont, true
	case rewrite.Media:
		return kindMedia, true
	case rewrite.Script:
		return kindScript, true
	}
	return 0, false
}

// A rule says what a kind of file may be.
type rule struct {
	accept   string
	maxBytes int64
	timeout  time.Duration
}

func ruleOf(kind byte) rule {
	switch kind {
	case kindSheet:
		return rule{"text/css,*/*;q=0.1", 4 << 20, 20 * time.Second}
	case kindFont, kindScript:
		return rule{"*/*", 8 << 20, 20 * time.Second}
	case kindMedia:
		return rule{"*/*", 64 << 20, 2 * time.Minute}
	}
	return rule{"image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", 16 << 20, 30 * time.Second}
}

// typeOf is the content type that a file of a kind is sent with, from the one it
// came with; empty when the kind does not allow it.
func typeOf(kind byte, header string) string {
	t, params, err := mime.ParseMediaType(header)
	if err != nil && t == "" {
		return ""
	}
	switch kind {
	case kindImage:
		if strings.HasPrefix(t, "image/") {
			return t
		}
	case kindSheet:
		if t == "text/css" {
			if c := params["charset"]; c != "" {
				return mime.FormatMediaType(t, map[string]string{"charset": c})
			}
			return t
		}
	case kindFont:
		if strings.HasPrefix(t, "font/") || strings.HasPrefix(t, "application/font-") || strings.HasPrefix(t, "application/x-font-") ||
			t == "application/vnd.ms-fontobject" || t == "application/octet-stream" || t == "binary/octet-stream" {
			return t
		}
	case kindMedia:
		if strings.HasPrefix(t, "audio/") || strings.HasPrefix(t, "video/") || t == "text/vtt" || t == "application/ogg" {
			return t
		}
	case kindScript:
		switch t {
		case "text/javascript", "application/javascript", "application/x-javascript", "text/ecmascript", "application/ecmascript":
			return "text/javascript; charset=utf-8"
		}
	}
	return ""
}
