package main

import (
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/lychgate/lychgate/analytics"
	"github.com/lychgate/lychgate/consent"
	"github.com/lychgate/lychgate/proxy"
)

// Every room's state is among the figures: who adds a field to one adds a figure,
// or says here why there is none.
func TestMetricsTellOfEveryRoom(t *testing.T) {
	_, door := monitored(t, fmt.Sprintf("[[site]]\ndir = %q\n", testSite(t)))
	_, text := do(t, navigate(t, http.MethodGet, door+"/metrics", nil))
	const notYet = "lychgate_requests_total" // a moment that has not been is left out
	figures := map[string]string{
		"proxy.Health.Upstreams":            "lychgate_upstreams",
		"proxy.Health.UpstreamsDown":        "lychgate_upstreams_down",
		"proxy.Health.Refused.Connections":  `lychgate_refused_total{kind="connection"}`,
		"proxy.Health.Refused.Requests":     `lychgate_refused_total{kind="request"}`,
		"proxy.Health.Refused.Cut":          "lychgate_cut_connections_total",
		"proxy.Health.ThirdParties.Held":    `lychgate_third_parties{verdict="held"}`,
		"proxy.Health.ThirdParties.Relayed": `lychgate_third_parties{verdict="relayed"}`,
		"proxy.Health.ThirdParties.Passed":  `lychgate_third_parties{verdict="passed"}`,
		"proxy.Health.ThirdParties.Pending": `lychgate_third_parties{verdict="pending"}`,
		"proxy.Health.Relay.Files":          `lychgate_relay_files{state="ready"}`, // with the next three
		"proxy.Health.Relay.Waiting":        `lychgate_relay_files{state="waiting"}`,
		"proxy.Health.Relay.Failed":         `lychgate_relay_files{state="failed"}`,
		"proxy.Health.Relay.Beacons":        `lychgate_relay_files{state="beacon"}`,
		"proxy.Health.Relay.Bytes":          "lychgate_relay_bytes",
		"consent.LedgerHealth.Err":          "lychgate_ledger_up",
		"consent.LedgerHealth.Waiting":      "lychgate_ledger_waiting",
		"consent.LedgerHealth.Commits":      "lychgate_ledger_commits_total",
		"consent.LedgerHealth.LastCommit":   notYet,
		"consent.LedgerHealth.Bytes":        "lychgate_ledger_bytes",
		"analytics.Health.StoreOpen":        "lychgate_counting_up",
		"analytics.Health.Err":              "lychgate_counting_up",
		"analytics.Health.LastWrite":        notYet,
		"analytics.Health.Sent":             "lychgate_batches_sent_total",
		"analytics.Health.Failures":         "lychgate_batch_failures_total",
		"analytics.Health.SpoolErr":         "lychgate_spool_up",
		"analytics.Health.Backlog":          "lychgate_spool_batches",
		"analytics.Health.BacklogBytes":     "lychgate_spool_bytes",
		"analytics.Health.SetAside":         "lychgate_spool_set_aside",
		"analytics.Health.PlaceErr":         "lychgate_places_up",
		"analytics.Health.Places":           "lychgate_places_built_timestamp_seconds",
		"analytics.Retention.LastPass":      notYet,
		"analytics.Retention.Late":          "lychgate_retention_late_rows",
		"analytics.Retention.Others":        "lychgate_other_housekeepers",
		"analytics.Retention.Err":           "lychgate_retention_up",
		// What the configuration says, and what Kept leaves out.
		"analytics.Retention.Window": "", "analytics.Retention.Hours": "", "analytics.Retention.Days": "",
		"analytics.Retention.OldestDay": "", "analytics.Retention.OldestHour": "", "analytics.Retention.NextDeletion": "",
	}
	var walk func(name string, of reflect.Type)
	walk = func(name string, of reflect.Type) {
		if of.Kind() == reflect.Struct && strings.HasPrefix(of.PkgPath(), module+"/proxy") {
			for field := range of.Fields() {
				walk(name+"."+field.Name, field.Type)
			}
			return
		}
		figure, known := figures[name]
		if !known {
			t.Errorf("%s is told by no figure", name)
		}
		if !strings.Contains(text, figure+" ") && figure != notYet && figure != "" {
			t.Errorf("%s: there is no %s in %s", name, figure, text)
		}
		delete(figures, name)
	}
	walk("proxy.Health", reflect.TypeFor[proxy.Health]())
	for name, of := range map[string]reflect.Type{
		"consent.LedgerHealth": reflect.TypeFor[consent.LedgerHealth](),
		"analytics.Health":     reflect.TypeFor[analytics.Health](),
		"analytics.Retention":  reflect.TypeFor[analytics.Retention](),
	} {
		for field := range of.Fields() {
			walk(name+"."+field.Name, field.Type)
		}
	}
	for name := range figures {
		t.Errorf("there is no %s any more", name)
	}
	for _, figure := range []string{"lychgate_dashboard_up 1", "lychgate_certificates 0", "lychgate_certificates_missing 0"} {
		if !strings.Contains(text, "\n"+figure+"\n") {
			t.Errorf("there is no %q in %s", figure, text)
		}
	}
}
