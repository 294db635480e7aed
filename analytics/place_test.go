package analytics

import (
	"bytes"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
)

// testPlaces writes a database. Records are by network.
func testPlaces(t testing.TB, kind string, records map[string]mmdbtype.Map) []byte {
	t.Helper()
	tree, err := mmdbwriter.New(mmdbwriter.Options{DatabaseType: kind, RecordSize: 24, IncludeReservedNetworks: true, DisableIPv4Aliasing: true})
	if err != nil {
		t.Fatal(err)
	}
	for network, record := range records {
		_, n, err := net.ParseCIDR(network)
		if err != nil {
			t.Fatal(err)
		}
		if err := tree.Insert(n, record); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if _, err := tree.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func country(code string, subdivisions ...mmdbtype.Map) mmdbtype.Map {
	m := mmdbtype.Map{
		"country": mmdbtype.Map{"iso_code": mmdbtype.String(code)},
		"city":    mmdbtype.Map{"names": mmdbtype.Map{"en": mmdbtype.String("Secretville")}},
		"location": mmdbtype.Map{
			"latitude": mmdbtype.Float64(51.5), "longitude": mmdbtype.Float64(-0.1),
		},
	}
	var list mmdbtype.Slice
	for _, s := range subdivisions {
		list = append(list, s)
	}
	if list != nil {
		m["subdivisions"] = list
	}
	return m
}

func iso(code string) mmdbtype.Map { return mmdbtype.Map{"iso_code": mmdbtype.String(code)} }

func named(name string) mmdbtype.Map {
	return mmdbtype.Map{"names": mmdbtype.Map{"en": mmdbtype.String(name)}}
}

func TestPlaces(t *testing.T) {
	cities := testPlaces(t, "GeoLite2-City", map[string]mmdbtype.Map{
		"192.0.2.0/24":     country("GB", iso("ENG"), iso("HCK")),
		"198.51.100.0/24":  country("GB", iso("SCT")),
		"203.0.113.0/24":   country("FR", iso("IDF"), iso("75")),
		"2001:db8:1::/48":  country("GB", iso("ENG"), iso("NEW")),
		"2001:db8:2::/48":  country("GB", named("Wales")),
		"2001:db8:3::/48":  country("odd value"),
		"2001:db8:4::/128": country("US", iso("not a code")),
	})
	for _, tt := range []struct {
		network string
		want    place
	}{
		{"192.0.2.0", place{"GB", "London"}},
		{"198.51.100.0", place{"GB", "GB-SCT"}},
		{"203.0.113.0", place{"FR", "FR-IDF"}},
		{"2001:db8:1::", place{"GB", "GB-ENG"}},
		{"2001:db8:2::", place{"GB", "GB-WLS"}},
		{"2001:db8:3::", place{}},
		{"2001:db8:4::", place{"US", ""}},
		{"10.0.0.0", place{}},
	} {
		a, err := newAtlas(cities)
		if err != nil {
			t.Fatal(err)
		}
		if got := a.of(netip.MustParseAddr(tt.network)); got != tt.want {
			t.Errorf("%s: got %+v, want %+v", tt.network, got, tt.want)
		}
	}
	if got := (*atlas)(nil).of(netip.MustParseAddr("192.0.2.0")); got != (place{}) {
		t.Errorf("without a database: got %+v", got)
	}
	if _, err := newAtlas(testPlaces(t, "GeoLite2-ASN", nil)); err == nil {
		t.Error("a database without countries was taken")
	}
}

func TestEmbeddedPlaces(t *testing.T) {
	p := &places{}
	for network, want := range map[string]string{
		"8.8.8.0":        "US",
		"212.58.244.0":   "GB", // the BBC's
		"193.0.6.0":      "NL", // RIPE's
		"2001:67c:2e8::": "NL",
		"127.0.0.0":      "",
	} {
		if got := p.of(netip.MustParseAddr(network)); got.Country != want || got.Region != "" {
			t.Errorf("%s: got %+v, want %s", network, got, want)
		}
	}
	source, err := p.status()
	if err != nil || source.Link != "https://db-ip.com" || source.Built.Before(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("got source %+v, %v", source, err)
	}
}

func TestPlacesAreReadAgainWhenTheyChange(t *testing.T) {
	path := filepath.Join(t.TempDir(), "places.mmdb")
	write := func(b []byte, at time.Time) {
		t.Helper()
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	a := testOpen(t, t.TempDir(), func(c *Config) { c.GeoIP = path })
	defer testClose(t, a)
	network := netip.MustParseAddr("192.0.2.0")
	if got := a.Health(); a.places.of(network) != (place{}) || got.PlaceErr == "" {
		t.Errorf("without the file: %+v", got)
	}
	now := time.Now()
	good := testPlaces(t, "GeoLite2-Country", map[string]mmdbtype.Map{"192.0.2.0/24": country("GB")})
	write(good, now)
	a.refreshPlaces()
	if got := a.Health(); a.places.of(network).Country != "GB" || got.PlaceErr != "" || got.Places.Name == "" {
		t.Errorf("with the file: %v, %+v", a.places.of(network), got)
	}
	write(good[:len(good)/2], now.Add(time.Second))
	a.refreshPlaces()
	if got := a.Health(); a.places.of(network).Country != "GB" || got.PlaceErr == "" {
		t.Errorf("with a damaged file: %v, %+v: want the places of before and a notice", a.places.of(network), got)
	}
	write(testPlaces(t, "GeoLite2-Country", map[string]mmdbtype.Map{"192.0.2.0/24": country("IE")}), now.Add(2*time.Second))
	a.refreshPlaces()
	if got := a.Health(); a.places.of(network).Country != "IE" || got.PlaceErr != "" {
		t.Errorf("with a new file: %v, %+v", a.places.of(network), got)
	}
}

func FuzzPlaces(f *testing.F) {
	f.Add(testPlaces(f, "GeoLite2-City", map[string]mmdbtype.Map{"192.0.2.0/24": country("GB", iso("ENG"), iso("HCK"))}), 0, byte(0))
	f.Add(testPlaces(f, "DBIP-Country-Lite", map[string]mmdbtype.Map{"::/1": country("GB")}), 100, byte(0xff))
	f.Fuzz(func(t *testing.T, b []byte, at int, flip byte) {
		if len(b) > 0 {
			b = bytes.Clone(b)
			b[uint(at)%uint(len(b))] ^= flip
		}
		a, err := newAtlas(b)
		if err != nil {
			return
		}
		for _, n := range []string{"192.0.2.0", "0.0.0.0", "255.255.255.0", "::", "2001:db8::"} {
			if p := a.of(netip.MustParseAddr(n)); len(p.Country) > 2 || len(p.Region) > 30 {
				t.Errorf("got %+v", p)
			}
		}
	})
}
