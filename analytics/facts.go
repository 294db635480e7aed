package analytics

import (
	"strconv"
	"time"

	"github.com/lychgate/lychgate/banner"
)

// facts tells a visitor all that their counting cookie holds.
func (s *site) facts(v *visitor) []banner.Fact {
	last := "not yet"
	if v.LastDay != 0 {
		last = date(v.LastDay).Format("2 January 2006")
	}
	minute := func(m uint32) string {
		return time.Unix(int64(m)*60, 0).In(s.calendar.loc).Format("2 January 2006, 15:04")
	}
	facts := []banner.Fact{
		{Name: "Last day with a visit", Value: last},
		{Name: "This visit began", Value: minute(v.Start)},
		{Name: "Last page seen at", Value: minute(v.Last)},
		{Name: "Pages seen in this visit", Value: strconv.Itoa(int(v.Pages))},
		{Name: "First page of this visit", Value: v.Entry},
		{Name: "Last page seen", Value: v.Page},
		{Name: "Came by", Value: v.From.Channel.String()},
		{Name: "Came from", Value: v.From.Source},
		{Name: "Campaign", Value: v.From.Campaign},
	}
	if v.Spent > 0 {
		facts = append(facts, banner.Fact{Name: "Seconds counted for the last page", Value: strconv.Itoa(int(v.Spent))})
	}
	for i, f := range s.funnels {
		if taken := v.Funnels >> (i * funnelBits) & (1<<funnelBits - 1); taken > 0 {
			facts = append(facts, banner.Fact{Name: "Steps taken of " + f.Name, Value: strconv.Itoa(int(taken))})
		}
	}
	for i, g := range s.goals {
		if v.Goals&(1<<i) != 0 {
			facts = append(facts, banner.Fact{Name: "Reached in this visit", Value: g.Name})
		}
	}
	shown := facts[:0]
	for _, f := range facts {
		if f.Value != "" {
			shown = append(shown, f)
		}
	}
	return shown
}
