package consent

import (
	"hash/maphash"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// What one network may put into the ledger. A network is up to 256 households or
// one mobile provider's door, so this is far above what its people decide, and
// keeps what a machine can make the ledger grow by to some megabytes a day. A no
// beyond it counts all the same; it is only not written down.
const (
	floodBurst = 500              // decisions at once
	floodEvery = 10 * time.Second // and one more each
	// floodNetworks bounds the memory. Beyond it all new networks share one account.
	floodNetworks = 1 << 16
)

// A flood keeps account of networks, in memory only, by a hash whose key ends
// with the program.
type flood struct {
	seed maphash.Seed

	mu       sync.Mutex
	networks map[uint64]allowance
	others   allowance
	swept    time.Time

	refused atomic.Int64 // decisions that were not to be written down
}

// An allowance is how many decisions are out, as of a moment.
type allowance struct {
	out float64
	at  time.Time
}

func newFlood() *flood {
	return &flood{seed: maphash.MakeSeed(), networks: map[uint64]allowance{}}
}

// take takes one decision, unless too many are out.
func (a *allowance) take(now time.Time) bool {
	a.out = max(0, a.out-float64(now.Sub(a.at))/float64(floodEvery))
	a.at = now
	if a.out+1 > floodBurst {
		return false
	}
	a.out++
	return true
}

// admits reports whether the network that r comes from may have one more
// decision recorded. This machine and its house are not limited: a proxy that
// nobody told us of may stand there, with everybody behind it.
func (f *flood) admits(r *http.Request) bool {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	network := from.Addr()
	if err != nil || network.IsLoopback() || network.IsPrivate() || network.IsLinkLocalUnicast() || network.IsUnspecified() {
		return true
	}
	now, key := time.Now(), maphash.Comparable(f.seed, network)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sweep(now)
	a, known := f.networks[key]
	if !known && len(f.networks) >= floodNetworks {
		return f.others.take(now)
	}
	ok := a.take(now)
	f.networks[key] = a
	return ok
}

// sweep forgets the networks whose decisions are all back. f.mu is held.
func (f *flood) sweep(now time.Time) {
	if now.Sub(f.swept) < time.Minute {
		return
	}
	f.swept = now
	for key, a := range f.networks {
		if now.Sub(a.at) > time.Duration(a.out*float64(floodEvery)) {
			delete(f.networks, key)
		}
	}
}
