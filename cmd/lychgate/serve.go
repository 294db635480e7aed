package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/lychgate/lychgate/proxy"
)

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

// flagSet returns a FlagSet that leaves printing errors to run.
func flagSet(name string) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	return f
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
		c.checkAddress(p, "listen.http", s.listen)
	}
	return c, p.err()
}

func runCheck(args []string, stdout, stderr io.Writer) error {
	var s source
	f := flagSet("check")
	s.flags(f)
	if err := parse(f, args); err != nil {
		return err
	}
	c, err := s.config()
	if err != nil {
		return err
	}
	if c.TLS.CertFile != "" {
		if err := (&keyPair{cert: c.TLS.CertFile, key: c.TLS.KeyFile}).load(); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintf(stdout, "The configuration is right: %s.\n", count(len(c.Sites), "site", "sites"))
	return err
}

func runServe(args []string, stdout, stderr io.Writer) error {
	var s source
	f := flagSet("serve")
	s.flags(f)
	if err := parse(f, args); err != nil {
		return err
	}
	c, err := s.config()
	if err != nil {
		return err
	}
	// A second signal, while draining, ends the program the hard way.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return serve(ctx, c, s.config, stdout, c.logger(stderr))
}

// serve runs the gateway of c until ctx is done. again reads the configuration
// anew, when somebody asks for it.
func serve(ctx context.Context, c *config, again func() (*config, error), stdout io.Writer, log *slog.Logger) (err error) {
	manager, hup := newServiceManager(log), hangups()
	doorway, pair, err := c.doors(log)
	if err != nil {
		return err
	}
	held, err := heldSockets()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, held.close()) }()
	doorway.Bind = held.bind
	door, err := openControl(c.Data, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, door.close()) }()
	h, err := open(c, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, h.close()) }()
	h.certificates, h.pair = doorway.Certificates, pair
	watch, err := openMonitor(ctx, c.Admin.Listen, h, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, watch.close()) }()

	doors, err := h.gateway.Listen(ctx, doorway)
	if err != nil {
		return err
	}
	if err := held.allUsed(); err != nil {
		return errors.Join(err, doors.Close())
	}
	h.gateway.Learn(ctx)
	if err := h.announce(stdout, doors, watch); err != nil {
		return err
	}
	go watch.serve()
	reloads := &reloader{h: h, again: again, manager: manager}
	go door.serve(map[string]func(context.Context) (string, error){"reload": reloads.reload, "health": h.health})
	defer reloads.onSignal(ctx, hup)()
	defer manager.attend(ctx, h.alive)()
	return doors.Serve(ctx)
}

// doors says where to listen and with which certificates.
func (c *config) doors(log *slog.Logger) (d proxy.ListenConfig, pair *keyPair, err error) {
	d.HTTP, d.HTTPS, d.ProxyProtocol = c.Listen.HTTP, c.Listen.HTTPS, c.Listen.ProxyProtocol
	d.HTTP3, d.Drain, d.HSTS = c.Listen.HTTP3, c.Listen.Drain.Duration, c.TLS.HSTS.Duration
	switch {
	case d.HTTPS == "":
	case c.ordersCertificates():
		d.Certificates, err = proxy.NewCertificates(proxy.CertificateConfig{
			Hosts: c.hosts(), Email: c.TLS.Email, CA: c.TLS.CA, CARoot: c.TLS.CARoot, Profile: c.TLS.Profile, DNSHook: c.TLS.DNSHook,
			Dir: filepath.Join(c.Data, "certificates"), Log: log,
		})
	default:
		pair = &keyPair{cert: c.TLS.CertFile, key: c.TLS.KeyFile}
		d.TLS, err = pair.tls(), pair.load()
	}
	return d, pair, err
}

// hosts are the names of every site.
func (c *config) hosts() []string {
	var hosts []string
	for _, s := range c.Sites {
		hosts = append(hosts, s.Hosts...)
	}
	return hosts
}
