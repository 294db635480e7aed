package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
)

// flagSet returns a FlagSet that leaves printing errors to run.
func flagSet(name string) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	return f
}

// parse reads the flags of one command; anything else on its line is an error.
func parse(f *flag.FlagSet, args []string) error {
	if err := f.Parse(args); err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	if f.NArg() > 0 {
		return fmt.Errorf("%w: unexpected %q: flags only, such as -dir FOLDER", errUsage, f.Arg(0))
	}
	return nil
}

// fileArgument parses the flags of a command that works on one file.
func fileArgument(f *flag.FlagSet, args []string) (string, error) {
	if err := f.Parse(args); err != nil {
		return "", fmt.Errorf("%w: %w", errUsage, err)
	}
	if f.NArg() != 1 {
		return "", fmt.Errorf("%w: name one file, after the flags: lychgate %s [-config FILE | -data FOLDER] lychgate-backup.tar.gz", errUsage, f.Name())
	}
	return f.Arg(0), nil
}

// oneOf splits "verify -data x" into the word, which must be known, and the rest.
func oneOf(args []string, words ...string) (word string, rest []string, err error) {
	if len(args) > 0 {
		for _, w := range words {
			if args[0] == w {
				return w, args[1:], nil
			}
		}
		return "", nil, fmt.Errorf("%w: there is no %q here: one of %v", errUsage, args[0], words)
	}
	return "", nil, fmt.Errorf("%w: say which: one of %v", errUsage, words)
}

// readSource reads the command line of a command that takes only its source.
func readSource(name string, args []string) (*source, *config, error) {
	s, f := new(source), flagSet(name)
	s.flags(f)
	if err := parse(f, args); err != nil {
		return nil, nil, err
	}
	c, err := s.config()
	return s, c, err
}

// readPlace reads the command line of a command that takes only its place, which
// must be there.
func readPlace(name string, args []string) (*config, error) {
	var p place
	f := flagSet(name)
	p.flags(f)
	if err := parse(f, args); err != nil {
		return nil, err
	}
	return p.existing()
}

// A source says where the configuration comes from: a file, or the few flags
// that are enough for one site.
type source struct {
	file, dir, upstream, listen, data string
}

func (s *source) flags(f *flag.FlagSet) {
	f.StringVar(&s.file, "config", "", "the configuration `FILE`, see deploy/lychgate.toml")
	f.StringVar(&s.dir, "dir", "", "serve the website in this `FOLDER`")
	f.StringVar(&s.upstream, "upstream", "", "stand in front of the website at this `URL`")
	f.StringVar(&s.listen, "listen", "", "answer on this `ADDR`ess (default 127.0.0.1:8080)")
	f.StringVar(&s.data, "data", "", "keep keys, records and sums in this `FOLDER` (default lychgate-data)")
}

// config reads the file, or makes the configuration that the flags mean.
// -listen and -data also go with a file and win over it.
func (s *source) config() (*config, error) {
	var c *config
	p := &problems{}
	switch {
	case s.file != "" && (s.dir != "" || s.upstream != ""):
		return nil, fmt.Errorf("%w: -config names the sites itself: leave out -dir and -upstream", errUsage)
	case s.dir != "" && s.upstream != "":
		return nil, fmt.Errorf("%w: -dir and -upstream are two ways to say where the site is: give one", errUsage)
	case s.file != "":
		data, err := os.ReadFile(s.file)
		if err != nil {
			return nil, fmt.Errorf("read configuration: %w", err)
		}
		c, p = parseConfig(s.file, data)
	case s.dir != "" || s.upstream != "":
		c = new(config)
		c.Sites = []siteConfig{{Dir: s.dir, Upstream: s.upstream}}
		if u, err := url.Parse(s.upstream); err == nil && u.Host != "" {
			// Somebody else's hosting answers to its own name only.
			c.Sites[0].UpstreamHost = u.Host
		}
		c.fill("")
		c.check(p)
	default:
		return nil, fmt.Errorf("%w: say where the website is: -dir FOLDER, -upstream URL or -config FILE", errUsage)
	}
	if s.data != "" {
		if c.Shared == c.Data {
			c.Shared = s.data
		}
		c.Data = s.data
	}
	if s.listen != "" {
		c.Listen.HTTP = s.listen
		checkAddress(p, "listen.http", s.listen)
	}
	c.checkData(p)
	c.checkPrivate(p)
	return c, p.err()
}

// A place says which data folder a command works on: named by itself, or by a
// configuration file.
type place struct{ file, data string }

func (p *place) flags(f *flag.FlagSet) {
	f.StringVar(&p.file, "config", "", "the configuration `FILE`")
	f.StringVar(&p.data, "data", "", "the data `FOLDER` (default lychgate-data)")
}

// config is the file's configuration, or one with nothing but a data folder.
func (p *place) config() (*config, error) {
	switch {
	case p.file != "" && p.data != "":
		return nil, fmt.Errorf("%w: -config names the data folder itself: leave out -data", errUsage)
	case p.file != "":
		return readConfig(p.file)
	}
	c := &config{Data: p.data}
	c.fill("")
	return c, nil
}

// existing is config for a command that reads what a gateway has written, or
// speaks to it: a folder that is not there is most likely a misspelt one.
func (p *place) existing() (*config, error) {
	c, err := p.config()
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(c.Data); err != nil {
		return nil, fmt.Errorf("the data folder %s cannot be read: %w: name the folder with -data, or the gateway's configuration with -config", c.Data, err)
	}
	return c, nil
}

// policiesDir is the folder in which consent keeps what the visitors of each site
// were asked.
const policiesDir = "policies"

// findSites puts the sites in whose visitors were asked with this data folder, when
// there is no configuration to name them: else what is read or added would be
// that of a site which is not there. A folder that has asked nobody has the site
// that answers to every host.
func (c *config) findSites() error {
	if len(c.Sites) > 0 {
		return nil
	}
	asked, err := os.ReadDir(filepath.Join(c.Shared, policiesDir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, site := range asked {
		switch name := site.Name(); {
		case !site.IsDir():
		case name == everySite:
			c.Sites = append(c.Sites, siteConfig{})
		default:
			c.Sites = append(c.Sites, siteConfig{Hosts: []string{name}})
		}
	}
	if len(c.Sites) == 0 {
		c.Sites = []siteConfig{{}}
	}
	return nil
}
