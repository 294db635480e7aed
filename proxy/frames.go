package proxy

import (
	"encoding/binary"
	"io"
	"net"
	"sync"
	"time"
)

// What an HTTP/2 connection may ask for nothing. Browsers send a handful of
// such frames; the tools of floods send thousands a second, each of which costs
// an answer, a stream or a table entry (CVE-2019-9511 to -9518, CVE-2023-44487,
// CVE-2024-24786, CVE-2025-8671).
const (
	maxResets  = 200  // streams taken back, by the peer or because of it, at once
	resetRate  = 20.0 // and a second, lasting
	maxEmpty   = 1000 // frames that carry nothing, and heads that make no request, at once
	emptyRate  = 50.0 // and a second, lasting
	smallData  = 64   // bytes; request bodies in smaller pieces carry nothing
	failedCost = 20   // resets that an answer costs which could not be delivered

	// A peer that has asked for as many answers as maxStalled and takes fewer
	// than stalledBytes within stalledFor holds them back on purpose.
	maxStalled   = 16
	stalledBytes = 16 << 10
	stalledFor   = 15 * time.Second
)

// HTTP/2 frame types and flags (RFC 9113 section 6).
const (
	frameData      = 0x0
	frameHeaders   = 0x1
	frameReset     = 0x3
	frameGoAway    = 0x7
	flagEndStream  = 0x1
	frameHeaderLen = 9

	errInternal    = 0x2
	errEnhanceCalm = 0xb
)

const clientPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// A frameHeader is what every frame begins with.
type frameHeader struct {
	length uint32
	kind   byte
	flags  byte
	stream uint32
}

// A frameReader finds the frames in a stream of bytes that comes in pieces. It
// keeps nothing of their payload but the first four bytes.
type frameReader struct {
	skip  int // bytes before the next header: a payload, or the preface
	head  [frameHeaderLen + 4]byte
	have  int
	frame func(frameHeader, [4]byte)
}

// read takes the next piece.
func (f *frameReader) read(p []byte) {
	for len(p) > 0 {
		if f.skip > 0 {
			n := min(f.skip, len(p))
			f.skip, p = f.skip-n, p[n:]
			continue
		}
		n := copy(f.head[f.have:f.wanted()], p)
		f.have, p = f.have+n, p[n:]
		if f.have < f.wanted() {
			continue
		}
		h := f.header()
		f.skip = int(h.length) - (f.have - frameHeaderLen)
		var first [4]byte
		copy(first[:], f.head[frameHeaderLen:f.have])
		f.have = 0
		f.frame(h, first)
	}
}

// wanted is how many bytes of the frame must be there to tell of it.
func (f *frameReader) wanted() int {
	if f.have < frameHeaderLen {
		return frameHeaderLen
	}
	return frameHeaderLen + min(4, int(f.header().length))
}

func (f *frameReader) header() frameHeader {
	return frameHeader{
		length: uint32(f.head[0])<<16 | uint32(f.head[1])<<8 | uint32(f.head[2]),
		kind:   f.head[3], flags: f.head[4],
		stream: binary.BigEndian.Uint32(f.head[5:]) &^ (1 << 31),
	}
}

// between reports whether a frame has ended and none has begun.
func (f *frameReader) between() bool { return f.skip == 0 && f.have == 0 }

// A frameGuard watches one HTTP/2 connection from between TLS and net/http and
// ends it, with a GOAWAY, when its peer keeps the server busy for nothing.
// net/http bounds what each of these costs, but not how often it is done.
type frameGuard struct {
	conn net.Conn // what GOAWAY is written to and what is closed
	now  func() time.Time
	cut  func() // told once, when the peer is cut off
	over sync.Once

	writing chan struct{} // one place: held while a piece is written, so that none is torn

	mu      sync.Mutex
	in, out frameReader
	resets  allowedRate
	empty   allowedRate
	last    uint32              // the highest stream the peer has opened
	begun   map[uint32]struct{} // answers begun and not ended
	sent    int                 // bytes of answers since stall was set
	stall   *time.Timer         // nil while few answers are begun
	expired bool                // the peer is cut off
	told    bool                // and was told
}

func newFrameGuard(conn net.Conn, now func() time.Time, cut func()) *frameGuard {
	g := &frameGuard{conn: conn, now: now, cut: cut, writing: make(chan struct{}, 1), begun: map[uint32]struct{}{}}
	g.in = frameReader{skip: len(clientPreface), frame: g.received}
	g.out = frameReader{frame: g.answered}
	return g
}

// read looks at what the peer sent. It reports whether the peer may go on.
func (g *frameGuard) read(p []byte) bool {
	g.mu.Lock()
	g.in.read(p)
	expired := g.expired
	g.mu.Unlock()
	if expired {
		g.goAway()
	}
	return !expired
}

