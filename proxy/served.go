package proxy

import (
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"sync/atomic"
)

// A servedFolder is what visitors get of a folder while it is exchanged. Many
// builders of websites delete their output and make it anew, and some owners
// point a link from the old version to the new one. An opened folder would go on
// as the one that was thrown away, and every page be missing.
type servedFolder struct {
	dir     string
	private []string
	log     *slog.Logger
	opened  atomic.Pointer[folder]
	away    atomic.Bool
}

func serveFolder(dir string, private []string, log *slog.Logger) (*servedFolder, error) {
	first, err := openFolder(dir, private)
	if err != nil {
		return nil, err
	}
	s := &servedFolder{dir: dir, private: private, log: log}
	s.opened.Store(first)
	return s, nil
}

// fetch answers from the folder that has the name now. While there is none, the
// site is down rather than every page gone: search engines forget what is gone.
func (s *servedFolder) fetch(r *http.Request) (*answer, error) {
	f, err := s.current()
	if err != nil {
		if !s.away.Swap(true) {
			s.log.Error("the site's folder cannot be read", "err", err)
		}
		return nil, &upstreamError{status: http.StatusBadGateway, err: err}
	}
	if s.away.Load() && s.away.Swap(false) {
		s.log.Info("the site's folder is there again", "dir", s.dir)
	}
	return f.fetch(r)
}

// current is the folder that has the name now. The one before is not closed,
// since requests may be at it; it ends when nobody has it any more.
func (s *servedFolder) current() (*folder, error) {
	f := s.opened.Load()
	info, err := os.Stat(s.dir)
	if err != nil {
		return nil, fmt.Errorf("dir: %w", err)
	}
	if os.SameFile(info, f.info) {
		return f, nil
	}
	if f, err = openFolder(s.dir, s.private); err != nil {
		return nil, err
	}
	s.opened.Store(f)
	return f, nil
}
