package proxy

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/lychgate/lychgate/proxy/rewrite"
)

// relayAgent is what third parties see as the browser. Some send other fonts
// to browsers they do not know, so it reads like a common one.
const relayAgent = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/144.0.0.0 Safari/537.36 (lychgate relay)"

// A relayRule says what a kind of file may be.
type relayRule struct {
	accept   string
	maxBytes int64
	timeout  time.Duration
}

func relayRuleOf(kind byte) relayRule {
	switch kind {
	case 's':
		return relayRule{"text/css,*/*;q=0.1", 4 << 20, 20 * time.Second}
	case 'f':
		return relayRule{"*/*", 8 << 20, 20 * time.Second}
	case 'm':
		return relayRule{"*/*", 64 << 20, 2 * time.Minute}
	case 'j':
		return relayRule{"*/*", 8 << 20, 20 * time.Second}
	}
	return relayRule{"image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8", 16 << 20, 30 * time.Second}
}

// relayType is the content type that a file of a kind is sent with, from the
// one it came with; empty when the kind does not allow it.
func relayType(kind byte, header string) string {
	media, params, err := mime.ParseMediaType(header)
	if err != nil && media == "" {
		return ""
	}
	switch kind {
	case 'i':
		if strings.HasPrefix(media, "image/") {
			return media
		}
	case 's':
		if media == "text/css" {
			if c := params["charset"]; c != "" {
				return mime.FormatMediaType(media, map[string]string{"charset": c})
			}
			return media
		}
	case 'f':
		if strings.HasPrefix(media, "font/") || strings.HasPrefix(media, "application/font-") || strings.HasPrefix(media, "application/x-font-") ||
			media == "application/vnd.ms-fontobject" || media == "application/octet-stream" || media == "binary/octet-stream" {
			return media
		}
	case 'm':
		if strings.HasPrefix(media, "audio/") || strings.HasPrefix(media, "video/") || media == "text/vtt" || media == "application/ogg" {
			return media
		}
	case 'j':
		switch media {
		case "text/javascript", "application/javascript", "application/x-javascript", "text/ecmascript", "application/ecmascript":
			return "text/javascript; charset=utf-8"
		}
	}
	return ""
}

