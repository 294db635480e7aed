package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/lychgate/lychgate/proxy"
)

func runServe(args []string, stdout, stderr io.Writer) error {
	s, c, err := readSource("serve", args)
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
		return withHint(err)
	}
	defer func() { err = errors.Join(err, watch.close()) }()

	doors, err := h.gateway.Listen(ctx, doorway)
	if err != nil {
		return withHint(err)
	}
	if err := held.allUsed(); err != nil {
		return errors.Join(err, doors.Close())
	}
	h.gateway.Learn(ctx)
	if err := h.announce(stdout, doors, watch); err != nil {
		return errors.Join(err, doors.Close())
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
			Dir: filepath.Join(c.Data, certificatesDir), Log: log,
		})
	default:
		pair = &keyPair{cert: c.TLS.CertFile, key: c.TLS.KeyFile}
		d.TLS, err = pair.tls(), pair.load()
	}
	return d, pair, err
}

// hosts are the names that a certificate is needed for: of every site, and the
// dashboard's own.
func (c *config) hosts() []string {
	var hosts []string
	for _, s := range c.Sites {
		hosts = append(hosts, s.Hosts...)
	}
	if c.Admin.Host != "" {
		hosts = append(hosts, c.Admin.Host)
	}
	return hosts
}