// write sends what net/http answers. Of a peer that is cut off it sends the end
// of the frame that was begun, and the last word.
func (g *frameGuard) write(p []byte) (int, error) {
	g.writing <- struct{}{}
	defer func() { <-g.writing }()
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.expired {
		g.lastWord(p)
		return 0, errMisuse
	}
	g.mu.Unlock()
	n, err := g.conn.Write(p)
	g.mu.Lock()
	g.out.read(p[:n])
	return n, err
}

// received weighs one frame of the peer. g.mu is held.
func (g *frameGuard) received(h frameHeader, _ [4]byte) {
	switch h.kind {
	case frameData:
		if h.length < smallData && h.flags&flagEndStream == 0 {
			g.spend(&g.empty, 1)
		}
	case frameHeaders:
		g.last = max(g.last, h.stream)
		g.spend(&g.empty, 1) // comes back when it becomes a request
	case frameReset:
		g.end(h.stream)
		g.spend(&g.resets, 1)
	default:
		g.spend(&g.empty, 1)
	}
}

// answered weighs one frame of ours. g.mu is held.
func (g *frameGuard) answered(h frameHeader, first [4]byte) {
	ends := h.flags&flagEndStream != 0
	switch h.kind {
	case frameData:
		g.empty.give(2 + int(h.length>>10)) // it may be acknowledged that often
		g.sent += int(h.length)
	case frameHeaders:
		if !ends {
			g.begun[h.stream] = struct{}{}
			g.watch()
		}
	case frameReset: // it made us reset, or would not take the answer
		ends = true
		cost := 1
		if binary.BigEndian.Uint32(first[:]) == errInternal {
			cost = failedCost
		}
		g.spend(&g.resets, cost)
	default:
		return
	}
	if ends {
		g.end(h.stream)
	}
}

// request notes that a head became a request, which others account for.
func (g *frameGuard) request() {
	g.mu.Lock()
	g.empty.give(1)
	g.mu.Unlock()
}

// spend takes n of what the peer is allowed; one that has spent it all is cut off.
func (g *frameGuard) spend(b *allowedRate, n int) {
	rate, most := emptyRate, float64(maxEmpty)
	if b == &g.resets {
		rate, most = resetRate, maxResets
	}
	if !b.take(g.now(), float64(n), rate, most) {
		g.expired = true
	}
}

// end notes that a stream needs no answer any more.
func (g *frameGuard) end(stream uint32) {
	delete(g.begun, stream)
	if len(g.begun) < maxStalled && g.stall != nil {
		g.stall.Stop()
		g.stall = nil
	}
}

// watch begins to watch whether the peer takes its many answers.
func (g *frameGuard) watch() {
	if len(g.begun) >= maxStalled && g.stall == nil {
		g.sent = 0
		g.stall = time.AfterFunc(stalledFor, g.stalled)
	}
}

// stalled cuts off a peer that has taken next to nothing for too long.
func (g *frameGuard) stalled() {
	g.mu.Lock()
	still := g.stall != nil
	if still && g.sent >= stalledBytes {
		g.sent = 0
		g.stall.Reset(stalledFor)
		still = false
	}
	g.expired = g.expired || still
	g.mu.Unlock()
	if still {
		g.over.Do(g.cutOff) // whoever reads is told by the deadline
	}
}

// What a cut-off peer still sends is thrown away for a moment: closing at once
// would make its system drop our last word.
const (
	lingerFor   = 500 * time.Millisecond
	lingerBytes = 1 << 20
)

// goAway cuts the peer off and takes what it still sends.
func (g *frameGuard) goAway() {
	g.over.Do(func() {
		g.cutOff()
		_, _ = io.CopyN(io.Discard, g.conn, lingerBytes) // or until the deadline, or it hangs up
	})
}

// cutOff says the last word, now or when the frame that was begun has ended.
func (g *frameGuard) cutOff() {
	g.cut()
	_ = g.conn.SetDeadline(time.Now().Add(lingerFor)) // a connection that is gone tells by what comes next
	g.writing <- struct{}{}
	defer func() { <-g.writing }()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.stop()
	if g.out.between() {
		g.lastWord(nil)
	}
}

// lastWord says once why the connection ends (RFC 9113 section 6.8), after what
// p holds of a frame that was begun. g.mu is held.
func (g *frameGuard) lastWord(p []byte) {
	n := 0
	for ; n < len(p) && !g.out.between(); n++ {
		g.out.read(p[n : n+1])
	}
	if g.told || !g.out.between() {
		return
	}
	g.told = true
	f := [frameHeaderLen + 8]byte{2: 8, 3: frameGoAway}
	binary.BigEndian.PutUint32(f[frameHeaderLen:], g.last)
	binary.BigEndian.PutUint32(f[frameHeaderLen+4:], errEnhanceCalm)
	_, _ = g.conn.Write(append(p[:n:n], f[:]...)) // it hears it or not
}

// stop ends the watching. g.mu is held.
func (g *frameGuard) stop() {
	if g.stall != nil {
		g.stall.Stop()
		g.stall = nil
	}
}

// close ends the watching with the connection.
func (g *frameGuard) close() {
	g.mu.Lock()
	g.stop()
	g.mu.Unlock()
}
