// Package dashboard shows web admins the sums and the gate's state, behind a login.
package dashboard

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/lychgate/lychgate/analytics"
	"github.com/lychgate/lychgate/consent"
)

// Config says whose sums are shown.
type Config struct {
	Sites     []Site
	Analytics *analytics.Analytics
	Keys      *consent.Keys
	// Dir is the data folder, which holds admin.db.
	Dir string
	// Gateway is the gate's side of the page. May be nil.
	Gateway func(site string) GatewayStatus
	Log     *slog.Logger
}

// A Site is one site as its admins know it.
type Site struct{ ID, Name string }

// GatewayStatus is what the gateway knows of a site, for its admins.
type GatewayStatus struct {
	// Notices are what an admin should know now, in plain words, worst first.
	Notices []string
}

// A Dashboard serves /_lychgate/admin/.
type Dashboard struct{}

// Open opens the accounts and returns the Dashboard.
func Open(ctx context.Context, c Config) (*Dashboard, error) { return &Dashboard{}, nil }

// SignInPath returns the path of a fresh one-time sign-in link, or "" when
// there are accounts already.
func (d *Dashboard) SignInPath() string { return "" }

// ServeHTTP answers everything under /_lychgate/admin/.
func (d *Dashboard) ServeHTTP(w http.ResponseWriter, r *http.Request) {}

// Close closes the accounts.
func (d *Dashboard) Close() error { return nil }
