package rewrite

import (
	"encoding/binary"
	"errors"
	"io"
)

// A Writer rewrites a page that is too long to be held in memory, on its way to
// an underlying writer. The output is that of [Append], however the page is cut
// into writes, but for when [Options.Head] is called. It keeps at most one tag,
// script or style, and the text behind a </body>.
type Writer struct {
	w    io.Writer
	p    *page
	buf  []byte // input that is not done with
	seen int    // how much of buf was looked at in vain
	err  error

	order binary.ByteOrder // of a page in UTF-16, which is converted as it comes
	begun bool             // order is known
	part  []byte           // of the page, before it is converted
}

var errClosed = errors.New("rewrite: write to a closed Writer")

// NewWriter returns a Writer to w. It must be closed.
func NewWriter(w io.Writer, o *Options) *Writer {
	p := newPage(o)
	p.resetPlaces(false)
	return &Writer{w: w, p: p}
}

// Write takes the next part of the page. It keeps what it cannot yet decide on.
func (w *Writer) Write(b []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	if w.p == nil {
		return 0, errClosed
	}
	w.take(b, false)
	// A long token is looked at again only when it has grown by an eighth, so
	// that small writes do not cost the square of its length.
	if len(w.buf) < w.seen+w.seen/8 {
		return len(b), nil
	}
	if w.pass(false); w.err != nil {
		return 0, w.err
	}
	return len(b), nil
}

// Flush passes on everything that is decided.
func (w *Writer) Flush() error {
	if w.err == nil && w.p != nil && len(w.buf) != w.seen {
		w.pass(false)
	}
	return w.err
}

// Close ends the page. It does not close the underlying writer.
func (w *Writer) Close() error {
	if w.p == nil {
		return w.err
	}
	if w.err == nil {
		w.take(nil, true)
		w.pass(true)
	}
	w.p.free()
	w.p, w.buf = nil, nil
	return w.err
}

// take puts b behind the input, in UTF-8.
func (w *Writer) take(b []byte, last bool) {
	if w.begun && w.order == nil || !w.p.judging {
		w.buf = append(w.buf, b...)
		return
	}
	w.part = append(w.part, b...)
	if !w.begun {
		if len(w.part) < 4 && !last {
			return
		}
		w.begun = true
		mark := 0
		if w.order, mark = utf16Order(w.part); w.order == nil {
			w.buf, w.part = append(w.buf, w.part...), nil
			return
		}
		w.buf = append(w.buf, bom...)
		w.part = w.part[mark:]
	}
	n := 0
	w.buf, n = appendUTF8(w.buf, w.part, w.order, last)
	w.part = w.part[:copy(w.part, w.part[n:])]
}

// pass rewrites what is there and hands on all that is decided.
func (w *Writer) pass(last bool) {
	p := w.p
	n := p.run(w.buf, last)
	w.buf = w.buf[:copy(w.buf, w.buf[n:])]
	w.seen = len(w.buf)
	if p.endDue(0) {
		p.putEnd()
	}
	ready := len(p.out)
	if !last && !p.place.ended && p.place.endAt >= 0 {
		ready = p.place.endAt
		p.place.endAt = 0
	}
	if ready == 0 {
		return
	}
	if _, err := w.w.Write(p.out[:ready]); err != nil {
		w.err = err
		return
	}
	p.out = p.out[:copy(p.out, p.out[ready:])]
}
