package analytics

import (
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// A site is what counting knows of one site.
type site struct {
	config   SiteConfig // as it was given
	name     string
	calendar calendar
	jar      atomic.Pointer[cookieJar] // nil without keys
	search   []string
	goals    []Goal
	funnels  []Funnel
	declared []string // names of events
	events   limiter
	guards   guards
	cubes    sync.Map // cubeKey: string
	live     live
}

// maxGoals is the number of bits in a state for goals.
const maxGoals = 16

func newSite(c SiteConfig) (*site, error) {
	if len(c.Goals) > maxGoals {
		return nil, fmt.Errorf("site %s: %d goals, at most %d are counted", c.Site, len(c.Goals), maxGoals)
	}
	if len(c.Funnels) > maxFunnels {
		return nil, fmt.Errorf("site %s: %d funnels, at most %d are counted", c.Site, len(c.Funnels), maxFunnels)
	}
	for _, f := range c.Funnels {
		if len(f.Steps) > maxFunnelSteps {
			return nil, fmt.Errorf("site %s: funnel %s has %d steps, at most %d are counted", c.Site, f.Name, len(f.Steps), maxFunnelSteps)
		}
	}
	loc := c.Location
	if loc == nil {
		loc = time.UTC
	}
	return &site{
		config: c, name: c.Site, calendar: calendar{loc: loc},
		search: c.SearchParams, goals: c.Goals, funnels: c.Funnels,
		declared: c.Events, guards: newGuards(),
	}, nil
}

// goalsOf has a bit for each goal that seeing path reaches.
func (s *site) goalsOf(path string) uint16 {
	var mask uint16
	for i, g := range s.goals {
		if matches(g.Path, path) {
			mask |= 1 << i
		}
	}
	return mask
}

// stepsOf has a bit for each step of a funnel that path is.
func (s *site) stepsOf(path string) uint16 {
	var mask uint16
	for i, f := range s.funnels {
		for j, step := range f.Steps {
			if matches(step, path) {
				mask |= 1 << (i*funnelBits + j)
			}
		}
	}
	return mask
}

// matches reports whether path is the one that pattern names, or begins with it
// when it ends in *.
func matches(pattern, path string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(path, prefix)
	}
	return pattern == path
}

// A traits is what one view's rows may be split by.
type traits struct {
	place
	agent
}

// characteristic is one thing that a sum is split by.
type characteristic struct {
	dim   Dim
	value string
	page  bool // kept with each page, too
}

// A part is what a view adds at one moment and page: its own, and if it went on
// from another or made its visit engaged, theirs.
type part struct {
	at   moment
	page string
	Metrics
}

// rows appends what a view adds to the sums: v is the state after it.
func (s *site) rows(rows []Row, at moment, v *visitor, e *effects, t traits) []Row {
	parts := s.parts(at, v, e)
	chars := s.characteristics(v, t)
	for i, p := range parts.all() {
		rows = s.add(rows, Hour, DimTotal, "", p.at, "", p.Metrics)
		rows = s.add(rows, Day, DimPage, "", p.at, p.page, p.Metrics)
		for _, c := range chars.all() {
			if c.page {
				rows = s.add(rows, Day, c.dim, p.page, p.at, c.value, p.Metrics)
			}
		}
		// The rows of the whole site are the same for parts of the same day.
		m, again := p.Metrics, false
		for j, o := range parts.all() {
			if j != i && o.at.Day == p.at.Day {
				again = again || j < i
				m.Add(o.Metrics)
			}
		}
		if again {
			continue
		}
		rows = s.add(rows, Day, DimTotal, "", p.at, "", m)
		for _, c := range chars.all() {
			rows = s.add(rows, Day, c.dim, "", p.at, c.value, m)
		}
	}
	return s.once(rows, at, v, e, parts.list[0].Metrics)
}

