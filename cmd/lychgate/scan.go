package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/lychgate/lychgate/banner"
	"github.com/lychgate/lychgate/consent"
	"github.com/lychgate/lychgate/proxy"
)

// runScan shows an owner, before switching on, what the gateway would hold back,
// page by page. It keeps nothing unless it is told to.
func runScan(args []string, stdout, stderr io.Writer) error {
	var s source
	var asJSON, write bool
	f := flagSet("scan")
	s.flags(f)
	f.BoolVar(&asJSON, "json", false, "print JSON instead of a table")
	f.BoolVar(&write, "write", false, "keep what was found as the list visitors are asked about")
	if err := parse(f, args); err != nil {
		return err
	}
	c, err := s.config()
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	dir := c.Shared
	if !write {
		// A dry run starts from nothing and leaves nothing behind.
		if dir, err = os.MkdirTemp("", "lychgate-scan"); err != nil {
			return err
		}
		defer os.RemoveAll(dir)
	}
	g, err := c.scanner(dir, slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err != nil {
		return err
	}
	reports := g.Scan(ctx)
	for _, r := range reports {
		if len(r.Pages) == 0 {
			return fmt.Errorf("no page of site %s could be looked at: does its server answer, and is there a page at \"/\"?", r.Site)
		}
	}
	if write {
		if err := g.SaveThirdParties(); err != nil {
			return err
		}
	}
	if asJSON {
		out := json.NewEncoder(stdout)
		out.SetIndent("", "  ")
		return out.Encode(reports)
	}
	for _, r := range reports {
		if err := r.WriteTable(stdout); err != nil {
			return err
		}
	}
	if write {
		_, err = fmt.Fprintf(stdout, "\nWritten to %s. A running gateway takes it over within seconds.\n", dir)
	}
	return err
}

// scanner is a gateway that looks at the sites and answers nobody: its gates
// have neither keys nor ledger.
func (c *config) scanner(dir string, log *slog.Logger) (*proxy.Gateway, error) {
	var sites []proxy.Site
	for i := range c.Sites {
		s := &c.Sites[i]
		words, err := banner.New(c.banner(s))
		if err != nil {
			return nil, err
		}
		gate, err := consent.NewGate(consent.Config{Site: s.id(), Banner: words, Log: log})
		if err != nil {
			return nil, err
		}
		site, err := c.proxySite(s, gate, words)
		if err != nil {
			return nil, err
		}
		sites = append(sites, site)
	}
	return proxy.New(proxy.Config{Sites: sites, Dir: dir, Log: log})
}
