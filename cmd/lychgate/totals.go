package main

import (
	"context"
	"encoding/json"
	"io"

	"github.com/lychgate/lychgate/analytics"
	"github.com/lychgate/lychgate/consent"
)

// runTotals prints what has been counted and decided so far. It reads beside a
// running gateway and changes nothing.
func runTotals(args []string, stdout, stderr io.Writer) error {
	c, err := readPlace("totals", args)
	if err != nil {
		return err
	}
	counted, err := analytics.ReadTotals(context.Background(), analytics.Config{Dir: c.Data, ClickHouse: c.clickhouse()})
	if err != nil {
		return err
	}
	decided, err := consent.ReadTotals(context.Background(), c.Data)
	if err != nil {
		return err
	}
	return json.NewEncoder(stdout).Encode(struct {
		Pageviews int64          `json:"pageviews"`
		Events    int64          `json:"events"`
		Consents  consent.Totals `json:"consents"`
	}{counted.Pageviews, counted.Events, decided})
}
