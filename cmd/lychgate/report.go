package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lychgate/lychgate/analytics"
	"github.com/lychgate/lychgate/analytics/dashboard"
)

// runReport writes the page for a funder without a browser. It reads beside a
// running gateway and changes nothing.
func runReport(args []string, stdout, stderr io.Writer) (err error) {
	var p place
	var name, from, to, file string
	f := flagSet("report")
	p.flags(f)
	f.StringVar(&name, "site", "", "the `SITE` (default the first)")
	f.StringVar(&from, "from", "", "a `DAY` in the first month, such as 2026-04-01 (default the last whole month)")
	f.StringVar(&to, "to", "", "a `DAY` in the last month (default that of -from)")
	f.StringVar(&file, "o", "", "the `FILE` to write: .html, .csv or .json (default HTML on standard output)")
	if err := parse(f, args); err != nil {
		return err
	}
	c, err := p.existing()
	if err != nil {
		return err
	}
	if err := c.findSites(); err != nil {
		return err
	}
	first, err := dayFlag("from", from)
	if err != nil {
		return err
	}
	last, err := dayFlag("to", to)
	if err != nil {
		return err
	}
	if last.IsZero() {
		last = first
	}
	if last.Before(first) {
		return fmt.Errorf("%w: -to %s lies before -from %s", errUsage, to, from)
	}
	if first.After(time.Now()) {
		return fmt.Errorf("%w: -from %s has not come yet", errUsage, from)
	}
	format := "html"
	if file != "" {
		format = strings.TrimPrefix(filepath.Ext(file), ".")
	}
	h := &house{c: c}
	if h.location, err = time.LoadLocation(c.Analytics.Timezone); err != nil {
		return err
	}
	for _, site := range h.dashboardConfig(nil).Sites {
		if name != "" && site.ID != name {
			continue
		}
		ctx := context.Background()
		sums, err := analytics.OpenForReading(ctx, h.analyticsConfig(nil))
		if err != nil {
			return err
		}
		var out strings.Builder
		err = dashboard.WriteReport(ctx, &out, sums, site, first, last, format)
		if err := errors.Join(err, sums.Close(ctx)); err != nil {
			return err
		}
		if file == "" {
			_, err := io.WriteString(stdout, out.String())
			return err
		}
		return os.WriteFile(file, []byte(out.String()), 0o644)
	}
	return fmt.Errorf("%w: there is no site %q", errUsage, name)
}

func dayFlag(name, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	day, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return day, fmt.Errorf("%w: -%s %q is not a day: write it as 2026-04-01", errUsage, name, text)
	}
	return day, nil
}
