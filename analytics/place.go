package analytics

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"

	"github.com/oschwald/geoip2-golang/v2"
)

// A place is where a network is, no finer than a region. Empty: not known.
type place struct {
	Country string // ISO 3166-1 alpha-2: "GB"
	Region  string // ISO 3166-2: "GB-WLS"
}

// An atlas finds places in a GeoLite2 or DB-IP file. Whatever finer the file
// holds is never read.
type atlas struct {
	db     *geoip2.Reader
	cities bool // the file knows regions too
}

// openAtlas opens the file at path.
func openAtlas(path string) (*atlas, error) {
	db, err := geoip2.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open places %s: %w", path, err)
	}
	kind := db.Metadata().DatabaseType
	switch {
	case strings.Contains(kind, "City") || strings.Contains(kind, "Enterprise"):
		return &atlas{db: db, cities: true}, nil
	case strings.Contains(kind, "Country"):
		return &atlas{db: db}, nil
	}
	return nil, errors.Join(fmt.Errorf("open places %s: a %q file has no countries", path, kind), db.Close())
}

// of finds the place of a network. An unknown one and a damaged record are both
// no place.
func (a *atlas) of(network netip.Addr) place {
	if a == nil || !network.IsValid() {
		return place{}
	}
	if !a.cities {
		record, err := a.db.Country(network)
		if err != nil {
			return place{}
		}
		return place{Country: isoCode(record.Country.ISOCode)}
	}
	record, err := a.db.City(network)
	if err != nil {
		return place{}
	}
	p := place{Country: isoCode(record.Country.ISOCode)}
	if len(record.Subdivisions) > 0 && p.Country != "" {
		if code := record.Subdivisions[0].ISOCode; isCode(code, 3) {
			p.Region = p.Country + "-" + code
		}
	}
	return p
}

func (a *atlas) close() error {
	if a == nil {
		return nil
	}
	return a.db.Close()
}

func isoCode(s string) string {
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
