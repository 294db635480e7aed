package proxy

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/pelletier/go-toml/v2"

	"github.com/lychgate/lychgate/internal/durable"
	"github.com/lychgate/lychgate/proxy/rewrite"
)

// A Choice is what a site's owner decided on the dashboard about one host and
// its sub-domains. The site's lists in the configuration win over it.
type Choice struct {
	Site string `toml:"site"`
	Host string `toml:"host"`
	// Verdict is "allow", "hold" or "relay".
	Verdict string `toml:"verdict"`
	Since   string `toml:"since"` // date
}

// What callers of [Gateway.Choose] tell apart.
var (
	ErrUnknownParty = errors.New("no page of the site was seen to contact this host")
	ErrConfigured   = errors.New("the configuration file decides about this host")
)

const (
	choicesFileName = "third-party-choices.toml"
	choicesLockName = ".third-party-choices.lock"
	choicesHead     = `# What was decided on the dashboard about hosts that the pages of your sites
# contact: allow, hold or relay. Written by lychgate; the lists of a [[site]] in
# the configuration win over it. Several gateways may share it.

`
)

// choices is the file of choices as it was last read.
type choices struct {
	mu   sync.Mutex
	text []byte
	list []Choice
}

var choiceOutcomes = map[string]outcome{"allow": passes, "hold": holds, "relay": relays}

// Choose decides about a host of a site from now on; an empty verdict leaves it
// to the catalogue again. Visitors whose answer did not name what is now held
// are asked again.
func (g *Gateway) Choose(siteName, host, verdict string) error {
	s := g.sites().named(siteName)
	if s == nil || !s.thirdParties.inventory.knows(host) {
		return ErrUnknownParty
	}
	if g.Configured(siteName, host) {
		return ErrConfigured
	}
	if _, ok := choiceOutcomes[verdict]; !ok && verdict != "" {
		return fmt.Errorf("verdict %q: want allow, hold or relay", verdict)
	}
	if g.file.dir != "" {
		unlock, err := lockFile(filepath.Join(g.file.dir, choicesLockName))
		if err != nil {
			return fmt.Errorf("lock the choices about third parties: %w", err)
		}
		defer unlock()
		if err := g.readChoices(); err != nil {
			return err
		}
	}
	g.choices.mu.Lock()
	defer g.choices.mu.Unlock()
	list := slices.DeleteFunc(slices.Clone(g.choices.list), func(c Choice) bool { return c.Site == siteName && c.Host == host })
	if verdict != "" {
		list = append(list, Choice{siteName, host, verdict, time.Now().UTC().Format(dateForm)})
	}
	text, err := toml.Marshal(map[string]any{"choice": list})
	if err != nil {
		return fmt.Errorf("write the choices about third parties: %w", err)
	}
	text = append([]byte(choicesHead), text...)
	if g.file.dir != "" {
		if err := durable.Replace(filepath.Join(g.file.dir, choicesFileName), text); err != nil {
			return fmt.Errorf("write the choices about third parties: %w", err)
		}
	}
	return g.useChoices(text, list)
}

// Choices are those of a site.
func (g *Gateway) Choices(siteName string) []Choice {
	g.choices.mu.Lock()
	defer g.choices.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(g.choices.list), func(c Choice) bool { return c.Site != siteName })
}

// Configured reports whether the configuration file decides about a host of a
// site, so that no choice can.
func (g *Gateway) Configured(siteName, host string) bool {
	s := g.sites().named(siteName)
	return s != nil && s.thirdParties.owner.find([]byte(host), nil) != nil
}

// shareChoices takes over what another gateway, or the owner, has written.
func (g *Gateway) shareChoices() {
	if err := g.readChoices(); err != nil {
		g.log.Error("the choices about third parties are not known; the catalogue decides", "err", err)
	}
}

