package proxy

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"

	"github.com/pelletier/go-toml/v2"

	"github.com/lychgate/lychgate/consent"
)

//go:embed services.toml
var servicesFile []byte

// A service is one row of the catalogue: a third party that real sites use, and
// what a visitor should know of it.
type service struct {
	ID   string `toml:"id"`
	Name string `toml:"name"`
	// Kind is a key of kinds.
	Kind string `toml:"kind"`
	// Purpose is the id of the purpose it is held for: one of catalogPurposes.
	// Empty only for kinds that always pass.
	Purpose string `toml:"purpose"`
	// Hosts are host suffixes, each with an optional path prefix where one host
	// serves several purposes: "google.com/maps".
	Hosts []string `toml:"hosts"`
	// Own are last path segments under which sites serve the service's code
	// themselves: "matomo.js".
	Own []string `toml:"own"`
	// Inline are literals that give away an inline loader. Each has a full stop
	// inside, which is what the search looks for.
	Inline []string `toml:"inline"`
	// Cookies and Storage are what it sets on the site's own domain; a name may
	// end in * as wildcard.
	Cookies []serviceCookie `toml:"cookies"`
	Storage []serviceCookie `toml:"storage"`
	// Text tells a visitor in one plain sentence what it is.
	Text string `toml:"text"`
	// Privacy is a link to the provider's own policy.
	Privacy string `toml:"privacy"`

	index int
	class class
	embed string
}

// A serviceCookie is one cookie or storage entry.
type serviceCookie struct {
	Name string `toml:"name"`
	Life string `toml:"life"`
	Text string `toml:"text"`
}

// A class is how the things of a kind of service are treated.
type class uint8

// The classes.
const (
	// classUnknown: not in the catalogue. What runs is held, what only shows is relayed.
	classUnknown class = iota
	// classTracker: everything is held.
	classTracker
	// classEmbed: as unknown, with a placeholder that names the provider.
	classEmbed
	// classCaptcha: held, with a placeholder that says what it is needed for.
	classCaptcha
	// classFonts: relayed, but for scripts.
	classFonts
	// classCDN: relayed, scripts as well.
	classCDN
	// classPass: passes, and is listed.
	classPass
)

// A kind says how services of one kind are treated and which words the
// placeholder of a held frame uses (banner.Embed.Kind).
type kind struct {
	class class
	embed string
}

// serviceKind returns what the catalogue's word for a kind means.
func serviceKind(name string) (kind, bool) {
	switch name {
	case "analytics", "tag-manager", "pixel", "recorder", "ads", "push", "abtest", "monitoring", "chat", "marketing", "consent":
		return kind{classTracker, "other"}, true
	case "video":
		return kind{classEmbed, "video"}, true
	case "audio":
		return kind{classEmbed, "audio"}, true
	case "maps":
		return kind{classEmbed, "map"}, true
	case "social":
		return kind{classEmbed, "post"}, true
	case "forms", "newsletter":
		return kind{classEmbed, "form"}, true
	case "accessibility", "translation", "events", "documents", "comments", "reviews", "search", "booking", "helpdesk", "jobs", "widgets":
		return kind{classEmbed, "other"}, true
	case "captcha":
		return kind{classCaptcha, "captcha"}, true
	case "fonts":
		return kind{classFonts, "other"}, true
	case "cdn":
		return kind{classCDN, "other"}, true
	case "payment", "donation":
		return kind{classPass, "other"}, true
	}
	return kind{}, false
}

// catalogPurposes are the purposes a service can be held for. Their order is
// that of the bits in a judge's purposes.
var catalogPurposes = [...]string{
	"measurement", "advertising", "media", "social", "support", "functional", consent.Other, consent.Statistics,
}

// purposeBit is the bit of a purpose's id, or zero when it is none of
// catalogPurposes.
func purposeBit(id string) uint8 {
	for i, p := range catalogPurposes {
		if p == id {
			return 1 << i
		}
	}
	return 0
}

// parseCatalogue reads the rows and reports everything that is wrong with them.
func parseCatalogue(data []byte) ([]*service, error) {
	var file struct {
		Services []*service `toml:"service"`
	}
	d := toml.NewDecoder(bytes.NewReader(data)).DisallowUnknownFields()
	if err := d.Decode(&file); err != nil {
		var strict *toml.StrictMissingError
		if errors.As(err, &strict) {
			return nil, fmt.Errorf("catalogue: %s", strict.String())
		}
		return nil, fmt.Errorf("catalogue: %w", err)
	}
	var errs []error
	ids, hosts := map[string]bool{}, map[string]string{}
	for i, s := range file.Services {
		s.index = i
		for _, problem := range s.check(ids, hosts) {
			errs = append(errs, fmt.Errorf("catalogue: service %q: %s", s.ID, problem))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return file.Services, nil
}
