package dashboard

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/lychgate/lychgate/analytics"
)

// How long an answer may be shown again. What is over changes only by late sums
// and imports; what is running is not looked at for new numbers more often than
// that. The last half hour is never kept.
const (
	overLife    = 5 * time.Minute
	runningLife = 10 * time.Second
	maxAnswers  = 64
)

// answers keeps what was asked lately: a year's report is made of its months,
// and who looks at one period goes on to the next and back.
type answers struct {
	of   asker
	live func(site string, m analytics.Mode) analytics.Number

	mu   sync.Mutex
	kept map[string]keptAnswer
}

type keptAnswer struct {
	answer analytics.Answer
	until  time.Time
}

// ask answers q. Callers do not change what they get.
func (a *answers) ask(ctx context.Context, q analytics.Question) (analytics.Answer, error) {
	all, err := a.each(ctx, []analytics.Question{q})
	if err != nil {
		return analytics.Answer{}, err
	}
	return all[0], nil
}

// each answers several questions, those together that were not asked lately.
func (a *answers) each(ctx context.Context, questions []analytics.Question) ([]analytics.Answer, error) {
	all, keys := make([]analytics.Answer, len(questions)), make([]string, len(questions))
	var asked []analytics.Question
	var places []int
	now := time.Now()
	for i, q := range questions {
		text, err := json.Marshal(q)
		if err != nil {
			return nil, fmt.Errorf("query %s: %w", q.Site, err)
		}
		keys[i] = string(text)
		a.mu.Lock()
		k, ok := a.kept[keys[i]]
		a.mu.Unlock()
		if ok && now.Before(k.until) {
			all[i] = k.answer
			all[i].Live = a.live(q.Site, q.Mode)
			continue
		}
		asked, places = append(asked, q), append(places, i)
	}
	if len(asked) == 0 {
		return all, nil
	}
	fresh, err := a.of(ctx, asked)
	if err != nil {
		return nil, fmt.Errorf("query %s: %w", asked[0].Site, err)
	}
	for n, i := range places {
		all[i] = fresh[n]
		life := overLife
		if questions[i].To.After(now.Add(-36 * time.Hour)) { // today somewhere on Earth
			life = runningLife
		}
		if fresh[n].Health.StoreOpen {
			a.keep(keys[i], keptAnswer{fresh[n], now.Add(life)}, now)
		}
	}
	return all, nil
}

func (a *answers) keep(key string, k keptAnswer, now time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.kept == nil {
		a.kept = map[string]keptAnswer{}
	}
	for old, x := range a.kept {
		if len(a.kept) >= maxAnswers || !now.Before(x.until) {
			delete(a.kept, old)
		}
	}
	a.kept[key] = k
}
