package proxy

import (
	"io"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// Levels at which answers are compressed while the visitor waits: the cheapest
// that still make a page no longer than the site's own gzip would.
const (
	gzipLevel   = 6
	brotliLevel = 4
)

// An encoder compresses one body. Flush makes what was written readable.
type encoder interface {
	io.WriteCloser
	Flush() error
	Reset(io.Writer)
}

// encoders lends encoders, whose tables are too dear to make for each page.
type encoders struct{ pools [codings]sync.Pool }

// get lends the encoder of c that writes to w; c is not identity.
func (e *encoders) get(c coding, w io.Writer) encoder {
	if enc, ok := e.pools[c].Get().(encoder); ok {
		enc.Reset(w)
		return enc
	}
	switch c {
	case brotlied:
		return brotli.NewWriterLevel(w, brotliLevel)
	case zstandard:
		z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(maxPage))
		if err != nil {
			panic(err) // only wrong options fail, and these are constant
		}
		return z
	}
	z, err := gzip.NewWriterLevel(w, gzipLevel)
	if err != nil {
		panic(err)
	}
	return z
}

// put takes an encoder back. It keeps nothing of what it wrote to.
func (e *encoders) put(c coding, enc encoder) {
	enc.Reset(io.Discard)
	e.pools[c].Put(enc)
}
