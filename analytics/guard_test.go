package analytics

import (
	"fmt"
	"sync"
	"testing"
)

func TestADayHasSoManyTextsAndNoMore(t *testing.T) {
	for d, g := range newGuards() {
		t.Run(string(d), func(t *testing.T) {
			limit := maxTextsPerDay
			if d == DimPage {
				limit = maxPagesPerDay
			}
			var all sync.WaitGroup
			for half := range 2 { // the same texts twice, at once
				all.Go(func() {
					for n := range limit {
						text := fmt.Sprint((n + half*limit/2) % limit)
						if got := g.name(1, text); got != text {
							t.Errorf("text %s of %d is counted as %s", text, limit, got)
						}
					}
				})
			}
			all.Wait()
			if got := g.name(1, "one more"); got != other {
				t.Errorf("one more is counted as %s", got)
			}
			if got := g.name(1, "7"); got != "7" {
				t.Errorf("what is known is counted as %s", got)
			}
			if got := g.name(1, ""); got != "" {
				t.Errorf("nothing is counted as %s", got)
			}
			if got := g.name(2, "one more"); got != "one more" {
				t.Errorf("the next day it is counted as %s", got)
			}
		})
	}
}
