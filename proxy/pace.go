package proxy

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"time"
)

// upstreamIdle is how long a site may pause between two pieces of an answer.
const upstreamIdle = time.Minute

// allowance is how long n bytes may take.
func (l *Limits) allowance(grace time.Duration, n int64) time.Duration {
	return grace + time.Duration(n/int64(l.MinRate))*time.Second
}

// A pacedBody is a request's body whose sender must keep to the pace.
type pacedBody struct {
	io.ReadCloser
	limits  *Limits
	rc      *http.ResponseController
	started time.Time
	n       int64
	done    bool
}

// paceBody puts the pace on r's body.
func (l *Limits) paceBody(w http.ResponseWriter, r *http.Request) {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return
	}
	r.Body = &pacedBody{ReadCloser: r.Body, limits: l, rc: http.NewResponseController(w), started: time.Now()}
}

// Read reads within the time that what was sent so far has earned.
func (b *pacedBody) Read(p []byte) (int, error) {
	if b.done {
		return b.ReadCloser.Read(p)
	}
	// A handler that cannot set deadlines is none of ours.
	_ = b.rc.SetReadDeadline(b.started.Add(b.limits.allowance(b.limits.BodyGrace, b.n)))
	n, err := b.ReadCloser.Read(p)
	b.n += int64(n)
	if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
		b.done = true
		// The deadline would otherwise end the wait for the answer: net/http goes
		// on reading to see whether the visitor leaves.
		_ = b.rc.SetReadDeadline(time.Time{})
	}
	return n, err
}

// awaitReader gives the visitor the time to read n bytes.
func (l *Limits) awaitReader(rc *http.ResponseController, n int64) {
	_ = rc.SetWriteDeadline(time.Now().Add(l.allowance(l.AnswerGrace, n))) // a writer without deadlines is none of ours
}

// forgetDeadlines takes off a connection what an earlier request of it left.
func forgetDeadlines(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor == 1 {
		_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
	}
}

// A watchedBody is an answer's body that gives up on a site that has fallen
// silent. While nobody reads, because the visitor is slow, nobody waits either.
type watchedBody struct {
	io.ReadCloser
	timer  *time.Timer // nil: the site may be silent for as long as it likes
	cancel context.CancelFunc
}

// watch returns body with the context it is read under, which ends with it.
// Where the site may not pause, it ends when a read takes upstreamIdle.
func watch(body io.ReadCloser, cancel context.CancelFunc, mayPause bool) io.ReadCloser {
	b := &watchedBody{ReadCloser: body, cancel: cancel}
	if !mayPause {
		b.timer = time.AfterFunc(upstreamIdle, cancel)
		b.timer.Stop()
	}
	return b
}

func (b *watchedBody) Read(p []byte) (int, error) {
	if b.timer != nil {
		b.timer.Reset(upstreamIdle)
		defer b.timer.Stop()
	}
	return b.ReadCloser.Read(p)
}

func (b *watchedBody) Close() error {
	err := b.ReadCloser.Close()
	b.cancel()
	return err
}
