package relay

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// agent is what third parties see as the browser. Some send other fonts
// to browsers they do not know, so it reads like a common one.
const agent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/144.0.0.0 Safari/537.36 (lychgate relay)"

// bring gets a file from the disk or from its third party. It runs in a worker.
func (r *Relay) bring(f *File) {
	first := f.state.Load() == pending
	if first {
		if m, body, err := r.cache.read(f.key); err == nil {
			_ = body.Close() // only the line above it was needed
			f.mu.Lock()
			f.meta = *m
			f.mu.Unlock()
			r.settle(f, m)
			if m.Expires.After(r.now()) {
				close(f.fetched)
				return
			}
		}
	}
	m, err := r.fetch(f)
	switch {
	case err == nil:
		f.mu.Lock()
		f.meta, f.tries = *m, 0
		f.mu.Unlock()
		r.settle(f, m)
	case f.state.Load() != ready:
		r.fail(f, err)
		fallthrough
	default:
		// Until the next try an older file goes on being sent.
		f.mu.Lock()
		f.tries++
		pause := retryFetch(f.tries, err)
		f.meta.Expires = r.now().Add(pause)
		news := f.tries == 1 || pause == maxRetryFetch
		f.mu.Unlock()
		if news {
			r.log.Info("relay: a file cannot be fetched", "host", hostOfURL(f.url()), "err", withoutURL(err))
		}
	}
	if first {
		close(f.fetched)
	}
}

// maxRetryFetch is the longest pause between two tries of a file.
const maxRetryFetch = time.Hour

// retryFetch is the pause after the n-th try in a row that failed with err. A
// machine may start before its network does, so it is a minute at first.
func retryFetch(n int, err error) time.Duration {
	if errors.Is(err, errRefused) || n > 6 {
		return maxRetryFetch
	}
	return time.Minute << (n - 1)
}

// errRefused is the error for what is there, but not for a gateway, or not in a
// form that is relayed.
var errRefused = errors.New("not given")

// fail notes that a file that was never there could not be fetched.
func (r *Relay) fail(f *File, err error) {
	if !errors.Is(err, errRefused) {
		f.state.CompareAndSwap(pending, failed)
	} else if f.state.Swap(refused) != refused {
		r.turned.Add(1)
	}
}

// settle notes what became of a file and wants what it loads in turn.
func (r *Relay) settle(f *File, m *metadata) {
	for _, child := range m.Children {
		r.Want([]byte(child), f.depth+1)
	}
	if m.Beacon {
		if f.state.Swap(beacon) != beacon {
			r.turned.Add(1)
		}
		return
	}
	f.state.Store(ready)
}

// fetch asks the third party and keeps the answer.
func (r *Relay) fetch(f *File) (*metadata, error) {
	rule := ruleOf(f.kind())
	ctx, cancel := context.WithTimeout(r.ctx, rule.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url(), http.NoBody)
	if err != nil {
		return nil, err
	}
	req.URL.User = nil
	req.Header = http.Header{"User-Agent": {agent}, "Accept": {rule.accept}}
	f.mu.Lock()
	old := f.meta
	f.mu.Unlock()
	if !r.cache.holds(f.key) {
		old = metadata{} // "unchanged" would bring back nothing
	}
	if old.ETag != "" {
		req.Header["If-None-Match"] = []string{old.ETag}
	} else if old.Modified != "" {
		req.Header["If-Modified-Since"] = []string{old.Modified}
	}
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close() //nolint:errcheck // read only
	if resp.StatusCode == http.StatusNotModified && old.Hash != "" {
		return r.extend(&old, resp.Header)
	}
	if f.kind() == kindImage && tells(resp) {
		return r.keep(&metadata{Key: f.key, Beacon: true, Expires: r.now().Add(24 * time.Hour)}, nil)
	}
	switch s := resp.StatusCode; {
	case s == http.StatusOK:
	case s == http.StatusNotFound || s == http.StatusGone || s >= 500:
		return nil, fmt.Errorf("status %d", s)
	default:
		return nil, fmt.Errorf("status %d: %w", s, errRefused)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, rule.maxBytes+1))
	if err != nil {
		return nil, err
	}
	if int64(len(body)) > rule.maxBytes {
		return nil, fmt.Errorf("more than %d bytes: %w", rule.maxBytes, errRefused)
	}
	return r.take(f, resp, body)
}

// take checks a fetched body and keeps it.
func (r *Relay) take(f *File, resp *http.Response, body []byte) (*metadata, error) {
	m := &metadata{
		Key: f.key, Type: typeOf(f.kind(), resp.Header.Get("Content-Type")),
		ETag: resp.Header.Get("Etag"), Modified: resp.Header.Get("Last-Modified"), Expires: expiry(resp.Header, r.now()),
	}
	if m.Type == "" {
		return nil, fmt.Errorf("type %q is not relayed: %w", resp.Header.Get("Content-Type"), errRefused)
	}
	switch {
	case m.Type == "image/svg+xml":
		if err := checkSVG(body); err != nil {
			return nil, fmt.Errorf("%w: %w", err, errRefused)
		}
	case f.kind() == kindImage && tiny(body):
		return r.keep(&metadata{Key: f.key, Beacon: true, Expires: r.now().Add(24 * time.Hour)}, nil)
	case f.kind() == kindSheet:
		// What a style sheet names is relative to where it really came from.
		body, m.Children = r.sheet(resp.Request.URL.String(), body, f.depth+1)
	}
	sum := sha256.Sum256(body)
	m.Hash = hex.EncodeToString(sum[:16])
	return r.keep(m, body)
}

func (r *Relay) keep(m *metadata, body []byte) (*metadata, error) {
	if err := r.cache.put(m, body); err != nil {
		return nil, err
	}
	return m, nil
}

// extend keeps an unchanged file longer.
func (r *Relay) extend(old *metadata, h http.Header) (*metadata, error) {
	_, body, err := r.cache.read(old.Key)
	if err != nil {
		return nil, err
	}
	defer body.Close() //nolint:errcheck // read only
	data, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	m := *old
	m.Expires = expiry(h, r.now())
	return r.keep(&m, data)
}

// tells reports whether an answer is a message to its sender rather than a
// picture: it sets a cookie on the way, may not be kept, or has nothing to show.
func tells(resp *http.Response) bool {
	for hop := resp; hop != nil; hop = hop.Request.Response {
		if len(hop.Header["Set-Cookie"]) > 0 {
			return true
		}
	}
	return resp.StatusCode == http.StatusNoContent || strings.Contains(strings.ToLower(strings.Join(resp.Header["Cache-Control"], ",")), "no-store")
}

// expiry is until when a file counts as fresh: what the third party says,
// but at least an hour and at most 30 days.
func expiry(h http.Header, now time.Time) time.Time {
	life := 24 * time.Hour
	for part := range strings.SplitSeq(strings.ToLower(strings.Join(h["Cache-Control"], ",")), ",") {
		if v, ok := strings.CutPrefix(strings.TrimSpace(part), "max-age="); ok {
			if n, err := strconv.ParseInt(v, 10, 32); err == nil {
				life = time.Duration(n) * time.Second
			}
		}
	}
	return now.Add(min(max(life, time.Hour), 30*24*time.Hour))
}

// hostOfURL is all of a URL that a log may hold.
func hostOfURL(u string) string {
	parsed, err := url.Parse(u)
	if err != nil {
		return ""
	}
	return parsed.Host
}

// withoutURL is an error of the client without the URL in it, whose query is
// nobody's business.
func withoutURL(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil || !strings.Contains(err.Error(), "://") {
			return err
		}
		err = inner
	}
}
