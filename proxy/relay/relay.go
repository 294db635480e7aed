// Package relay fetches what pages show of third parties, pictures, styles,
// fonts, sound and film, so that visitors' browsers need not go there.
//
// A URL is fetched when a page is first seen to have it, and again when it has
// expired, never because a visitor asked: what the third party sees tells nothing
// of visits. Only what the gateway signed into a page is fetched, only from public
// addresses, and nothing of any visitor is passed on. Files are kept on disk
// within a limit.
//
// What is fetched may turn out to tell rather than to show: a picture of 2 pixels,
// or one that sets a cookie. Such a file is held, as is what its third party does
// not give to a gateway.
package relay

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lychgate/lychgate/internal/signedpath"
)

// Config says how a relay works.
type Config struct {
	// Paths makes the paths under which pages name files.
	Paths *signedpath.Signer
	// Dir is the folder of the cache; empty keeps files in memory only.
	Dir string
	// Dial connects to third parties; nil connects to public addresses only.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// Sheet rewrites what a style sheet loads. It is called by several goroutines.
	Sheet Sheet
	Log   *slog.Logger
}

// A Sheet rewrites css, a style sheet that came from url and is as many sheets
// deep in others as depth says, so that it loads relayed files, and returns the
// keys of those.
type Sheet func(url string, css []byte, depth int) (rewritten []byte, keys []string)

// A Relay fetches files, keeps them and sends them. Its methods may be called by
// several goroutines.
type Relay struct {
	paths  *signedpath.Signer
	client *http.Client
	cache  *cache
	sheet  Sheet
	log    *slog.Logger
	now    func() time.Time
	ctx    context.Context // ends with the gateway

	turned atomic.Int64

	mu    sync.RWMutex
	files map[string]*File // by key
	queue []*File          // to be fetched, guarded by mu
	busy  int              // workers, guarded by mu
	idle  chan struct{}    // closed when nothing is left to fetch; nil when idle
}

// Limits of the relay.
const (
	maxFiles     = 20_000           // remembered URLs; more are held
	maxWorkers   = 6                // fetches at a time
	maxDepth     = 4                // style sheets in style sheets
	maxKeyBytes  = 4096             // of a key
	maxWait      = 10 * time.Second // a visitor's wait for a fetch in flight
	forgetUnseen = 7 * 24 * time.Hour
)

// New returns a relay that fetches until ctx is done.
func New(ctx context.Context, c Config) *Relay {
	dial := c.Dial
	if dial == nil {
		dial = (&net.Dialer{Timeout: 10 * time.Second, Control: refusePrivate}).DialContext
	}
	return &Relay{
		paths: c.Paths, client: newClient(dial), cache: openCache(c.Dir, c.Log), sheet: c.Sheet,
		log: c.Log, now: time.Now, ctx: ctx, files: map[string]*File{},
	}
}

// Want returns the file of a key that a page has, and sees to its being fetched;
// nil when there are too many. depth is the number of style sheets around it. It
// allocates only for a new key.
func (r *Relay) Want(key []byte, depth int) *File {
	now := r.now().Unix()
	r.mu.RLock()
	f := r.files[string(key)]
	r.mu.RUnlock()
	if f == nil {
		if f = r.add(string(key), depth); f == nil {
			return nil
		}
	}
	if f.seen.Load() != now {
		f.seen.Store(now)
	}
	return f
}

// add remembers a new key and queues its first fetch.
func (r *Relay) add(key string, depth int) *File {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f := r.files[key]; f != nil {
		return f
	}
	if len(r.files) >= maxFiles || depth > maxDepth || len(key) > maxKeyBytes {
		return nil
	}
	f := &File{key: key, depth: depth, path: r.paths.Append(nil, []byte(key)), fetched: make(chan struct{})}
	f.seen.Store(r.now().Unix())
	r.files[key] = f
	r.enqueue(f)
	return f
}

// enqueue has a file fetched by one of the workers. r.mu is held.
func (r *Relay) enqueue(f *File) {
	if r.idle == nil {
		r.idle = make(chan struct{})
	}
	r.queue = append(r.queue, f)
	if r.busy < maxWorkers {
		r.busy++
		go r.work()
	}
}

// work fetches until the queue is empty or the gateway stops.
func (r *Relay) work() {
	for {
		r.mu.Lock()
		if len(r.queue) == 0 || r.ctx.Err() != nil {
			if r.busy--; r.busy == 0 && r.idle != nil {
				close(r.idle)
				r.idle = nil
			}
			r.mu.Unlock()
			return
		}
		f := r.queue[0]
		r.queue = r.queue[1:]
		r.mu.Unlock()
		r.bring(f)
	}
}

// Settled waits until nothing is left to fetch, or ctx is done.
func (r *Relay) Settled(ctx context.Context) {
	r.mu.RLock()
	idle := r.idle
	r.mu.RUnlock()
	if idle == nil {
		return
	}
	select {
	case <-idle:
	case <-ctx.Done():
	}
}

// Turned is the number of files so far that turned out to be held.
func (r *Relay) Turned() int64 { return r.turned.Load() }

// Health is the state of the relayed files.
type Health struct {
	// Files are the URLs remembered, Waiting those not fetched yet, Failed those
	// whose last fetch failed, Beacons those found to tell rather than show.
	Files, Waiting, Failed, Beacons int
	// Bytes are on the disk, about.
	Bytes int64
}

// Health looks at everything once.
func (r *Relay) Health() Health {
	var h Health
	r.mu.RLock()
	h.Files, h.Waiting = len(r.files), len(r.queue)
	for _, f := range r.files {
		switch f.state.Load() {
		case failed, refused:
			h.Failed++
		case beacon:
			h.Beacons++
		}
	}
	r.mu.RUnlock()
	r.cache.mu.Lock()
	h.Bytes = r.cache.bytes + r.cache.inMem
	r.cache.mu.Unlock()
	return h
}
