package consent

import (
	"slices"
	"time"
)

// A Version is one list of purposes and services that visitors were asked about.
type Version struct {
	Version string
	// Since is when it was first in force on this gateway, or any that shares
	// its folder.
	Since time.Time
	// Current says that it is in force now.
	Current bool
	// Services is how many services and hosts of their own it names; Added and
	// Removed are their names against the version before.
	Services       int
	Added, Removed []string
	// Relabelled says that the owner's label is another one: everybody was asked
	// again for that.
	Relabelled bool
}

// Versions returns up to n versions of the list, the newest first.
func (g *Gate) Versions(n int) ([]Version, error) {
	all, err := g.history.recent(n + 1)
	if err != nil {
		return nil, err
	}
	current := g.today().policy.version
	var list []Version
	for i, p := range all[:min(n, len(all))] {
		v := Version{Version: p.version, Since: g.history.since(p.version), Current: p.version == current, Services: len(p.named())}
		if i+1 < len(all) {
			v.Added, v.Removed = p.without(all[i+1]), all[i+1].without(p)
			v.Relabelled = p.label != all[i+1].label
		}
		list = append(list, v)
	}
	return list, nil
}

// named are the services of p, each once, in order.
func (p *policy) named() (names []string) {
	for _, list := range p.services {
		names = append(names, list...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// without are the services of p that q does not name.
func (p *policy) without(q *policy) []string {
	others := q.named()
	return slices.DeleteFunc(p.named(), func(name string) bool { return slices.Contains(others, name) })
}
