package proxy

import (
	"io"
	"sync"
)

// buffers lends empty byte slices with room for firstBuffer bytes at least. A
// slice that has grown beyond the longest page is not taken back, so that one odd
// page does not occupy memory for ever; nor is a smaller one, which was made
// elsewhere: whoever got it next would rely on its room.
type buffers struct{ pool sync.Pool }

const (
	firstBuffer = 64 << 10
	maxBuffer   = 2 * maxPage
)

func (b *buffers) get() *[]byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return p
	}
	p := make([]byte, 0, firstBuffer)
	return &p
}

func (b *buffers) put(p *[]byte) {
	if p == nil || cap(*p) < firstBuffer || cap(*p) > maxBuffer {
		return
	}
	*p = (*p)[:0]
	b.pool.Put(p)
}

// A bufferReader reads a lent buffer once and gives it back at its end.
type bufferReader struct {
	g   *Gateway
	buf *[]byte
	n   int
}

func (r *bufferReader) Read(p []byte) (int, error) {
	if r.buf == nil {
		return 0, io.EOF
	}
	n := copy(p, (*r.buf)[r.n:])
	if r.n += n; r.n == len(*r.buf) {
		r.g.buffers.put(r.buf)
		r.buf = nil
	}
	return n, nil
}
