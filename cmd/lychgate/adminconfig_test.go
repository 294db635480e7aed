package main

import (
	"strings"
	"testing"
	"time"
)

func TestAdminTimes(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"the defaults", "", ""},
		{"all given", "[admin]\nsession = \"8h\"\nidle = \"30m\"\nkeep_audit = \"180d\"", ""},
		{"a short session alone", "[admin]\nsession = \"1h\"", ""},
		{"idle after session", "[admin]\nsession = \"1h\"\nidle = \"2h\"", "admin.idle: 2h is longer than session, which ends first: 1h"},
		{"a host of its own", "[admin]\nhost = \"Stats.charity.example.\"", ""},
		{"a session of nothing", "[admin]\nsession = \"0m\"", "admin.session: 0s is too short: at least 5m"},
		{"a log that says nothing", "[admin]\nkeep_audit = \"2d\"", "admin.keep_audit: 2d is too short"},
		{"no unit", "[admin]\nidle = \"30\"", "admin.idle"},
		{"for ever", "[admin]\nsession = \"2y\"\nidle = \"1h\"", "admin.session: 2y is too long"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, p := parseConfig("x.toml", []byte(tt.text+"\n[[site]]\ndir = \".\"\n"))
			err := p.err()
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("got %v, want %q in it", err, tt.want)
			}
			if tt.text == "" && (c.Admin.Idle.Duration != 2*time.Hour || c.Admin.KeepAudit.Duration != 400*day) {
				t.Errorf("got %v", c.Admin)
			}
		})
	}
}
