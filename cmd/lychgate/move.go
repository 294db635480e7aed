package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/lychgate/lychgate/analytics"
)

// runMove copies the sums from the data folder to the ClickHouse server, or back.
func runMove(args []string, stdout, stderr io.Writer) error {
	var file, to string
	f := flagSet("move")
	f.StringVar(&file, "config", "", "the configuration `FILE`")
	f.StringVar(&to, "to", "", "`clickhouse` or sqlite")
	if err := parse(f, args); err != nil {
		return err
	}
	if file == "" || to != storeClickHouse && to != storeSQLite {
		return fmt.Errorf("%w: say where to: -config FILE -to clickhouse, or -to sqlite", errUsage)
	}
	c, err := readConfig(file)
	if err != nil {
		return err
	}
	if c.server() == nil {
		return errors.New(`the file names no ClickHouse server: set addr = ["host:9000"] in [analytics.clickhouse]`)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	moved, err := analytics.Move(ctx, analytics.Config{
		Dir: c.Data, ClickHouse: c.server(), Retention: c.Analytics.Retention.Duration,
	}, to)
	if err != nil {
		return fmt.Errorf("%w (whatever happens, running this again goes on where it stopped)", err)
	}
	_, err = fmt.Fprintf(stdout, "Moved %d rows to %s. All %d totals agree, %d page views among them.\n", moved.Rows, to, moved.Totals, moved.Views)
	if err == nil && c.Analytics.Store != to {
		_, err = fmt.Fprintf(stdout, "Now set store = %q and start lychgate again: what it counts until then waits in its spool.\n", to)
	}
	return err
}
