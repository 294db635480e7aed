package proxy

import (
	"net/http"
	"net/netip"
	"testing"
)

func TestNetworkOf(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.77":              "192.0.2.0",
		"::ffff:192.0.2.77":       "192.0.2.0",
		"2001:db8:1:2:3:4:5:6":    "2001:db8:1::",
		"fe80::1234%eth0":         "fe80::",
		"127.0.0.1":               "127.0.0.0",
		"::1":                     "::",
		"2001:db8:1:ffff::1":      "2001:db8:1::",
		"64:ff9b::192.0.2.77":     "64:ff9b::",
		"2002:c000:24d::c000:24d": "2002:c000:24d::",
	} {
		if got := networkOf(netip.MustParseAddr(in)); got.String() != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

func TestReadForwarded(t *testing.T) {
	trusted := networks{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, tt := range []struct {
		name  string
		lines []string
		want  string
	}{
		{"one entry", []string{"192.0.2.7"}, "192.0.2.7"},
		{"the rightmost stranger counts", []string{"1.1.1.1, 192.0.2.7, 10.0.0.9"}, "192.0.2.7"},
		{"lines are one list", []string{"1.1.1.1", "192.0.2.7", "10.0.0.9"}, "192.0.2.7"},
		{"ports and brackets", []string{"[2001:db8::1]:443"}, "2001:db8::1"},
		{"IPv4 with port", []string{"192.0.2.7:1234"}, "192.0.2.7"},
		{"only proxies", []string{"10.0.0.1, 10.0.0.2"}, "10.0.0.1"},
		{"nonsense ends the chain", []string{"192.0.2.7, unknown, 10.0.0.9"}, "10.0.0.9"},
		{"nonsense alone", []string{"_hidden"}, "invalid IP"},
		{"nothing", nil, "invalid IP"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := readForwarded(http.Header{"X-Forwarded-For": tt.lines}, trusted)
			if got := f.addr.String(); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
	for proto, want := range map[string]bool{"https": true, "HTTPS": true, "http": false, "http, https": true, "https, http": false, "": false, "wss": true, "ws": false} {
		if got := readForwarded(http.Header{"X-Forwarded-Proto": {proto}}, trusted).https; got != want {
			t.Errorf("X-Forwarded-Proto %q: got %v", proto, got)
		}
	}
}

func FuzzForwardedFor(f *testing.F) {
	f.Add("192.0.2.7, 10.0.0.1")
	f.Add("[::ffff:1.2.3.4]:80")
	f.Add(",,[, ]:%")
	f.Fuzz(func(t *testing.T, line string) {
		got := readForwarded(http.Header{"X-Forwarded-For": {line}}, networks{netip.MustParsePrefix("10.0.0.0/8")}).addr
		if got.IsValid() && networkOf(got) != networkOf(networkOf(got)) {
			t.Fatalf("%q: %s is cut twice differently", line, got)
		}
	})
}
