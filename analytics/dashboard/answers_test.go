package dashboard

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lychgate/lychgate/analytics"
)

func TestAnswersAreKeptForAWhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked, live := 0, int64(0)
		a := &answers{
			of: func(_ context.Context, questions []analytics.Question) (all []analytics.Answer, err error) {
				for _, q := range questions {
					asked++
					if q.Site == "broken.example" {
						err = errors.New("no")
					}
					all = append(all, analytics.Answer{Site: q.Site, Mode: q.Mode, Health: analytics.Health{StoreOpen: q.Site != "away.example"}})
				}
				return all, err
			},
			live: func(string, analytics.Mode) analytics.Number { live++; return analytics.Number{N: live} },
		}
		now := time.Now().UTC()
		over := analytics.Question{Site: "a.example", From: now.AddDate(0, -2, 0), To: now.AddDate(0, -1, 0)}
		running := over
		running.To = now
		exact, one := over, over
		exact.Mode, one.Filter = analytics.Exact, &analytics.Filter{Dim: analytics.DimCountry, Value: "GB"}
		two := one
		two.Filter = &analytics.Filter{Dim: analytics.DimCountry, Value: "FR"}
		away, broken := over, over
		away.Site, broken.Site = "away.example", "broken.example"
		for _, step := range []struct {
			name string
			q    analytics.Question
			wait time.Duration
			want int // how often it was asked by then
		}{
			{"at first it is asked", over, 0, 1},
			{"then kept", over, overLife - time.Second, 1},
			{"for a time", over, 2 * time.Second, 2},
			{"for admins it is another", exact, 0, 3},
			{"and for a filter", one, 0, 4},
			{"and for its value", two, 0, 5},
			{"what is running", running, 0, 6},
			{"is kept for seconds", running, runningLife - time.Second, 6},
			{"and no longer", running, 2 * time.Second, 7},
			{"what cannot be answered", away, 0, 8},
			{"is asked again", away, 0, 9},
			{"an error", broken, 0, 10},
			{"too", broken, 0, 11},
		} {
			time.Sleep(step.wait)
			got, err := a.ask(t.Context(), step.q)
			if asked != step.want || (err != nil) != (step.q.Site == "broken.example") {
				t.Errorf("%s: asked %d times, want %d; %v", step.name, asked, step.want, err)
			}
			if err == nil && (got.Site != step.q.Site || got.Mode != step.q.Mode) {
				t.Errorf("%s: got the answer to another question", step.name)
			}
		}
		if first, _ := a.ask(t.Context(), running); first.Live.N == 0 {
			t.Error("the last half hour is kept")
		}
		for i := range 3 * maxAnswers {
			q := over
			q.From = q.From.AddDate(0, 0, -i)
			if _, err := a.ask(t.Context(), q); err != nil {
				t.Fatal(err)
			}
		}
		if len(a.kept) > maxAnswers {
			t.Errorf("%d answers are kept", len(a.kept))
		}
	})
}
