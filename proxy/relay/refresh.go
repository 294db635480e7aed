package relay

import (
	"context"
	"slices"
	"time"
)

// Run keeps what pages still show fresh, and forgets the rest, until ctx is
// done. A file is fetched again because its time has come, so the third party
// learns nothing of when anybody looked.
func (r *Relay) Run(ctx context.Context) {
	t := time.NewTicker(time.Minute)
	defer t.Stop()
	r.cache.forget(r.now().Add(-forgetWritten)) // a gateway may never run for a whole day
	for n := 1; ; n++ {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		r.refresh()
		if n%(24*60) == 0 {
			r.cache.forget(r.now().Add(-forgetWritten))
			r.refetchMissing()
		}
	}
}

// forgetWritten is the life of a file on disk that no page shows any more. A
// file in use is written again at least every 30 days.
const forgetWritten = 40 * 24 * time.Hour

// refetchMissing has the next refresh fetch what pages show and the cache had no
// room for.
func (r *Relay) refetchMissing() {
	for _, f := range r.known() {
		if f.state.Load() == ready && !r.cache.holds(f.key) {
			f.mu.Lock()
			f.meta.Expires = r.now()
			f.mu.Unlock()
		}
	}
}

// known are the files of this moment. Whoever goes through them must not hold
// r.mu for as long: every page waits for it.
func (r *Relay) known() []*File {
	r.mu.RLock()
	defer r.mu.RUnlock()
	files := make([]*File, 0, len(r.files))
	for _, f := range r.files {
		files = append(files, f)
	}
	return files
}

// refresh queues what has expired and drops what no page has shown for long.
func (r *Relay) refresh() {
	now := r.now()
	files := r.known()
	r.keepChildren(files)
	var forgotten, expired []*File
	for _, f := range files {
		switch {
		case f.state.Load() == pending:
		case now.Sub(time.Unix(f.seen.Load(), 0)) > forgetUnseen:
			forgotten = append(forgotten, f)
		case f.expired(now):
			expired = append(expired, f)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, f := range forgotten {
		delete(r.files, f.key)
	}
	for _, f := range expired {
		r.enqueue(f)
	}
}

// keepChildren marks what style sheets load as in use as long as the sheets are.
func (r *Relay) keepChildren(files []*File) {
	sheets := slices.DeleteFunc(slices.Clone(files), func(f *File) bool { return f.kind() != kindSheet })
	for range maxDepth {
		for _, f := range sheets {
			f.mu.Lock()
			children := f.meta.Children
			f.mu.Unlock()
			r.mu.RLock()
			for _, key := range children {
				if child := r.files[key]; child != nil && child.seen.Load() < f.seen.Load() {
					child.seen.Store(f.seen.Load())
				}
			}
			r.mu.RUnlock()
		}
	}
}

// expired reports whether a file is due, and puts it off for an hour, so that
// it is not queued twice.
func (f *File) expired(now time.Time) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.meta.Expires.After(now) {
		return false
	}
	f.meta.Expires = now.Add(time.Hour)
	return true
}
