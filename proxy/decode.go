package proxy

import (
	"bufio"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/flate"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// maxInflated is how many bytes a compressed page may become. The rest is cut
// off with the connection: no page is that long, but a bomb is.
const maxInflated = 64 << 20

// maxWindow is the most memory a zstd frame may ask for (RFC 8878 section
// 3.1.1.1.2 asks decoders for 8 MB).
const maxWindow = 8 << 20

// maxCodings is how many codings may lie on top of one another.
const maxCodings = 3

var (
	errUnknownCoding = errors.New("unknown content coding")
	errInflated      = errors.New("inflates beyond the limit")
)

// decoders lends decoders, whose windows are too dear to make for each page.
type decoders struct{ gzip, brotli, zstd sync.Pool }

// open undoes the Content-Encoding of a body. An empty one is no coding. For
// a coding no browser knows it returns errUnknownCoding and reads nothing. The
// caller closes the result, which leaves the body open.
func (ds *decoders) open(body io.Reader, encodings []string) (io.ReadCloser, error) {
	var codings []string
	for _, line := range encodings {
		for name := range strings.SplitSeq(line, ",") {
			if name = strings.ToLower(strings.TrimSpace(name)); name != "" && name != "identity" {
				codings = append(codings, name)
			}
		}
	}
	if len(codings) == 0 {
		return io.NopCloser(body), nil
	}
	if len(codings) > maxCodings {
		return nil, errUnknownCoding
	}
	for _, c := range codings {
		if !knownCodings[c] {
			return nil, fmt.Errorf("%w %q", errUnknownCoding, c)
		}
	}
	d := &decoder{pools: ds}
	for i := len(codings) - 1; i >= 0; i-- { // they were applied in the order listed
		r, err := d.open(body, codings[i])
		if err != nil {
			return nil, errors.Join(err, d.Close())
		}
		body = r
	}
	d.r = body
	return d, nil
}

var knownCodings = map[string]bool{"gzip": true, "x-gzip": true, "deflate": true, "br": true, "zstd": true}

// A decoder is a chain of decoders with a limit.
type decoder struct {
	pools *decoders
	r     io.Reader
	n     int64
	close []func() error
}

func (d *decoder) open(r io.Reader, coding string) (io.Reader, error) {
	switch coding {
	case "gzip", "x-gzip":
		return d.gunzip(r)
	case "br":
		z, ok := d.pools.brotli.Get().(*brotli.Reader)
		if !ok {
			z = brotli.NewReader(nil)
		}
		d.close = append(d.close, func() error { d.pools.brotli.Put(z); return nil })
		return z, z.Reset(r)
	case "zstd":
		return d.unzstd(r)
	}
	return d.deflate(r)
}

func (d *decoder) gunzip(r io.Reader) (io.Reader, error) {
	z, ok := d.pools.gzip.Get().(*gzip.Reader)
	if !ok {
		z = new(gzip.Reader)
	}
	d.close = append(d.close, func() error { d.pools.gzip.Put(z); return nil })
	return z, z.Reset(r)
}

func (d *decoder) unzstd(r io.Reader) (io.Reader, error) {
	z, ok := d.pools.zstd.Get().(*zstd.Decoder)
	if !ok {
		var err error
		z, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true))
		if err != nil {
			return nil, err
		}
	}
	d.close = append(d.close, func() error {
		err := z.Reset(nil) // lets go of the body
		d.pools.zstd.Put(z)
		return err
	})
	return z, z.Reset(r)
}

// deflate is zlib by the standard (RFC 9110 section 8.4.1.2) and bare deflate
// from some servers; browsers read both. A zlib header is told by its check.
func (d *decoder) deflate(r io.Reader) (io.Reader, error) {
	br := bufio.NewReader(r)
	head, err := br.Peek(2)
	if err == nil && head[0]&0x0f == 8 && (uint(head[0])<<8|uint(head[1]))%31 == 0 {
		z, err := zlib.NewReader(br)
		if err != nil {
			return nil, err
		}
		d.close = append(d.close, z.Close)
		return z, nil
	}
	z := flate.NewReader(br)
	d.close = append(d.close, z.Close)
	return z, nil
}

// Read reads decoded bytes up to the limit.
func (d *decoder) Read(p []byte) (int, error) {
	n, err := d.r.Read(p)
	if d.n += int64(n); d.n > maxInflated {
		return 0, errInflated
	}
	return n, err
}

// Close gives the decoders back. The body itself stays open.
func (d *decoder) Close() error {
	var err error
	for _, c := range d.close {
		err = errors.Join(err, c())
	}
	d.close = nil
	return err
}
