package consent

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lychgate/lychgate/internal/durable"
)

// A history keeps every policy that was ever in force, each in a file named by
// its version, so that an answer to an older one can still be judged, here and
// on every gateway that shares the folder, and when the ledger cannot be opened.
// The files are never changed: a name is the hash of what stands in it.
type history struct {
	dir string // empty: in memory only

	mu    sync.RWMutex
	known map[string]*policy
}

// policyDir is the folder of the lists, in the data folder, with one for each site.
const policyDir = "policies"

func newHistory(dir string) *history {
	return &history{dir: dir, known: map[string]*policy{}}
}

// add keeps p. The policy counts from then on even if it could not be written.
func (h *history) add(p *policy) error {
	h.mu.Lock()
	h.known[p.version] = p
	h.mu.Unlock()
	if h.dir == "" {
		return nil
	}
	if err := os.MkdirAll(h.dir, 0o700); err != nil {
		return fmt.Errorf("keep policy: %w", err)
	}
	path := h.path(p.version)
	if old, err := os.ReadFile(path); err == nil && slices.Equal(old, p.body) {
		return nil
	}
	if err := durable.Replace(path, p.body); err != nil {
		return fmt.Errorf("keep policy: %w", err)
	}
	return nil
}

func (h *history) path(version string) string { return filepath.Join(h.dir, version+".json") }

// find returns the policy with this version, or nil. The version may come from
// a stranger.
func (h *history) find(version string) *policy {
	h.mu.RLock()
	p := h.known[version]
	h.mu.RUnlock()
	if p != nil || h.dir == "" || !isVersion(version) {
		return p
	}
	body, err := os.ReadFile(h.path(version))
	if err != nil || versionOf(body) != version {
		return nil
	}
	if p, err = parsePolicy(body); err != nil {
		return nil
	}
	h.mu.Lock()
	h.known[version] = p
	h.mu.Unlock()
	return p
}

// since is when a version was first kept; zero when that is not known.
func (h *history) since(version string) time.Time {
	if h.dir == "" {
		return time.Time{}
	}
	info, err := os.Stat(h.path(version))
	if err != nil {
		return time.Time{}
	}
	return info.ModTime().UTC()
}

// isVersion reports whether s has the form of a policy's version, and so can
// be no path.
func isVersion(s string) bool {
	if len(s) != 16 {
		return false
	}
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// recent returns up to n policies whose forms may still be on visitors' screens,
// the ones last kept first.
func (h *history) recent(n int) ([]*policy, error) {
	if h.dir == "" {
		h.mu.RLock()
		defer h.mu.RUnlock()
		var all []*policy
		for _, p := range h.known {
			all = append(all, p)
		}
		return all[:min(n, len(all))], nil
	}
	entries, err := os.ReadDir(h.dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read policies: %w", err)
	}
	type dated struct {
		version string
		time    time.Time
	}
	var files []dated
	for _, e := range entries {
		version, ok := strings.CutSuffix(e.Name(), ".json")
		info, err := e.Info()
		if ok && err == nil {
			files = append(files, dated{version, info.ModTime()})
		}
	}
	slices.SortFunc(files, func(a, b dated) int { return b.time.Compare(a.time) })
	var all []*policy
	for _, f := range files[:min(n, len(files))] {
		if p := h.find(f.version); p != nil {
			all = append(all, p)
		}
	}
	return all, nil
}