func (g *Gateway) readChoices() error {
	if g.file.dir == "" {
		return nil
	}
	text, err := os.ReadFile(filepath.Join(g.file.dir, choicesFileName))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read the choices about third parties: %w", err)
	}
	g.choices.mu.Lock()
	defer g.choices.mu.Unlock()
	if bytes.Equal(text, g.choices.text) {
		return nil
	}
	var kept struct {
		Choices []Choice `toml:"choice"`
	}
	if err := toml.Unmarshal(text, &kept); err != nil {
		return fmt.Errorf("read the choices about third parties: %w", err)
	}
	return g.useChoices(text, kept.Choices)
}

// useChoices puts choices in force. g.choices.mu is held.
func (g *Gateway) useChoices(text []byte, list []Choice) error {
	g.choices.text, g.choices.list = text, list
	var errs []error
	for _, s := range g.sites().list {
		if s.choose(list) {
			errs = append(errs, s.renewList())
		}
	}
	return errors.Join(errs...)
}

// choose puts those of list that are about the site in force, and reports
// whether that changed what visitors are asked about.
func (s *site) choose(list []Choice) bool {
	rules := hostRules{}
	for _, c := range list {
		o, ok := choiceOutcomes[c.Verdict]
		host, valid := appendHost(nil, []byte(c.Host))
		if c.Site == s.Name && ok && valid {
			rules.add(string(host), rule{outcome: o})
		}
	}
	return s.thirdParties.inventory.choose(rules)
}

// knows reports whether a host is known, whatever it is of.
func (in *inventory) knows(host string) bool {
	for p := range in.parties.Load().all() {
		if p.host == host {
			return true
		}
	}
	return false
}

// decided is the owner's rule about a host, if there is one.
func (in *inventory) decided(host, path []byte) *rule {
	if r := in.owner.find(host, path); r != nil {
		return r
	}
	if chosen := in.chosen.Load(); chosen != nil {
		return chosen.find(host, path)
	}
	return nil
}

// choose puts the owner's choices in force, and has every party that they change
// be as they say. It reports whether there is one.
func (in *inventory) choose(rules hostRules) (changed bool) {
	in.mu.Lock()
	defer in.mu.Unlock()
	var before hostRules
	if old := in.chosen.Swap(&rules); old != nil {
		before = *old
	}
	for p := range in.parties.Load().all() {
		was, is := before.find([]byte(p.host), nil), rules.find([]byte(p.host), nil)
		if was == nil && is == nil || was != nil && is != nil && was.outcome == is.outcome || in.owner.find([]byte(p.host), nil) != nil {
			continue
		}
		p.outcomes.Store(p.expected(is))
		p.admitted.Store(p.outcome() == holds) // a press of the owner's, whichever way
		changed = true
	}
	if changed {
		in.rebuild()
		in.dirty.Store(true)
	}
	return changed
}

// expected is what will become of a party, as bits of outcome, by the ways in
// which it has been asked for.
func (p *party) expected(owner *rule) (bits uint32) {
	c := classUnknown
	if p.service != nil {
		c = p.service.class
	}
	for d := rewrite.Dest(0); d <= rewrite.Base; d++ {
		if p.dests.Load()&(1<<d) == 0 {
			continue
		}
		o := c.outcome(d, d == rewrite.Beacon)
		if owner != nil {
			o = owner.outcome
			if o == relays && !relayable(d) {
				o = holds
			}
		}
		bits |= 1 << o
	}
	return bits
}

// relayable reports whether what is asked for as d can be fetched for a visitor.
func relayable(d rewrite.Dest) bool {
	switch d {
	case rewrite.Frame, rewrite.Object, rewrite.Worker, rewrite.Refresh:
		return false
	}
	return true
}

// chosenHosts are the hosts that the owner lets through by choice.
func (in *inventory) chosenHosts() (hosts []string) {
	chosen := in.chosen.Load()
	if chosen == nil {
		return nil
	}
	for host, rules := range *chosen {
		if rules[0].outcome == passes && !strings.HasPrefix(host, "[") && in.owner.find([]byte(host), nil) == nil {
			hosts = append(hosts, host)
		}
	}
	return hosts
}
