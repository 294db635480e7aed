//go:build browsersuite

package main

import (
	"context"
	"net"
	"os"
)

// relayDial lets the browser suite be the rest of the internet for what is
// relayed: every host is the address in LYCHGATE_SUITE_INTERNET, reached from an
// address of its own, so that what the gateway fetches can be told from what a
// browser does. Without the variable all is as in the program that is shipped.
func relayDial() func(ctx context.Context, network, address string) (net.Conn, error) {
	internet := os.Getenv("LYCHGATE_SUITE_INTERNET")
	if internet == "" {
		return nil
	}
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, 2)}}
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		return d.DialContext(ctx, "tcp", internet)
	}
}
