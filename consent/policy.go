package consent

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// A policy is one version of what visitors are asked about: which purposes, and
// which services and hosts serve each. Its version is a hash of all that and of
// the owner's label, and of no wording, so that two gateways with one list have
// one version and a better sentence asks nobody again.
type policy struct {
	version string
	body    []byte // what the version is a hash of
	label   string
	ids     []string // ids[i] is bit i of Purposes; ids[0] is Statistics
	asked   Purposes // the bits that are in the list
	// By purpose: what must have been named for an answer to cover it, and the
	// names of the services.
	hosts, services map[string][]string
}

const (
	maxPurposes    = 8               // as many bits has a Purposes
	maxOwnPurposes = maxPurposes - 2 // Statistics and Other have a bit of their own
)

// isPurpose reports whether id can stand in forms, cookies and records.
func isPurpose(id string) bool {
	for _, c := range []byte(id) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return id != "" && len(id) <= 40
}

// policyText is the form in which a policy is hashed and kept.
type policyText struct {
	Label    string          `json:"label"`
	Purposes []policyPurpose `json:"purposes"`
}

type policyPurpose struct {
	ID       string          `json:"id"`
	Services []policyService `json:"services"`
}

type policyService struct {
	Name  string   `json:"name"`
	Hosts []string `json:"hosts"`
}

// newPolicy builds the list in force: Statistics if visits are counted, then
// each purpose that a service has, the owner's in his order, then Other.
func newPolicy(c *Config, services []Service) *policy {
	by := map[string][]policyService{}
	for _, s := range services {
		hosts := slices.Clone(s.Hosts)
		slices.Sort(hosts)
		id := s.Purpose
		if !isPurpose(id) {
			id = Other
		}
		by[id] = append(by[id], policyService{s.Name, slices.Compact(hosts)})
	}
	t := policyText{Label: c.Label}
	for _, id := range purposeOrder(c, by) {
		list := by[id]
		slices.SortFunc(list, func(a, b policyService) int {
			return strings.Compare(a.Name+"\x00"+strings.Join(a.Hosts, ","), b.Name+"\x00"+strings.Join(b.Hosts, ","))
		})
		t.Purposes = append(t.Purposes, policyPurpose{id, list})
	}
	body, err := json.Marshal(t)
	if err != nil {
		panic(err) // strings and slices of them
	}
	p, err := parsePolicy(body)
	if err != nil {
		panic(err) // purposeOrder keeps to the limits
	}
	return p
}

// purposeOrder is the order of the list. Services whose purposes are beyond the
// eighth bit are counted to Other, in by too.
func purposeOrder(c *Config, by map[string][]policyService) []string {
	var order []string
	add := func(id string) {
		_, served := by[id]
		if (served || id == Statistics && c.Statistics) && !slices.Contains(order, id) {
			order = append(order, id)
		}
	}
	add(Statistics)
	for _, p := range c.Purposes {
		if p.ID != Other {
			add(p.ID)
		}
	}
	rest := make([]string, 0, len(by))
	for id := range by {
		if id != Other {
			rest = append(rest, id)
		}
	}
	slices.Sort(rest)
	for _, id := range rest {
		add(id)
	}
	limit := maxPurposes - 1 // the last bit is Other's
	if !slices.Contains(order, Statistics) {
		limit-- // bit 0 is kept for Statistics
	}
	for len(order) > limit {
		last := order[len(order)-1]
		by[Other] = append(by[Other], by[last]...)
		order = order[:len(order)-1]
	}
	add(Other)
	return order
}

// documentHash names a document in the ledger: a policy or a question as shown.
func documentHash(body []byte) string {
	h := sha256.Sum256(body)
	return hex.EncodeToString(h[:])
}

// versionOf is the short name of a policy, in cookies, forms and file names: the
// beginning of its hash.
func versionOf(body []byte) string { return documentHash(body)[:16] }

var errPolicy = errors.New("not a list of purposes")

// parsePolicy reads the kept form of a policy.
func parsePolicy(body []byte) (*policy, error) {
	var t policyText
	if err := json.Unmarshal(body, &t); err != nil {
		return nil, fmt.Errorf("%w: %w", errPolicy, err)
	}
	p := &policy{
		version: versionOf(body), body: body, label: t.Label, ids: []string{Statistics},
		hosts: map[string][]string{}, services: map[string][]string{},
	}
	for _, purpose := range t.Purposes {
		if _, twice := p.hosts[purpose.ID]; twice {
			return nil, fmt.Errorf("%w: purpose %q twice", errPolicy, purpose.ID)
		}
		bit := 0
		if purpose.ID != Statistics {
			bit = len(p.ids)
			p.ids = append(p.ids, purpose.ID)
		}
		if bit >= maxPurposes {
			return nil, fmt.Errorf("%w: more than %d purposes", errPolicy, maxPurposes)
		}
		p.asked |= 1 << bit
		p.hosts[purpose.ID] = []string{}
		for _, s := range purpose.Services {
			p.services[purpose.ID] = append(p.services[purpose.ID], s.Name)
			p.hosts[purpose.ID] = append(p.hosts[purpose.ID], Service{Name: s.Name, Hosts: s.Hosts}.named()...)
		}
	}
	return p, nil
}

// named is what must have been named for an answer to cover s: its hosts, or
// itself where it is inside the site's own pages.
func (s Service) named() []string {
	if len(s.Hosts) == 0 {
		return []string{"service " + s.Name}
	}
	return s.Hosts
}

// missing are the hosts of p, by purpose, that older did not name under the same
// purpose. A visitor who answered about older was never asked about these.
func (p *policy) missing(older *policy) map[string][]string {
	m := map[string][]string{}
	for id, hosts := range p.hosts {
		was, named := older.hosts[id]
		if !named {
			m[id] = hosts
			continue
		}
		for _, h := range hosts {
			if !slices.Contains(was, h) {
				m[id] = append(m[id], h)
			}
		}
	}
	return m
}

// coveredBy reports whether an answer about older answers p as well: older has
// every purpose and every host of p. A new label is the owner's way to ask
// everybody again, for a change that the list does not show.
func (p *policy) coveredBy(older *policy) bool {
	return p.label == older.label && len(p.missing(older)) == 0
}

// translate turns purposes of older into those of p.
func (p *policy) translate(older *policy, set Purposes) Purposes {
	var out Purposes
	for i, id := range older.ids {
		if set&older.asked&(1<<i) == 0 {
			continue
		}
		if j := slices.Index(p.ids, id); j >= 0 {
			out |= 1 << j
		}
	}
	return out & p.asked
}

// listed is services with the purposes under which the list names them: those
// that found no place in it are Other.
func (p *policy) listed(services []Service) []Service {
	out := slices.Clone(services)
	for i := range out {
		if _, ok := p.hosts[out[i].Purpose]; !ok {
			out[i].Purpose = Other
		}
	}
	return out
}

// names are the ids in set, in the list's order.
func (p *policy) names(set Purposes) []string {
	var names []string
	for i, id := range p.ids {
		if set&p.asked&(1<<i) != 0 {
			names = append(names, id)
		}
	}
	return names
}
