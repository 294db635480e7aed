package proxy

import (
	"context"
	"fmt"
	"os/exec"
	"time"

	"github.com/mholt/acmez/v3/acme"
)

// hookTimeout is how long the hook may take to have a record served everywhere.
const hookTimeout = 5 * time.Minute

// A dnsHook answers DNS-01 challenges (RFC 8555 section 8.4) by a program of the
// owner, because every DNS provider has an interface of its own. It is run as
//
//	PROGRAM set NAME TEXT     returns when the TXT record is served
//	PROGRAM clear NAME TEXT   takes it away again
type dnsHook string

// Present puts the challenge's record there.
func (h dnsHook) Present(ctx context.Context, c acme.Challenge) error { return h.run(ctx, "set", c) }

// CleanUp takes it away.
func (h dnsHook) CleanUp(ctx context.Context, c acme.Challenge) error { return h.run(ctx, "clear", c) }

func (h dnsHook) run(ctx context.Context, verb string, c acme.Challenge) error {
	ctx, cancel := context.WithTimeout(ctx, hookTimeout)
	defer cancel()
	out, err := exec.CommandContext(ctx, string(h), verb, c.DNS01TXTRecordName(), c.DNS01KeyAuthorization()).CombinedOutput()
	if err != nil {
		return fmt.Errorf("dns hook %s %s: %w: %.200s", h, verb, err, out)
	}
	return nil
}
