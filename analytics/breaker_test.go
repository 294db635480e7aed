package analytics

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

func TestBreaker(t *testing.T) {
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	b := &breaker{now: func() time.Time { return now }}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	away := errors.New("i/o timeout")
	try := func(ctx context.Context, err error) bool {
		if b.allow() != nil {
			return false
		}
		b.note(ctx, err)
		return true
	}
	for _, step := range []struct {
		name  string
		pass  time.Duration
		ctx   context.Context
		err   error
		asked bool
	}{
		{"a failure", 0, t.Context(), away, true},
		{"an answer that is an error is an answer", 0, t.Context(), &clickhouse.Exception{Code: 60}, true},
		{"the first failure in a row", 0, t.Context(), away, true},
		{"whoever leaves tells nothing", 0, gone, context.Canceled, true},
		{"the second", 0, t.Context(), away, true},
		{"the third", 0, t.Context(), away, true},
		{"it is left alone", 0, t.Context(), nil, false},
		{"the pause is over", breakAtLeast, t.Context(), away, true},
		{"the next is longer", breakAtLeast / 2, t.Context(), nil, false},
		{"it is back", 2 * breakAtLeast, t.Context(), nil, true},
		{"and stays", 0, t.Context(), away, true},
		{"for two more failures", 0, t.Context(), away, true},
	} {
		now = now.Add(step.pass)
		if asked := try(step.ctx, step.err); asked != step.asked {
			t.Fatalf("%s: asked %v, want %v", step.name, asked, step.asked)
		}
	}
	for range 20 {
		now = now.Add(time.Hour)
		try(t.Context(), away)
	}
	if pause := b.until.Sub(now); pause > retryAtMost {
		t.Errorf("after many failures the pause is %v", pause)
	}
	now = now.Add(time.Hour)
	if b.allow() != nil || b.allow() == nil {
		t.Error("after the pause one call is let through, and no second before it ends")
	}
}
