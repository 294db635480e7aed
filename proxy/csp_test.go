package proxy

import (
	"net/http"
	"strings"
	"testing"
)

func TestAdmitStyle(t *testing.T) {
	const hash = "'sha256-abc='"
	for _, tt := range []struct{ name, policy, want string }{
		{"no word about styles", "script-src 'self'", "script-src 'self'"},
		{"empty", "", ""},
		{"live unsafe-inline", "style-src 'self' 'unsafe-inline'", "style-src 'self' 'unsafe-inline'"},
		{"live by default-src", "default-src * 'unsafe-inline'", "default-src * 'unsafe-inline'"},
		{"dead unsafe-inline", "style-src 'unsafe-inline' 'nonce-x'", "style-src 'unsafe-inline' 'nonce-x' " + hash},
		{"dead by hash", "style-src 'unsafe-inline' 'SHA256-x'", "style-src 'unsafe-inline' 'SHA256-x' " + hash},
		{"self only", "style-src 'self'", "style-src 'self' " + hash},
		{"none", "style-src 'none'", "style-src " + hash},
		{"inherited", "default-src 'self' cdn.example; img-src *", "default-src 'self' cdn.example; img-src *; style-src 'self' cdn.example " + hash},
		{"inherited none", "default-src 'none'", "default-src 'none'; style-src " + hash},
		{"elem counts alone", "style-src-elem 'self'; style-src 'none'", "style-src-elem 'self' " + hash + "; style-src 'none'"},
		{"the first of two counts", "STYLE-SRC 'self'; style-src *", "style-src 'self' " + hash},
		{"form-action", "form-action https://pay.example", "form-action https://pay.example 'self'"},
		{"form-action none", "form-action 'none'", "form-action 'self'"},
		{"form-action allows us", "form-action 'self'; script-src x", "form-action 'self'; script-src x"},
		{"ours already", "style-src " + hash, "style-src " + hash},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, _ := admitStyle(tt.policy, hash)
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if again, changed := admitStyle(got, hash); changed {
				t.Errorf("changed twice: %s", again)
			}
		})
	}
}

func TestAdmitBanner(t *testing.T) {
	h := http.Header{
		"Content-Security-Policy": {"style-src 'self', default-src 'none'; sandbox allow-scripts", "img-src *"},
		"Referrer-Policy":         {"origin, no-referrer"},
	}
	if !admitBanner(h, "'sha256-x='", true) {
		t.Error("a sandbox without forms was not seen")
	}
	if got, want := strings.Join(h["Content-Security-Policy"], " | "),
		"style-src 'self' 'sha256-x=',default-src 'none'; sandbox allow-scripts; style-src 'sha256-x=' | img-src *"; got != want {
		t.Errorf("got %s", got)
	}
	if got := h.Get("Referrer-Policy"); got != "same-origin" {
		t.Errorf("Referrer-Policy: got %q", got)
	}
	h = http.Header{"Content-Security-Policy": {"sandbox allow-forms"}, "Referrer-Policy": {"no-referrer"}}
	if admitBanner(h, "", false) || h.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("got %v", h)
	}
}

func FuzzAdmitStyle(f *testing.F) {
	f.Add("default-src 'self'; style-src 'unsafe-inline'")
	f.Add(";;style-src\t'NONE' 'none';form-action")
	f.Fuzz(func(t *testing.T, policy string) {
		got, changed := admitStyle(policy, "'sha256-x='")
		if !changed && got != policy {
			t.Fatalf("%q became %q unnoticed", policy, got)
		}
		// Nothing else is loosened: every other directive is as it was.
		before, after := parsePolicy(policy), parsePolicy(got)
		for _, d := range before {
			if strings.HasPrefix(d.name, "style-src") || d.name == "form-action" {
				continue
			}
			a := find(after, d.name)
			if a == nil || strings.Join(a.sources, " ") != strings.Join(d.sources, " ") {
				t.Fatalf("%q: %s changed in %q", policy, d.name, got)
			}
		}
	})
}
