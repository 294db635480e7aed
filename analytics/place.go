package analytics

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/oschwald/geoip2-golang/v2"
	"github.com/oschwald/maxminddb-golang/v2"
)

// A place is where a network is, no finer than a region. Empty: not known.
type place struct {
	Country string // ISO 3166-1 alpha-2: "GB"
	// Region is a nation of the United Kingdom ("GB-WLS"), for England one of its
	// regions ("London"), elsewhere a subdivision by ISO 3166-2 ("FR-IDF").
	Region string
}

// An atlas finds places in a GeoLite2 or DB-IP database. Whatever finer it holds
// is never read.
type atlas struct {
	db      *geoip2.Reader
	raw     *maxminddb.Reader
	cities  bool // it knows regions too
	regions map[string]string
	source  PlaceSource

	mu sync.RWMutex
	// known has the place of a record by where it lies in the database: many
	// networks share one, and reading it is most of a look-up.
	known map[uintptr]place
}

// maxKnownPlaces bounds what is remembered; a database of countries has fewer
// records.
const maxKnownPlaces = 4096

// A PlaceSource says where places come from, as the sources' licences want it
// shown beside them.
type PlaceSource struct {
	Name string // "IP Geolocation by DB-IP"
	Link string
	// Built is the database's date.
	Built time.Time
}

// newAtlas reads a database that is whole in memory.
func newAtlas(b []byte) (*atlas, error) {
	raw, err := maxminddb.OpenBytes(b)
	if err != nil {
		return nil, err
	}
	a := &atlas{raw: raw, source: sourceOf(raw.Metadata), known: map[uintptr]place{}}
	switch kind := raw.Metadata.DatabaseType; {
	case strings.Contains(kind, "City") || strings.Contains(kind, "Location") || strings.Contains(kind, "Enterprise"):
		a.cities, a.regions = true, readRegions(regionsText)
	case strings.Contains(kind, "Country"):
	default:
		return nil, fmt.Errorf("a %q database has no countries", kind)
	}
	if a.db, err = geoip2.OpenBytes(b); err != nil {
		return nil, err
	}
	return a, nil
}

// check looks up a network in every /16 of IPv4, so that a damaged database is
// told when it is opened. It does not walk the whole tree: a damaged one may go
// round in circles for ever.
func (a *atlas) check() error {
	for i := range 1 << 16 {
		if _, err := a.lookUp(netip.AddrFrom4([4]byte{byte(i >> 8), byte(i)})); err != nil {
			return err
		}
	}
	return nil
}

func sourceOf(m maxminddb.Metadata) PlaceSource {
	s := PlaceSource{Built: m.BuildTime().UTC()}
	if strings.HasPrefix(m.DatabaseType, "DBIP") {
		s.Name, s.Link = "IP Geolocation by DB-IP", "https://db-ip.com"
		return s
	}
	s.Name, s.Link = "GeoLite2 data created by MaxMind", "https://www.maxmind.com"
	return s
}

// of finds the place of a network. An unknown one and a damaged record are both
// no place.
func (a *atlas) of(network netip.Addr) place {
	if a == nil || !network.IsValid() {
		return place{}
	}
	record := a.raw.Lookup(network)
	if !record.Found() {
		return place{}
	}
	a.mu.RLock()
	p, ok := a.known[record.Offset()]
	a.mu.RUnlock()
	if ok {
		return p
	}
	p, err := a.lookUp(network)
	if err != nil {
		return place{}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.known) < maxKnownPlaces {
		a.known[record.Offset()] = p
	}
	return p
}

func (a *atlas) lookUp(network netip.Addr) (place, error) {
	if !a.cities {
		record, err := a.db.Country(network)
		if err != nil {
			return place{}, err
		}
		return place{Country: countryCode(record.Country.ISOCode)}, nil
	}
	record, err := a.db.City(network)
	if err != nil {
		return place{}, err
	}
	p := place{Country: countryCode(record.Country.ISOCode)}
	switch {
	case p.Country == "GB":
		p.Region = a.britain(record.Subdivisions)
	case p.Country != "" && len(record.Subdivisions) > 0:
		if code := record.Subdivisions[0].ISOCode; isCode(code, 3) {
			p.Region = p.Country + "-" + code
		}
	}
	return p, nil
}

// britain names the nation, and in England the region, that a network is in. The
// databases name the nation first and then the county, some of them only one.
func (a *atlas) britain(subdivisions []geoip2.CitySubdivision) string {
	nation := ""
	for _, s := range subdivisions {
		if region := a.regions[s.ISOCode]; region != "" {
			return region
		}
		for _, n := range [...]struct{ code, name string }{
			{"ENG", "England"}, {"SCT", "Scotland"}, {"WLS", "Wales"}, {"NIR", "Northern Ireland"},
		} {
			if s.ISOCode == n.code || s.Names.English == n.name {
				nation = "GB-" + n.code
			}
		}
	}
	return nation
}

// readRegions reads lines of a region's name and its counties' codes.
func readRegions(text string) map[string]string {
	regions := map[string]string{}
	for line := range strings.Lines(text) {
		name, codes, ok := strings.Cut(line, ":")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		for _, code := range strings.Fields(codes) {
			regions[code] = name
		}
	}
	return regions
}

func countryCode(s string) string {
	if len(s) == 2 && isCode(s, 2) {
		return s
	}
	return ""
}

// isCode reports whether s is a code of one to most capital letters or digits.
func isCode(s string, most int) bool {
	if s == "" || len(s) > most {
		return false
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}