// once appends what counts only when a day or visit begins or a goal is reached.
func (s *site) once(rows []Row, at moment, v *visitor, e *effects, m Metrics) []Row {
	if e.NewDay {
		one := Metrics{Visitors: 1}
		rows = s.add(rows, Day, DimGap, "", at, gapName(e.Gap), one)
		for _, period := range newIn(e.LastDay, at.Day) {
			rows = s.add(rows, Day, DimNewIn, "", at, period, one)
		}
	}
	if e.NewVisit {
		for _, c := range [...]characteristic{
			{dim: DimMedium, value: v.From.Medium}, {dim: DimTerm, value: v.From.Term}, {dim: DimContent, value: v.From.Content},
		} {
			if c.value != "" {
				rows = s.add(rows, Day, c.dim, "", at, s.guards[c.dim].name(at.Day, c.value), m)
			}
		}
	}
	for left := e.Steps; left != 0; left &= left - 1 {
		bit := bits.TrailingZeros16(left)
		f := s.funnels[bit/funnelBits]
		rows = s.add(rows, Day, DimFunnel, "", at, f.Name+"/"+strconv.Itoa(bit%funnelBits+1), Metrics{Views: 1, Visits: 1})
	}
	return s.goalRows(rows, at, e.Goals)
}

func (s *site) goalRows(rows []Row, at moment, goals uint16) []Row {
	for left := goals; left != 0; left &= left - 1 {
		rows = s.add(rows, Day, DimGoal, "", at, s.goals[bits.TrailingZeros16(left)].Name, Metrics{Goals: 1})
	}
	return rows
}

func (s *site) add(rows []Row, g Grain, d Dim, page string, at moment, value string, m Metrics) []Row {
	if m.Zero() {
		return rows
	}
	return append(rows, Row{Key{s.name, g, d, page, at.start(g), value}, m})
}

// partList holds up to three parts without allocating.
type partList struct {
	list [3]part
	n    int
}

func (l *partList) all() []part { return l.list[:l.n] }

func (s *site) parts(at moment, v *visitor, e *effects) partList {
	l := partList{n: 1}
	l.list[0] = part{at, v.Page, Metrics{Views: 1, Goals: int64(bits.OnesCount16(e.Goals))}}
	if e.NoView {
		l.list[0].Views = 0
	}
	if e.NewVisit {
		l.list[0].Visits = 1
	}
	if e.NewDay {
		l.list[0].Visitors = 1
	}
	if e.Continues || e.Seconds > 0 {
		m := Metrics{Seconds: e.Seconds}
		if e.Continues {
			m.Continues = 1
		}
		if e.Timed {
			m.Timed = 1
		}
		l.list[l.n] = part{s.calendar.atMinute(e.PrevAt), e.Prev, m}
		l.n++
	}
	if e.Engaged {
		l.list[l.n] = part{s.calendar.atMinute(v.Start), v.Entry, Metrics{Engaged: 1}}
		l.n++
	}
	return l
}

// charList holds a view's characteristics without allocating.
type charList struct {
	list [10]characteristic
	n    int
}

func (l *charList) all() []characteristic { return l.list[:l.n] }

func (l *charList) put(d Dim, value string, page bool) {
	l.list[l.n] = characteristic{d, value, page}
	l.n++
}

func (s *site) characteristics(v *visitor, t traits) charList {
	var l charList
	l.put(DimEntry, v.Entry, false)
	l.put(DimChannel, v.From.Channel.String(), true)
	l.put(DimSource, v.From.Source, false)
	if v.From.Campaign != "" {
		l.put(DimCampaign, v.From.Campaign, true)
	}
	l.put(DimCountry, t.Country, true)
	l.put(DimRegion, t.Region, false)
	l.put(DimBrowser, t.Browser, false)
	l.put(DimOS, t.OS, false)
	l.put(DimDevice, t.Device, true)
	l.put(DimCube, s.cube(v.From.Channel, t.Country, t.Device), false)
	return l
}

type cubeKey struct {
	channel         Channel
	country, device string
}

// cube is the value of DimCube. There are a few thousand at most, so that they
// are made once.
func (s *site) cube(c Channel, country, device string) string {
	k := cubeKey{c, country, device}
	if v, ok := s.cubes.Load(k); ok {
		return v.(string)
	}
	v, _ := s.cubes.LoadOrStore(k, c.String()+"|"+country+"|"+device)
	return v.(string)
}
