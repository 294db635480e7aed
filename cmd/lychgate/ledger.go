package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/lychgate/lychgate/consent"
)

// A place says which data folder a command works on: named by itself, or by a
// configuration file.
type place struct{ file, data string }

func (p *place) flags(f *flag.FlagSet) {
	f.StringVar(&p.file, "config", "", "the configuration `FILE`")
	f.StringVar(&p.data, "data", "", "the data `FOLDER` (default lychgate-data)")
}

// config is the file's configuration, or one with nothing but a data folder.
func (p *place) config() (*config, error) {
	switch {
	case p.file != "" && p.data != "":
		return nil, fmt.Errorf("%w: -config names the data folder itself: leave out -data", errUsage)
	case p.file != "":
		return readConfig(p.file)
	}
	c := &config{Data: p.data}
	c.fill("")
	return c, nil
}

// keyFile is the path of the keys.
func (c *config) keyFile() string {
	if c.Consent.KeyFile != "" {
		return c.Consent.KeyFile
	}
	return filepath.Join(c.Shared, "keys")
}

// oneOf splits "verify -data x" into the word, which must be known, and the rest.
func oneOf(args []string, words ...string) (word string, rest []string, err error) {
	if len(args) > 0 {
		for _, w := range words {
			if args[0] == w {
				return w, args[1:], nil
			}
		}
		return "", nil, fmt.Errorf("%w: there is no %q here: one of %v", errUsage, args[0], words)
	}
	return "", nil, fmt.Errorf("%w: say which: one of %v", errUsage, words)
}

// runLedger reads the consent evidence. None of its words changes anything.
func runLedger(args []string, stdout, stderr io.Writer) error {
	word, rest, err := oneOf(args, "verify", "export", "receipt")
	if err != nil {
		return err
	}
	var p place
	var id string
	f := flagSet("ledger " + word)
	p.flags(f)
	if word == "receipt" {
		f.StringVar(&id, "id", "", "the record's `ID`, as an export writes it")
	}
	if err := parse(f, rest); err != nil {
		return err
	}
	c, err := p.config()
	if err != nil {
		return err
	}
	ctx := context.Background()
	switch word {
	case "export":
		return consent.ExportLedger(ctx, c.Data, stdout)
	case "receipt":
		if id == "" {
			return fmt.Errorf("%w: say which record: -id ID", errUsage)
		}
		receipt, err := consent.LedgerReceipt(ctx, c.Data, id)
		if err != nil {
			return err
		}
		_, err = stdout.Write(append(receipt, '\n'))
		return err
	default:
		return verifyLedger(ctx, c, stdout)
	}
}

func verifyLedger(ctx context.Context, c *config, stdout io.Writer) error {
	// Verifying must not make the keys it verifies with.
	if _, err := os.Stat(c.keyFile()); err != nil {
		return fmt.Errorf("the checkpoints are signed with keys that are not there: %w", err)
	}
	keys, err := consent.OpenKeys(c.keyFile(), c.Data)
	if err != nil {
		return err
	}
	audit, err := consent.VerifyLedger(ctx, c.Data, keys)
	if err != nil {
		return err
	}
	if len(audit.Problems) > 0 {
		for _, problem := range audit.Problems {
			fmt.Fprintln(stdout, problem)
		}
		return errors.New("the ledger is not as it was written")
	}
	_, err = fmt.Fprintf(stdout, "The ledger is whole: %s recorded, %d kept, %d erased on time.\n%s",
		count(int(audit.Leaves), "decision", "decisions"), audit.Records, audit.Erased, audit.Checkpoint)
	return err
}

// runKeys replaces the keys that cookies are signed with.
func runKeys(args []string, stdout, stderr io.Writer) error {
	word, rest, err := oneOf(args, "rotate")
	if err != nil {
		return err
	}
	var p place
	f := flagSet("keys " + word)
	p.flags(f)
	if err := parse(f, rest); err != nil {
		return err
	}
	c, err := p.config()
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
