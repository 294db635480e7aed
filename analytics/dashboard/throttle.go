package dashboard

import (
	"sync"
	"time"
)

// A throttle slows down guessing. It counts tries by account and by network, in
// memory only: what is counted is gone at a restart, and a guesser gains ten
// tries by it.
type throttle struct {
	mu    sync.Mutex
	tries map[string]*tries
	swept time.Time // when old counts were last looked for
}

type tries struct {
	n    int
	next time.Time // no try is looked at before
	last time.Time
}

const (
	// freeTries are answered at once.
	freeTries = 10
	// forgiveAfter is how long after the last try the count begins anew.
	forgiveAfter = time.Hour
	// maxThrottled bounds the memory of the throttle. Beyond it newcomers share
	// one count, which slows an attacker with many networks and names.
	maxThrottled = 10_000
)

// A key of the throttle and the longest time it makes anybody wait. An account's
// is short, because anybody can make its owner wait; a network's is long.
type throttleKey struct {
	name string
	max  time.Duration
}

func accountKey(name string) throttleKey { return throttleKey{"account " + name, time.Minute} }
func networkKey(network string) throttleKey {
	return throttleKey{"network " + network, 15 * time.Minute}
}

// try counts one try under each key before it is known whether it is right, so
// that a hundred at the same moment are a hundred. It returns how long to wait
// before the next is looked at; this one must not be when that is not zero.
func (t *throttle) try(keys ...throttleKey) (wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	for _, k := range keys {
		wait = max(wait, t.entry(k, now).next.Sub(now))
	}
	if wait > 0 {
		return wait
	}
	for _, k := range keys {
		e := t.entry(k, now)
		e.n++
		e.last = now
		if over := e.n - freeTries; over >= 0 {
			e.next = now.Add(min(k.max, time.Second<<min(over, 20)))
		}
	}
	return 0
}

// right takes a try back that turned out to be right: all tries on the account
// are forgotten, and this one of the network, whose other guesses still count.
func (t *throttle) right(account, network throttleKey) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.tries, account.name)
	if e, ok := t.tries[network.name]; ok {
		e.n--
		if e.n < freeTries {
			e.next = time.Time{}
		}
	}
}

// entry returns the count of k, made anew when it is missing or old.
func (t *throttle) entry(k throttleKey, now time.Time) *tries {
	if t.tries == nil {
		t.tries = map[string]*tries{}
	}
	e, ok := t.tries[k.name]
	if ok && now.Sub(e.last) < forgiveAfter {
		return e
	}
	if !ok && len(t.tries) >= maxThrottled {
		t.sweep(now)
		if len(t.tries) >= maxThrottled {
			k.name = "everybody else"
			if e, ok := t.tries[k.name]; ok {
				return e
			}
		}
	}
	e = &tries{last: now}
	t.tries[k.name] = e
	return e
}

// sweep forgets old counts, at most once a minute: looking at all of them for
// every newcomer would be what a flood of newcomers is after.
func (t *throttle) sweep(now time.Time) {
	if now.Sub(t.swept) < time.Minute {
		return
	}
	t.swept = now
	for name, e := range t.tries {
		if now.Sub(e.last) >= forgiveAfter {
			delete(t.tries, name)
		}
	}
}
