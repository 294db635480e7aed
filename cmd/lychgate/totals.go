package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"github.com/lychgate/lychgate/analytics"
	"github.com/lychgate/lychgate/consent"
)

// runTotals prints what has been counted and decided so far. It reads beside a
// running gateway and changes nothing.
func runTotals(args []string, stdout, stderr io.Writer) error {
	var file, data string
	f := flagSet("totals")
	f.StringVar(&file, "config", "", "the configuration `FILE`")
	f.StringVar(&data, "data", "", "the data `FOLDER` (default lychgate-data)")
	if err := parse(f, args); err != nil {
		return err
	}
	switch {
	case file != "" && data != "":
		return fmt.Errorf("%w: -config names the data folder itself: leave out -data", errUsage)
	case file != "":
		c, err := readConfig(file)
		if err != nil {
			return err
		}
		data = c.Data
	case data == "":
		data = defaultData
	}
	counted, err := analytics.ReadTotals(context.Background(), data)
	if err != nil {
		return err
	}
	decided, err := consent.ReadTotals(context.Background(), data)
	if err != nil {
		return err
	}
	return json.NewEncoder(stdout).Encode(struct {
		Pageviews int64          `json:"pageviews"`
		Events    int64          `json:"events"`
		Consents  consent.Totals `json:"consents"`
	}{counted.Pageviews, counted.Events, decided})
}
