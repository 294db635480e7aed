package analytics

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

const (
	// breakAfter is how many calls in a row a server may leave unanswered.
	breakAfter = 3
	// breakAtLeast is how long it is then left alone; each further call that fails
	// doubles it, up to retryAtMost.
	breakAtLeast = time.Second
)

// errResting says that a server was not asked, because it did not answer lately.
var errResting = errors.New("not asked: it did not answer lately")

// A breaker keeps callers from waiting, one after the other, for a server that
// does not answer: after breakAfter failures calls fail at once, and only one at
// a time is let through to see whether it is back. A nil one lets all through.
type breaker struct {
	now func() time.Time

	mu       sync.Mutex
	failures int       // in a row
	until    time.Time // no call before
	last     error
}

// allow fails while the server is left alone.
func (b *breaker) allow() error {
	if b == nil {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.failures < breakAfter {
		return nil
	}
	now := b.now()
	if now.Before(b.until) {
		return fmt.Errorf("%w: %w", errResting, b.last)
	}
	b.until = now.Add(storeTimeout) // the one call that sees whether it is back
	return nil
}

// note takes down how a call of ctx ended.
func (b *breaker) note(ctx context.Context, err error) {
	if b == nil || errors.Is(ctx.Err(), context.Canceled) {
		return // whoever asked has left; that tells nothing
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if x := (*clickhouse.Exception)(nil); err == nil || errors.As(err, &x) { // it answers
		b.failures = 0
		return
	}
	b.failures, b.last = b.failures+1, err
	if over := b.failures - breakAfter; over >= 0 {
		pause := min(breakAtLeast<<min(over, 10), retryAtMost)
		b.until = b.now().Add(pause/2 + rand.N(pause/2+1)) // several gateways do not ask in step
	}
}
