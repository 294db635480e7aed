package proxy

import (
	"bytes"
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lychgate/lychgate/consent"
	"github.com/lychgate/lychgate/proxy/rewrite"
)

// relayPath is where relayed files are.
const relayPath = consent.Prefix + "relay/"

// A relay fetches what pages show of third parties, pictures, styles, fonts,
// sound and film, so that the visitor's browser need not go there.
//
// It fetches a URL when a page is first seen to have it, and again when it has
// expired, never because a visitor asked: what the third party sees tells
// nothing of visits. It fetches only what the gateway signed into a page, only
// from public addresses, and passes on nothing of any visitor. Files are kept
// on disk within a limit.
type relay struct {
	signer *signer
	client *http.Client
	cache  *relayCache
	sheets *judge // what relayed style sheets may load in turn
	log    *slog.Logger
	now    func() time.Time
	ctx    context.Context // ends with the gateway

	turned atomic.Int64 // files so far that turned out to be held

	mu    sync.RWMutex
	files map[string]*relayFile // by key
	queue []*relayFile          // to be fetched, guarded by mu
	busy  int                   // workers, guarded by mu
	idle  chan struct{}         // closed when nothing is left to fetch; nil when idle
}

// Limits of the relay.
const (
	maxRelayFiles   = 20_000           // remembered URLs; more are held
	maxRelayWorkers = 6                // fetches at a time
	maxSheetDepth   = 4                // style sheets in style sheets
	relayWait       = 10 * time.Second // a visitor's wait for a fetch in flight
	relayForget     = 7 * 24 * time.Hour
)

// A relayFile is one URL with what is known of it. Its key is the letter of
// its kind and the URL, which is also what is signed.
type relayFile struct {
	key   string
	path  []byte // under which pages name it
	depth int    // of style sheets around it

	state atomic.Uint32 // relayPending ...
	seen  atomic.Int64  // Unix time in seconds, on a page
	ready chan struct{} // closed when the first fetch has ended

	mu     sync.Mutex
	meta   relayMeta
	failed int // fetches in a row
}

// The states of a relayFile.
const (
	relayPending uint32 = iota
	relayReady
	relayBeacon // it tells rather than shows, and is held
	relayFailed
	relayRefused // its third party does not give it to a gateway: held, so that a yes brings it
)

// relayKind is the letter for what a file is fetched as; false for what is
// never relayed.
func relayKind(d rewrite.Dest) (byte, bool) {
	switch d {
	case rewrite.Image:
		return 'i', true
	case rewrite.Style:
		return 's', true
	case rewrite.Font:
		return 'f', true
	case rewrite.Media:
		return 'm', true
	case rewrite.Script:
		return 'j', true
	}
	return 0, false
}

func (f *relayFile) kind() byte  { return f.key[0] }
func (f *relayFile) url() string { return f.key[1:] }

// newRelay returns a relay that keeps its files in dir. A nil dial connects to
// public addresses only.
func newRelay(ctx context.Context, s *signer, dir string, dial dialFunc, services []*service, log *slog.Logger) (*relay, error) {
	if dial == nil {
		dial = (&net.Dialer{Timeout: 10 * time.Second, Control: refusePrivate}).DialContext
	}
	sheets, err := newJudge(services, Site{})
	if err != nil {
		return nil, err
	}
	r := &relay{
		signer: s, client: relayClient(dial), cache: openRelayCache(dir, log), sheets: sheets,
		log: log, now: time.Now, ctx: ctx, files: map[string]*relayFile{},
	}
	sheets.relay = r
	return r, nil
}

// relayed is the path of the relayed target, or nil when it is to be held.
func (h *hearing) relayed(r *rewrite.Ref) []byte {
	kind, ok := relayKind(r.Dest)
	if h.j.relay == nil || !ok || (h.t.scheme != "http" && h.t.scheme != "https") {
		return nil
	}
	h.key = append(append(h.key[:0], kind), h.absolute()...)
	f := h.j.relay.want(h.key, h.depth)
	if f == nil {
		return nil
	}
	if state := f.state.Load(); state == relayBeacon || state == relayRefused {
		return nil
	}
	if i := bytes.IndexByte(r.URL, '#'); i >= 0 {
		h.url = append(append(h.url[:0], f.path...), r.URL[i:]...)
		return h.url
	}
	return f.path
}

// want returns the file of a key that a page has, and sees to its being
// fetched; nil when there are too many. It allocates only for a new key.
func (r *relay) want(key []byte, depth int) *relayFile {
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
func (r *relay) add(key string, depth int) *relayFile {
	r.mu.Lock()
	defer r.mu.Unlock()
	if f := r.files[key]; f != nil {
		return f
	}
	if len(r.files) >= maxRelayFiles || depth > maxSheetDepth || len(key) > 4096 {
		return nil
	}
	f := &relayFile{key: key, depth: depth, path: r.signer.appendPath(nil, []byte(key)), ready: make(chan struct{})}
	f.seen.Store(r.now().Unix())
	r.files[key] = f
	r.enqueue(f)
	return f
}

// enqueue has a file fetched by one of the workers. r.mu is held.
func (r *relay) enqueue(f *relayFile) {
	if r.idle == nil {
		r.idle = make(chan struct{})
	}
	r.queue = append(r.queue, f)
	if r.busy < maxRelayWorkers {
		r.busy++
		go r.work()
	}
}

// work fetches until the queue is empty or the gateway stops.
func (r *relay) work() {
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

// settled waits until nothing is left to fetch, or ctx is done.
func (r *relay) settled(ctx context.Context) {
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
