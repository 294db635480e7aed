package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/lychgate/lychgate/consent"
)

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
	c, err := p.existing()
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
