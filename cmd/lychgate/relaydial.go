//go:build !browsersuite

package main

import (
	"context"
	"net"
)

// relayDial is how files are fetched that are relayed: nil, from public
// addresses only.
func relayDial() func(ctx context.Context, network, address string) (net.Conn, error) { return nil }
