package analytics

import (
	"fmt"
	"strconv"
	"time"

	"github.com/lychgate/lychgate/banner"
)

// facts tells a visitor all that their counting cookie holds.
func (s *site) facts(v *visitor) []banner.Fact {
	last := banner.TermFact("last_day", "never")
	if v.LastDay != 0 {
		last = banner.DayFact("last_day", date(v.LastDay))
	}
	minute := func(m uint32) time.Time { return time.Unix(int64(m)*60, 0).In(s.calendar.loc) }
	facts := []banner.Fact{
		last,
		banner.MinuteFact("visit_began", minute(v.Start)),
		banner.MinuteFact("last_seen", minute(v.Last)),
		banner.TextFact("pages", strconv.Itoa(int(v.Pages))),
	}
	text := func(name, value string) {
		if value != "" {
			facts = append(facts, banner.TextFact(name, value))
		}
	}
	text("first_page", v.Entry)
	text("last_page", v.Page)
	facts = append(facts, banner.TermFact("channel", v.From.Channel.String()))
	text("source", v.From.Source)
	for _, of := range []string{v.From.Campaign, v.From.Medium, v.From.Term, v.From.Content} {
		text("campaign", of)
	}
	for i, g := range s.goals {
		if v.Goals&(1<<i) != 0 {
			text("goal", g.Name)
		}
	}
	for i, f := range s.funnels {
		if taken := v.Funnels >> (i * funnelBits) & (1<<funnelBits - 1); taken > 0 {
			text("steps", fmt.Sprintf("%s: %d", f.Name, taken))
		}
	}
	if v.Spent > 0 {
		text("seconds", strconv.Itoa(int(v.Spent)))
	}
	return facts
}
