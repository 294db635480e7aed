package dashboard

import (
	"strings"
	"testing"
	"time"

	"github.com/lychgate/lychgate/analytics"
)

func TestFooterTellsOfForgetting(t *testing.T) {
	for _, test := range []struct {
		name string
		r    analytics.Retention
		want string
		bad  bool
	}{
		{"another gateway keeps house", analytics.Retention{}, "", false},
		{"all is gone in time", analytics.Retention{LastPass: time.Now()}, "nothing was past its time", false},
		{"it may not delete", analytics.Retention{Late: 7, Err: "refused"}, "7 rows past their time could not be deleted: refused", true},
		{"two keep house", analytics.Retention{Others: []string{"4f2a"}}, "Set “housekeeping = true” on exactly one", true},
		{"the pass failed", analytics.Retention{Err: "no answer"}, "clearing-up failed: no answer", true},
	} {
		lines := housekeeping(test.r)
		if test.want == "" {
			if len(lines) != 0 {
				t.Errorf("%s: got %v", test.name, lines)
			}
			continue
		}
		if len(lines) != 1 || !strings.Contains(lines[0].Text, test.want) || lines[0].Bad != test.bad {
			t.Errorf("%s: got %v, want %q, bad %v", test.name, lines, test.want, test.bad)
		}
	}
	london, err := time.LoadLocation("Europe/London")
	if err != nil {
		t.Fatal(err)
	}
	hour := time.Date(2026, 7, 1, 10, 0, 0, 0, time.UTC)
	f := newFooter(analytics.Answer{Retention: analytics.Retention{OldestHour: hour, OldestDay: hour, NextDeletion: hour}}, Site{Location: london})
	if f.OldestHour != "1 July 2026, 11:00" || f.Oldest != "1 July 2026" || f.Next != "1 July 2026" {
		t.Errorf("got %+v", f)
	}
}
