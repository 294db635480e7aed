package dashboard

import (
	"math"
	"regexp"
	"strings"

	"github.com/lychgate/lychgate/analytics"
)

// A ukMap is the nations of the United Kingdom and the regions of England as
// tiles of one size, each about where it lies: so Wales can be read as easily as
// London, and no coast has to be drawn. It repeats what the list beside it says.
type ukMap struct {
	Tiles         []mapTile
	Width, Height int
}

// A mapTile is one region. Level is how much of the greatest it has, from 0 for
// nothing to 4.
type mapTile struct {
	X, Y, Size   int
	TextX, TextY int
	Short, Title string
	Level        int
}

// ukTiles are the places of the tiles, by the names that regions have in sums.
var ukTiles = []struct {
	value, short string
	column, row  int
}{
	{"GB-SCT", "Scot", 1, 0},
	{"GB-NIR", "NI", 0, 1},
	{"North East England", "NE", 2, 1},
	{"North West England", "NW", 1, 2},
	{"Yorkshire and the Humber", "Y&H", 2, 2},
	{"GB-WLS", "Wales", 0, 3},
	{"West Midlands", "WM", 1, 3},
	{"East Midlands", "EM", 2, 3},
	{"East of England", "East", 3, 3},
	{"South West England", "SW", 1, 4},
	{"South East England", "SE", 2, 4},
	{"London", "Lon", 3, 4},
}

// The size of a tile and what lies between two, in CSS pixels.
const (
	tileSize = 44
	tileGap  = 3
)

// england is the nation as a whole, as sums name it where its region is not known.
const england = "GB-ENG"

// newUKMap draws the rows of a list of regions, or nothing when none of them is
// in the United Kingdom.
func newUKMap(n names, rows []analytics.ListRow) *ukMap {
	visits, most, inEngland := map[string]analytics.Number{}, int64(0), int64(0)
	for _, r := range rows {
		visits[r.Value] = r.Visits
	}
	for _, t := range ukTiles {
		if !strings.HasPrefix(t.value, "GB-") {
			inEngland += amount(visits[t.value])
		}
	}
	// Some place files know England as a whole only: then its tiles are one.
	whole := inEngland == 0 && amount(visits[england]) > 0
	of := func(value string) string {
		if whole && !strings.HasPrefix(value, "GB-") {
			return england
		}
		return value
	}
	for _, t := range ukTiles {
		most = max(most, amount(visits[of(t.value)]))
	}
	if most == 0 {
		return nil
	}
	m := &ukMap{Width: 4*(tileSize+tileGap) - tileGap, Height: 5*(tileSize+tileGap) - tileGap}
	for _, t := range ukTiles {
		t.value = of(t.value)
		tile := mapTile{
			X: t.column * (tileSize + tileGap), Y: t.row * (tileSize + tileGap), Size: tileSize, Short: t.short,
			Title: n.of(analytics.DimRegion, t.value) + ": " + plural(visits[t.value], "visit", "visits"),
		}
		tile.TextX, tile.TextY = tile.X+tileSize/2, tile.Y+tileSize/2+4
		if v := amount(visits[t.value]); v > 0 {
			tile.Level = min(4, 1+int(3*math.Sqrt(float64(v)/float64(most)))) // roots keep the small apart, too
		}
		m.Tiles = append(m.Tiles, tile)
	}
	return m
}

// elsewhere is a subdivision of another country than the United Kingdom.
var elsewhere = regexp.MustCompile(`^[A-Z]{2}-`)

// isUK reports whether a region is one of the United Kingdom's.
func isUK(region string) bool {
	return region != "" && (region[:min(3, len(region))] == "GB-" || !elsewhere.MatchString(region))
}
