package analytics

import (
	_ "embed"
	"fmt"
	"net/netip"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/klauspost/compress/zstd"
)

//go:generate go run gen_places.go gen_npm.go

// placesFile is DB-IP's free country database, CC BY 4.0, see gen_places.go.
//
//go:embed places.mmdb.zst
var placesFile []byte

//go:embed regions.txt
var regionsText string

// places hold the atlas in use: the owner's file, read again when it changes, or
// else the embedded one, unpacked when it is first needed.
type places struct {
	path  string // of the owner's file; empty: the embedded one
	atlas atomic.Pointer[atlas]
	once  sync.Once // the embedded one was unpacked

	mu    sync.Mutex
	mtime time.Time
	size  int64
	err   error // of the last try
}

// of finds the place of a network.
func (p *places) of(network netip.Addr) place {
	if p.path == "" {
		p.once.Do(p.unpack)
	}
	return p.atlas.Load().of(network)
}

func (p *places) unpack() {
	a, err := embeddedAtlas()
	if err == nil {
		p.atlas.Store(a)
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.err = fmt.Errorf("embedded places: %w", err)
}

// unpackedPlaces is somewhat more than the embedded database takes, in bytes.
const unpackedPlaces = 8 << 20

// embeddedAtlas is the embedded database, unpacked once for the whole program: it is
// half of all that stays in memory.
var embeddedAtlas = sync.OnceValues(func() (*atlas, error) {
	// All at once: unpacked piece by piece, a window of 8 MB would be kept beside.
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecodeAllCapLimit(true))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	b, err := z.DecodeAll(placesFile, fixedMemory(unpackedPlaces)[:0])
	if err != nil {
		return nil, fmt.Errorf("unpack them into %d bytes: %w", unpackedPlaces, err)
	}
	return newAtlas(b[:len(b):len(b)])
})

// refresh reads the owner's file, if it is new or has changed, and reports
// whether it did. A file that cannot be used leaves the places as they were.
func (p *places) refresh() (changed bool, err error) {
	if p.path == "" {
		return false, nil
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	defer func() { p.err = err }()
	info, err := os.Stat(p.path)
	if err != nil {
		return false, fmt.Errorf("places: %w", err)
	}
	if info.ModTime().Equal(p.mtime) && info.Size() == p.size {
		return false, p.err
	}
	p.mtime, p.size = info.ModTime(), info.Size()
	// The whole file is read: a mapped one that somebody overwrites would end
	// the process.
	b, err := os.ReadFile(p.path)
	if err != nil {
		return false, fmt.Errorf("places: %w", err)
	}
	a, err := newAtlas(b)
	if err == nil {
		err = a.check()
	}
	if err != nil {
		return false, fmt.Errorf("places %s: %w", p.path, err)
	}
	p.atlas.Store(a)
	return true, nil
}

// status is where places come from, and why they do not.
func (p *places) status() (PlaceSource, error) {
	if p.path == "" {
		p.once.Do(p.unpack)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if a := p.atlas.Load(); a != nil {
		return a.source, p.err
	}
	return PlaceSource{}, p.err
}
