package proxy

import (
	"cmp"
	"path/filepath"
	"time"

	"github.com/lychgate/lychgate/consent"
)

// thirdParties is what all sites share for holding third parties back.
type thirdParties struct {
	services []*service
	relay    *relay
	embeds   *signer

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
	g.embeds = newSigner(embedPath, keys.DeriveAll("proxy/embed"))
	cache := ""
	if c.Dir != "" {
		cache = filepath.Join(c.Dir, "relay")
	}
	g.relay, err = newRelay(g.stopped, newSigner(relayPath, keys.DeriveAll("proxy/relay")), cache, c.Dial, g.services, g.log)
	return err
}