// bring gets a file from the disk or from its third party. It runs in a worker.
func (r *relay) bring(f *relayFile) {
	first := f.state.Load() == relayPending
	if first {
		if m, body, err := r.cache.read(f.key); err == nil {
			_ = body.Close() // only the line above it was needed
			f.mu.Lock()
			f.meta = *m
			f.mu.Unlock()
			r.settle(f, m)
			if m.Expires.After(r.now()) {
				close(f.ready)
				return
			}
		}
	}
	m, err := r.fetch(f)
	switch {
	case err == nil:
		f.mu.Lock()
		f.meta, f.failed = *m, 0
		f.mu.Unlock()
		r.settle(f, m)
	case f.state.Load() != relayReady:
		r.fail(f, err)
		fallthrough
	default:
		// Until the next try an older file goes on being sent.
		f.mu.Lock()
		f.failed++
		pause := retryFetch(f.failed, err)
		f.meta.Expires = r.now().Add(pause)
		news := f.failed == 1 || pause == maxRetryFetch
		f.mu.Unlock()
		if news {
			r.log.Info("relay: a file cannot be fetched", "host", hostOfURL(f.url()), "err", withoutURL(err))
		}
	}
	if first {
		close(f.ready)
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
func (r *relay) fail(f *relayFile, err error) {
	if !errors.Is(err, errRefused) {
		f.state.CompareAndSwap(relayPending, relayFailed)
	} else if f.state.Swap(relayRefused) != relayRefused {
		r.turned.Add(1)
	}
}

// settle notes what became of a file and wants what it loads in turn.
func (r *relay) settle(f *relayFile, m *relayMeta) {
	for _, child := range m.Children {
		r.want([]byte(child), f.depth+1)
	}
	if m.Beacon {
		if f.state.Swap(relayBeacon) != relayBeacon {
			r.turned.Add(1)
		}
		return
	}
	f.state.Store(relayReady)
}

// fetch asks the third party and keeps the answer.
func (r *relay) fetch(f *relayFile) (*relayMeta, error) {
	rule := relayRuleOf(f.kind())
	ctx, cancel := context.WithTimeout(r.ctx, rule.timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url(), http.NoBody)
	if err != nil {
		return nil, err
	}
	req.URL.User = nil
	req.Header = http.Header{"User-Agent": {relayAgent}, "Accept": {rule.accept}}
	f.mu.Lock()
	old := f.meta
	f.mu.Unlock()
	if !r.cache.holds(f.key) {
		old = relayMeta{} // "unchanged" would bring back nothing
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
	if f.kind() == 'i' && tells(resp) {
		return r.keep(&relayMeta{Key: f.key, Beacon: true, Expires: r.now().Add(24 * time.Hour)}, nil)
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
func (r *relay) take(f *relayFile, resp *http.Response, body []byte) (*relayMeta, error) {
	m := &relayMeta{
		Key: f.key, Type: relayType(f.kind(), resp.Header.Get("Content-Type")),
		ETag: resp.Header.Get("Etag"), Modified: resp.Header.Get("Last-Modified"), Expires: relayExpiry(resp.Header, r.now()),
	}
	if m.Type == "" {
		return nil, fmt.Errorf("type %q is not relayed: %w", resp.Header.Get("Content-Type"), errRefused)
	}
	switch {
	case m.Type == "image/svg+xml":
		if err := checkSVG(body); err != nil {
			return nil, fmt.Errorf("%w: %w", err, errRefused)
		}
	case f.kind() == 'i' && tiny(body):
		return r.keep(&relayMeta{Key: f.key, Beacon: true, Expires: r.now().Add(24 * time.Hour)}, nil)
	case f.kind() == 's':
		// What a style sheet names is relative to where it really came from.
		body, m.Children = r.sheet(f, resp.Request.URL.String(), body)
	}
	sum := sha256.Sum256(body)
	m.Hash = hex.EncodeToString(sum[:16])
	return r.keep(m, body)
}

func (r *relay) keep(m *relayMeta, body []byte) (*relayMeta, error) {
	if err := r.cache.put(m, body); err != nil {
		return nil, err
	}
	return m, nil
}

// extend keeps an unchanged file longer.
func (r *relay) extend(old *relayMeta, h http.Header) (*relayMeta, error) {
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
	m.Expires = relayExpiry(h, r.now())
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

// relayExpiry is until when a file counts as fresh: what the third party says,
// but at least an hour and at most 30 days.
func relayExpiry(h http.Header, now time.Time) time.Time {
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

// A sheet judges what a relayed style sheet loads: it is all relayed, as the
// sheet itself is, but for trackers.
type sheet struct {
	*hearing
	base     []byte
	children []string
}

// URL resolves against the sheet, not the page.
func (s *sheet) URL(ref *rewrite.Ref) rewrite.Verdict {
	ref.Base = s.base
	v := s.hearing.URL(ref)
	if v.Action == rewrite.Replace {
		s.children = append(s.children, string(s.key))
	}
	return v
}

// sheet rewrites a style sheet that came from url.
func (r *relay) sheet(f *relayFile, url string, css []byte) ([]byte, []string) {
	s := &sheet{hearing: r.sheets.open("https", "", "/"), base: []byte(url)}
	s.depth = f.depth + 1
	defer s.close()
	return rewrite.AppendCSS(make([]byte, 0, len(css)+len(css)/4), css, s), s.children
}

// hostOfURL is all of a URL that a log may hold.
func hostOfURL(u string) string {
	var t target
	t.parse([]byte(u), "")
	return string(t.host)
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
