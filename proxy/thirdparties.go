package proxy

import (
	"cmp"
	"path/filepath"
	"time"

	"github.com/lychgate/lychgate/consent"
	"github.com/lychgate/lychgate/internal/signedpath"
	"github.com/lychgate/lychgate/proxy/relay"
)

// thirdParties is what all sites share for holding third parties back.
type thirdParties struct {
	services []*service
	relay    *relay.Relay
	embeds   *signedpath.Signer

	location *time.Location // in which the list is renewed at 03:00
	file     partyFile
}

// openThirdParties reads the catalogue and opens the relay.
func (g *Gateway) openThirdParties(c *Config) error {
	g.file.dir, g.location = cmp.Or(c.Shared, c.Dir), c.Location
	if g.location == nil {
		g.location = time.UTC
	}
	var err error
	if g.services, err = parseCatalogue(servicesFile); err != nil {
		return err
	}
	keys := c.Keys
	if keys == nil {
		keys = consent.NewKeys()
	}
	g.embeds = signedpath.New(embedPath, keys.DeriveAll("proxy/embed"))
	files := relay.Config{Paths: signedpath.New(relayPath, keys.DeriveAll("proxy/relay")), Dial: c.Dial, Log: g.log}
	if c.Dir != "" {
		files.Dir = filepath.Join(c.Dir, "relay")
	}
	g.relay, err = openRelay(g.stopped, files, g.services)
	return err
}
