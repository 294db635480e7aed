package main

import (
	"fmt"
	"io"
	"path/filepath"

	"github.com/lychgate/lychgate/consent"
)

// runKeys replaces the keys that cookies are signed with.
func runKeys(args []string, stdout, stderr io.Writer) error {
	word, rest, err := oneOf(args, "rotate")
	if err != nil {
		return err
	}
	c, err := readPlace("keys "+word, rest)
	if err != nil {
		return err
	}
	// Cookies are signed at midnight for the day, in whatever zone: two days more
	// and none is left.
	id, err := consent.RotateKeys(c.keyFile(), c.Consent.AskAgain.Duration+2*day)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "New keys %s are in force at the next start of every gateway that uses %s.\n"+
		"What was signed with the old ones counts until it expires.\n", id, c.keyFile())
	return err
}

// keyFile is the path of the keys.
func (c *config) keyFile() string {
	if c.Consent.KeyFile != "" {
		return c.Consent.KeyFile
	}
	return filepath.Join(c.Shared, "keys")
}
