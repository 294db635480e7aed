package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/lychgate/lychgate/analytics"
)

// runImport adds what another program counted to the sums, beside a running
// gateway or without one.
func runImport(args []string, stdout, stderr io.Writer) error {
	var p place
	var site string
	var files []string
	var dryRun bool
	f := flagSet("import")
	p.flags(f)
	f.StringVar(&site, "site", "", "the `SITE` that was counted (default the only one)")
	f.Func("file", "a `FILE` of history; repeat it for more", func(name string) error {
		files = append(files, name)
		return nil
	})
	f.BoolVar(&dryRun, "dry-run", false, "only say what would be added")
	if err := parse(f, args); err != nil {
		return err
	}
	if len(files) == 0 {
		return fmt.Errorf("%w: say what to import: -file FILE, once for each", errUsage)
	}
	c, err := p.config()
	if err != nil {
		return err
	}
	if site, err = c.onlySite(site); err != nil {
		return err
	}
	h := &house{c: c}
	if h.location, err = time.LoadLocation(c.Analytics.Timezone); err != nil {
		return err
	}
	if !dryRun {
		if err := os.MkdirAll(c.Data, 0o700); err != nil {
			return err
		}
	}
	done, err := analytics.ImportFiles(context.Background(), h.analyticsConfig(nil), site, files, dryRun)
	if err != nil {
		return fmt.Errorf("nothing was added: %w", err)
	}
	return writeImported(stdout, site, done, dryRun)
}

// onlySite is the site called name, or without a name the only one there is.
func (c *config) onlySite(name string) (string, error) {
	if err := c.findSites(); err != nil {
		return "", err
	}
	var all []string
	for i := range c.Sites {
		id := c.Sites[i].id()
		if id == name || name == "" && len(c.Sites) == 1 {
			return id, nil
		}
		all = append(all, id)
	}
	return "", fmt.Errorf("%w: -site %q: it is one of %s", errUsage, name, strings.Join(all, ", "))
}

// writeImported says what was added, or would be.
func writeImported(out io.Writer, site string, done analytics.Imported, dryRun bool) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, f := range done.Files {
		fmt.Fprintf(w, "read %s: %s\n", f.Name, count(f.Lines, "line", "lines"))
	}
	if done.Rows > 0 {
		fmt.Fprintf(w, "\nFor %s:\n  \tdays\tfrom\tto\tvalues\tpage views\tvisits\n", site)
	}
	for _, d := range done.Dims {
		if d.Days > 0 {
			fmt.Fprintf(w, "  %s\t%d\t%s\t%s\t%d\t%d\t%d\n", d.Dim, d.Days,
				d.From.Format(time.DateOnly), d.To.Format(time.DateOnly), d.Values, d.Views, d.Visits)
		}
	}
	var left []string
	for _, d := range done.Dims {
		if d.Known > 0 {
			left = append(left, fmt.Sprintf("%s of %s, which %s counted already", count(d.Known, "day", "days"), d.Dim, areOrIs(d.Known)))
		}
	}
	if done.TooOld > 0 {
		left = append(left, count(done.TooOld, "day", "days")+" older than sums are kept (retention)")
	}
	if done.Unfinished > 0 {
		left = append(left, count(done.Unfinished, "day", "days")+" not over yet")
	}
	if len(left) > 0 {
		fmt.Fprintf(w, "\nLeft out:\n  %s\n", strings.Join(left, "\n  "))
	}
	last := "Added: " + strconv.Itoa(done.Rows) + " sums."
	switch {
	case done.Rows == 0:
		last = "There is nothing new in it."
	case dryRun:
		last = "This was a look only. Without -dry-run it is added."
	}
	fmt.Fprintf(w, "\n%s\n", last)
	return w.Flush()
}

func areOrIs(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
}
