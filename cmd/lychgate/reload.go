package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"reflect"
	"slices"
	"strings"
	"sync"
	"syscall"

	"github.com/lychgate/lychgate/consent"
	"github.com/lychgate/lychgate/proxy"
)

// reloads are the keys that take effect while the gateway runs: the sites, and
// what visitors are asked. The others hold until a restart, because listeners,
// stores and the ledger stay open.
var reloads = []string{"site", "purpose", "mail", "consent.ask_again", "consent.policy"}

// A reloader has a house take up a changed configuration, once at a time.
type reloader struct {
	h       *house
	again   func() (*config, error)
	manager *serviceManager
	mu      sync.Mutex
}

// reload reads the configuration again and puts it in force between two
// requests. A wrong one changes nothing. The text says what was done.
func (r *reloader) reload(ctx context.Context) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	defer r.manager.reloading()()
	c, err := r.again()
	if err != nil {
		r.h.log.Error("the configuration was not reloaded; the one before goes on", "err", err)
		return "", err
	}
	waits, err := r.h.take(ctx, c)
	if err != nil {
		r.h.log.Error("the configuration was not reloaded; the one before goes on", "err", err)
		return "", err
	}
	r.h.log.Info("configuration reloaded", "sites", len(c.Sites))
	text := "The configuration is in force: " + count(len(c.Sites), "site", "sites") + ".\n"
	if len(waits) > 0 {
		r.h.log.Warn("some keys have changed that hold until a restart", "keys", waits)
		text += "These keys have changed too, and take effect at the next restart: " + strings.Join(waits, ", ") + ".\n"
	}
	return text, nil
}

// hangups receives SIGHUP, which ends a program that does not ask for it: so it
// is asked for from the very start.
func hangups() chan os.Signal {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	return hup
}

// onSignal reloads at each SIGHUP until ctx is done or the returned function is
// called. The log has the outcome.
func (r *reloader) onSignal(ctx context.Context, hup chan os.Signal) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-hup:
				_, _ = r.reload(ctx) // it has logged
			case <-ctx.Done():
				return
			}
		}
	}()
	return func() {
		cancel()
		<-done
	}
}

// take puts next in force, but for the keys it returns.
func (h *house) take(ctx context.Context, next *config) (waits []string, err error) {
	h.changing.Lock()
	defer h.changing.Unlock()
	before := h.now.Load()
	waits = slices.DeleteFunc(changedKeys(reflect.ValueOf(*h.c), reflect.ValueOf(*next), ""), takesEffect)
	c := *h.c
	c.Sites, c.Purposes, c.Mail = next.Sites, next.Purposes, next.Mail
	c.Consent.AskAgain, c.Consent.Policy = next.Consent.AskAgain, next.Consent.Policy

	// First everything that can fail.
	var ready *proxy.Arrangement
	services := func(site string) []consent.Service {
		if ready == nil {
			return h.gateway.Services(site)
		}
		return ready.Services(site)
	}
	after, err := h.arrange(&c, before, services)
	if err != nil {
		return nil, err
	}
	if ready, err = h.gateway.Arrange(after.sites); err != nil {
		return nil, err
	}
	if h.pair != nil {
		if err := h.pair.load(); err != nil {
			return nil, err
		}
	}
	if err := h.dashboard.Set(c.dashboardSites(h.location), h.mail(&c)); err != nil {
		return nil, err
	}
	if err := h.analytics.SetSites(c.analyticsSites(h.location)); err != nil {
		return nil, err
	}
	ready.Learn(ctx)
	h.now.Store(after)
	ready.Enter()
	if h.certificates != nil {
		h.certificates.SetHosts(c.hosts())
	}
	return waits, nil
}

// takesEffect reports whether a key is among those that need no restart.
func takesEffect(key string) bool {
	return slices.ContainsFunc(reloads, func(r string) bool { return key == r || strings.HasPrefix(key, r+".") })
}

// changedKeys lists the keys whose values differ between two configurations.
func changedKeys(a, b reflect.Value, prefix string) (keys []string) {
	for i := range a.NumField() {
		name := a.Type().Field(i).Tag.Get("toml")
		x, y := a.Field(i), b.Field(i)
		switch {
		case name == "":
		case x.Kind() == reflect.Struct && x.Type() != reflect.TypeFor[period]():
			keys = append(keys, changedKeys(x, y, prefix+name+".")...)
		case !reflect.DeepEqual(x.Interface(), y.Interface()):
			keys = append(keys, prefix+name)
		}
	}
	return keys
}

// runReload has the gateway that runs with the same data folder reload.
func runReload(args []string, stdout, stderr io.Writer) error {
	var file, data string
	f := flagSet("reload")
	f.StringVar(&file, "config", "", "the configuration `FILE` of the running gateway")
	f.StringVar(&data, "data", "", "the data `FOLDER` of the running gateway")
	if err := parse(f, args); err != nil {
		return err
	}
	if (file == "") == (data == "") {
		return fmt.Errorf("%w: say which gateway: -config FILE or -data FOLDER", errUsage)
	}
	if file != "" {
		c, err := readConfig(file)
		if err != nil {
			return fmt.Errorf("nothing was reloaded: %w", err)
		}
		data = c.Data
	}
	text, err := askControl(data, "reload")
	if err != nil {
		return err
	}
	_, err = io.WriteString(stdout, text)
	return err
}
