package analytics

import (
	"hash/maphash"
	"sync"
)

// recentSeconds is how long a counting cookie that was used is remembered.
const recentSeconds = 120

// maxRecent bounds what is remembered. Beyond it the older half is forgotten.
const maxRecent = 1 << 14

// recent remembers, for two minutes and in memory alone, which counting cookies
// were used and the state that they led to. Two tabs opened at once send the
// same cookie twice: the second goes on from where the first led, so that they
// are one visit. Cookies are known by a hash with a key of this process.
type recent struct {
	seed  maphash.Seed
	mu    sync.Mutex
	young map[uint64]usedState
	old   map[uint64]usedState
	born  int64 // when young began, seconds since 1970
}

type usedState struct {
	next visitor
	used int64 // seconds since 1970
}

func newRecent() *recent {
	return &recent{seed: maphash.MakeSeed(), young: map[uint64]usedState{}}
}

// advance runs step from the state that cookie stands for at now, and remembers
// where it led.
func (c *recent) advance(cookie string, old visitor, now int64, v view) (visitor, effects) {
	if cookie == "" {
		return step(old, v)
	}
	hash := maphash.String(c.seed, cookie)
	c.mu.Lock()
	defer c.mu.Unlock()
	if used, ok := c.lookup(hash, now); ok {
		old = used.next
	}
	next, e := step(old, v)
	c.rotate(now)
	c.young[hash] = usedState{next: next, used: now}
	return next, e
}

func (c *recent) lookup(hash uint64, now int64) (usedState, bool) {
	used, ok := c.young[hash]
	if !ok {
		used, ok = c.old[hash]
	}
	return used, ok && now-used.used < recentSeconds && now >= used.used
}

func (c *recent) rotate(now int64) {
	if now-c.born < recentSeconds && now >= c.born && len(c.young) < maxRecent/2 {
		return
	}
	c.old, c.young, c.born = c.young, map[uint64]usedState{}, now
}
