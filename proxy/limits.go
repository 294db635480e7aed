package proxy

import (
	"hash/maphash"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Limits of what one network may take. A network is up to 256 households, or a
// school or a mobile provider, so they are far above what its people need and
// far below what would hurt the others.
const (
	maxNetworkConns    = 512
	networkRequestRate = 500.0 // requests a second, lasting
	networkRequests    = 5000  // and at once
	networkPostRate    = 5.0   // of decisions and the like
	networkPosts       = 100
)

// isPrivate reports whether a network is this machine's or its house's: tests,
// and proxies in front that nobody told us of. Limiting those would limit
// everybody behind them.
func isPrivate(network netip.Addr) bool {
	return !network.IsValid() || network.IsUnspecified() || network.IsLoopback() || network.IsPrivate() || network.IsLinkLocalUnicast()
}

// A limiter keeps account of networks, in memory only, by a hash whose key ends
// with the program: nothing of it can be written down or compared later. It
// guards against disruptive use and serves nothing else.
type limiter struct {
	seed   maphash.Seed
	now    func() time.Time
	shards [16]limiterShard

	refusedConns, refusedRequests atomic.Int64
}

type limiterShard struct {
	mu       sync.Mutex
	networks map[uint64]*account
	swept    time.Time
}

// An account is what a network has taken.
type account struct {
	conns           int
	requests, posts allowedRate
}

// An allowedRate holds tokens that come back with time.
type allowedRate struct {
	used float64 // tokens out
	at   time.Time
}

// take takes a token, unless most are out. Tokens come back at rate a second.
func (b *allowedRate) take(now time.Time, rate, most float64) bool {
	b.used = max(0, b.used-rate*now.Sub(b.at).Seconds())
	b.at = now
	if b.used+1 > most {
		return false
	}
	b.used++
	return true
}

func newLimiter(now func() time.Time) *limiter {
	l := &limiter{seed: maphash.MakeSeed(), now: now}
	for i := range l.shards {
		l.shards[i].networks = map[uint64]*account{}
	}
	return l
}

// with runs f on the account of a network.
func (l *limiter) with(network netip.Addr, f func(a *account, now time.Time)) {
	now := l.now()
	key := maphash.Comparable(l.seed, network)
	s := &l.shards[key%uint64(len(l.shards))]
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep(now)
	a := s.networks[key]
	if a == nil {
		a = &account{}
		s.networks[key] = a
	}
	f(a, now)
}

// forgetAfter is when a network that asks for nothing is forgotten. By then all
// its tokens are back.
const forgetAfter = time.Minute

func (s *limiterShard) sweep(now time.Time) {
	if now.Sub(s.swept) < forgetAfter {
		return
	}
	s.swept = now
	for key, a := range s.networks {
		if a.conns == 0 && now.Sub(a.requests.at) > forgetAfter && now.Sub(a.posts.at) > forgetAfter {
			delete(s.networks, key)
		}
	}
}

// connect reports whether a network may have one more connection. Every true
// is answered by disconnect.
func (l *limiter) connect(network netip.Addr) (ok bool) {
	l.with(network, func(a *account, _ time.Time) {
		if ok = a.conns < maxNetworkConns; ok {
			a.conns++
		}
	})
	if !ok {
		l.refusedConns.Add(1)
	}
	return ok
}

func (l *limiter) disconnect(network netip.Addr) {
	l.with(network, func(a *account, _ time.Time) { a.conns-- })
}

// request reports whether a network may ask for one more thing. post says that
// it is a POST to lychgate itself, which costs more than a page.
func (l *limiter) request(network netip.Addr, post bool) (ok bool) {
	if isPrivate(network) {
		return true
	}
	l.with(network, func(a *account, now time.Time) {
		ok = a.requests.take(now, networkRequestRate, networkRequests) &&
			(!post || a.posts.take(now, networkPostRate, networkPosts))
	})
	if !ok {
		l.refusedRequests.Add(1)
	}
	return ok
}

// Refused is how many connections and requests were refused since the start,
// because their networks took too much.
func (g *Gateway) Refused() (connections, requests int64) {
	return g.limiter.refusedConns.Load(), g.limiter.refusedRequests.Load()
}

// tooMany refuses a request of a network that asks too much.
func tooMany(w http.ResponseWriter) {
	w.Header()["Retry-After"] = []string{"5"}
	refuse(w, http.StatusTooManyRequests)
}
