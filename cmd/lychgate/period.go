package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A month counts as a twelfth of a year of 365.25 days, so that "25mo" and "4y"
// mean one fixed length whatever the calendar says.
const (
	day   = 24 * time.Hour
	year  = 8766 * time.Hour
	month = year / 12
)

// periodUnits are the units a period may carry.
var periodUnits = []struct {
	unit string
	is   time.Duration
}{
	// Longest first: "mo" must not be read as minutes.
	{"mo", month},
	{"ms", time.Millisecond},
	{"y", year},
	{"w", 7 * day},
	{"d", day},
	{"h", time.Hour},
	{"m", time.Minute},
	{"s", time.Second},
}

// A period is a length of time as people write it in the configuration: a whole
// number and a unit, "180d", "25mo", "4y".
type period struct {
	time.Duration
	// err is what is wrong with the text. It is kept, not returned while
	// decoding, because only a later check knows the key and its line.
	err error
	// set: it was given, or the default is in its place. "0s" is an answer too,
	// which must not become a default.
	set bool
}

// UnmarshalText reads the value of a key.
func (p *period) UnmarshalText(text []byte) error {
	p.Duration, p.err = parsePeriod(string(text))
	p.set = true
	return nil
}

// parsePeriod reads a period. A bare number is refused: nobody can know whether
// 30 means seconds or days.
func parsePeriod(s string) (time.Duration, error) {
	for _, u := range periodUnits {
		digits, ok := strings.CutSuffix(strings.TrimSpace(s), u.unit)
		if !ok {
			continue
		}
		n, err := strconv.ParseInt(strings.TrimSpace(digits), 10, 64)
		if err != nil || n < 0 || n > int64(200*year/u.is) {
			break
		}
		return time.Duration(n) * u.is, nil
	}
	return 0, fmt.Errorf(`%q is not a period: write a whole number and a unit in quotes, such as "180d", "25mo" or "4y" (y, mo, w, d, h, m, s)`, s)
}

// String writes p as the configuration would, in the largest unit that fits.
func (p period) String() string {
	if p.Duration == 0 {
		return "0s"
	}
	for _, unit := range []string{"y", "mo", "d", "h", "m", "s"} {
		for _, u := range periodUnits {
			if u.unit == unit && p.Duration%u.is == 0 {
				return strconv.FormatInt(int64(p.Duration/u.is), 10) + unit
			}
		}
	}
	return p.Duration.String()
}

// orElse puts fallback in the place of a period that was not given.
func (p *period) orElse(fallback time.Duration) {
	if !p.set {
		p.Duration, p.set = fallback, true
	}
}
