package proxy

import (
	"context"
	"time"
)

// run keeps what pages still show fresh, and forgets the rest, until ctx is
// done. A file is fetched again because its time has come, so the third party
// learns nothing of when anybody looked.
func (r *relay) run(ctx context.Context) {
	t := time.NewTicker(time.Minute)
	defer t.Stop()
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		r.refresh()
		if n%(24*60) == 0 {
			r.cache.forget(r.now().Add(-forgetRelayed))
		}
	}
}

// forgetRelayed is the life of a file on disk that no page shows any more. A
// file in use is written again at least every 30 days.
const forgetRelayed = 40 * 24 * time.Hour

// refresh queues what has expired and drops what no page has shown for long.
func (r *relay) refresh() {
	now := r.now()
	r.mu.Lock()
	defer r.mu.Unlock()
	// What a style sheet loads is in use as long as the sheet is.
	for range maxSheetDepth {
		for _, f := range r.files {
			f.mu.Lock()
			children := f.meta.Children
			f.mu.Unlock()
			for _, key := range children {
				if child := r.files[key]; child != nil && child.seen.Load() < f.seen.Load() {
					child.seen.Store(f.seen.Load())
				}
			}
		}
	}
	for key, f := range r.files {
		if f.state.Load() == relayPending {
			continue
		}
		if now.Sub(time.Unix(f.seen.Load(), 0)) > relayForget {
			delete(r.files, key)
			continue
		}
		f.mu.Lock()
		expired := !f.meta.Expires.After(now)
		if expired {
			f.meta.Expires = now.Add(time.Hour) // not queued twice
		}
		f.mu.Unlock()
		if expired {
			r.enqueue(f)
		}
	}
}
