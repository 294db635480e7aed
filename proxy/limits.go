package proxy

import (
	"cmp"
	"hash/maphash"
	"net/http"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// Limits say how much of the gateway one visitor, one network and one site may
// take. They are far above what people need and far below what would hurt the
// others. A zero field means its default.
type Limits struct {
	// HeaderTimeout is how long the head of a request may take. Default 10 seconds.
	HeaderTimeout time.Duration
	// IdleTimeout is how long a connection may lie idle. Default 2 minutes.
	IdleTimeout time.Duration
	// BodyGrace and AnswerGrace are how long a sender of a body and a reader of
	// an answer may pause; beyond that they must keep to MinRate bytes a second.
	// An honest upload over a bad line may take as long as it needs. Defaults 15
	// and 30 seconds, 1024 bytes.
	BodyGrace, AnswerGrace time.Duration
	MinRate                int
	// HeaderBytes and HeaderCount bound the head of a request. Defaults 32 KiB
	// and 100 fields.
	HeaderBytes, HeaderCount int
	// Streams is how many requests an HTTP/2 or HTTP/3 connection may have in
	// flight. Default 128.
	Streams int
	// Connections are those of one network at a time: up to 256 households, a
	// school, a mobile provider. Default 512.
	Connections int
	// Requests and Posts are how many a network may make each second, lasting;
	// for a moment ten and twenty times as many. Posts are those to lychgate
	// itself, such as decisions and sign-ins. Defaults 500 and 5.
	Requests, Posts int
	// UpstreamRequests are those a site's own server is given to work on at a
	// time; others wait. Default 512.
	UpstreamRequests int
	// UpstreamTimeout is how long that server may take to begin an answer.
	// Default 30 seconds.
	UpstreamTimeout time.Duration
}

// DefaultLimits are the limits where nothing else is said.
func DefaultLimits() Limits {
	return Limits{
		HeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		BodyGrace: 15 * time.Second, AnswerGrace: 30 * time.Second, MinRate: 1 << 10,
		HeaderBytes: 32 << 10, HeaderCount: 100, Streams: 128,
		Connections: 512, Requests: 500, Posts: 5,
		UpstreamRequests: 512, UpstreamTimeout: 30 * time.Second,
	}
}

// orDefaults fills in what is zero.
func (l Limits) orDefaults() Limits {
	d := DefaultLimits()
	for _, f := range []struct{ field, other *time.Duration }{
		{&l.HeaderTimeout, &d.HeaderTimeout},
		{&l.IdleTimeout, &d.IdleTimeout},
		{&l.BodyGrace, &d.BodyGrace},
		{&l.AnswerGrace, &d.AnswerGrace},
		{&l.UpstreamTimeout, &d.UpstreamTimeout},
	} {
		*f.field = cmp.Or(*f.field, *f.other)
	}
	for _, f := range []struct{ field, other *int }{
		{&l.MinRate, &d.MinRate},
		{&l.HeaderBytes, &d.HeaderBytes},
		{&l.HeaderCount, &d.HeaderCount},
		{&l.Streams, &d.Streams},
		{&l.Connections, &d.Connections},
		{&l.Requests, &d.Requests},
		{&l.Posts, &d.Posts},
		{&l.UpstreamRequests, &d.UpstreamRequests},
	} {
		*f.field = cmp.Or(*f.field, *f.other)
	}
	return l
}

// How many times its lasting rate a network may ask for at once.
const (
	requestBurst = 10
	postBurst    = 20
)

// A network of which more than maxMisuse connections were cut off for misuse,
// which it is forgiven at misuseRate a second, gets no new ones meanwhile.
const (
	maxMisuse  = 10
	misuseRate = 0.1
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
	limits Limits
	shards [16]limiterShard

	refusedConns, refusedRequests, cutConns atomic.Int64
}

type limiterShard struct {
	mu       sync.Mutex
	networks map[uint64]*account
	swept    time.Time
}

// An account is what a network has taken.
type account struct {
	conns                   int
	requests, posts, misuse allowedRate
}

// An allowedRate holds tokens that come back with time.
type allowedRate struct {
	used float64 // tokens out
	at   time.Time
}

// take takes n tokens, unless most are out. Tokens come back at rate a second.
func (b *allowedRate) take(now time.Time, n, rate, most float64) bool {
	if b.used > 0 {
		b.used = max(0, b.used-rate*now.Sub(b.at).Seconds())
	}
	b.at = now
	if b.used+n > most {
		return false
	}
	b.used += n
	return true
}

// give puts n tokens in. Those beyond the most there are stay until they are taken.
func (b *allowedRate) give(n int) { b.used -= float64(n) }

func newLimiter(limits Limits, now func() time.Time) *limiter {
	l := &limiter{limits: limits, seed: maphash.MakeSeed(), now: now}
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
const forgetAfter = 2 * time.Minute

func (s *limiterShard) sweep(now time.Time) {
	if now.Sub(s.swept) < forgetAfter {
		return
	}
	s.swept = now
	for key, a := range s.networks {
		if a.conns == 0 && now.Sub(a.requests.at) > forgetAfter && now.Sub(a.posts.at) > forgetAfter && now.Sub(a.misuse.at) > forgetAfter {
			delete(s.networks, key)
		}
	}
}

// connect reports whether a network may have one more connection. Every true
// is answered by disconnect.
func (l *limiter) connect(network netip.Addr) (ok bool) {
	l.with(network, func(a *account, now time.Time) {
		ok = a.conns < l.limits.Connections && a.misuse.take(now, 0, misuseRate, maxMisuse)
		if ok {
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
		requests, posts := float64(l.limits.Requests), float64(l.limits.Posts)
		ok = a.requests.take(now, 1, requests, requests*requestBurst) &&
			(!post || a.posts.take(now, 1, posts, posts*postBurst))
	})
	if !ok {
		l.refusedRequests.Add(1)
	}
	return ok
}

// misuse notes that a connection of a network was cut off for keeping the
// gateway busy with nothing.
func (l *limiter) misuse(network netip.Addr) {
	l.cutConns.Add(1)
	if isPrivate(network) {
		return
	}
	l.with(network, func(a *account, now time.Time) {
		a.misuse.take(now, 0, misuseRate, maxMisuse) // what was forgiven
		a.misuse.used++
	})
}

// Refused counts what was refused since the start because it took too much.
type Refused struct {
	// Connections were not let in; Cut were ended because their peers kept the
	// gateway busy with nothing.
	Connections, Cut int64
	// Requests were answered with "too many".
	Requests int64
}

// Refused is what was refused since the start. Nothing tells of whom.
func (g *Gateway) Refused() Refused {
	l := g.limiter
	return Refused{l.refusedConns.Load(), l.cutConns.Load(), l.refusedRequests.Load()}
}

// tooMany refuses a request of a network that asks too much.
func tooMany(w http.ResponseWriter) {
	w.Header()["Retry-After"] = []string{"5"}
	refuse(w, http.StatusTooManyRequests)
}

// tooManyFields reports a request with more header fields than anybody needs.
func (l *Limits) tooManyFields(h http.Header) bool {
	if len(h) > l.HeaderCount {
		return true
	}
	n := 0
	for _, values := range h {
		n += len(values)
	}
	return n > l.HeaderCount
}
