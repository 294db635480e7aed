// Command lychgate puts a fair consent banner and privacy-preserving counting in
// front of a website that is not edited: one binary, as a reverse proxy or
// serving the site's folder itself.
//
// This package turns flags, the configuration file and signals into a running
// gateway and back into a clean stop. It wires the rooms and decides nothing
// itself: what a visitor agreed to is consent's, what a page may load is
// proxy's, what is counted is analytics'.
//
// # How a start goes
//
// The file is read whole and every problem in it is reported at once; any
// problem stops the start, as does a port that is taken. A store, key or disk
// that cannot be opened does not: pages are served with everything held back,
// the cause is logged, and opening is tried again. That asymmetry is deliberate:
// a wrong configuration is mended by the person who has just typed it, a broken
// disk at three in the morning is not, and the charity's site should be up.
//
// # How a stop goes
//
// Doors close before rooms: stop accepting, drain, flush what is counted, close
// the stores, close the ledger.
package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// Exit codes, as the usage text promises them.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// errUsage marks an error made on the command line, as opposed to one met
// while doing what it asked for.
var errUsage = errors.New("wrong usage")

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// A command is one word of the command line.
type command struct {
	name string
	run  func(args []string, stdout, stderr io.Writer) error
}

// commands is the list of words, in the order of the usage text.
func commands() []command {
	return []command{
		{"serve", runServe},
		{"check", runCheck},
		{"scan", runScan},
		{"admin", runAdmin},
		{"ledger", runLedger},
		{"keys", runKeys},
		{"report", runReport},
		{"totals", runTotals},
		{"import", runImport},
		{"migrate", runMigrate},
		{"move", runMove},
		{"reload", runReload},
		{"health", runHealth},
		{"backup", runBackup},
		{"restore", runRestore},
		{"version", runVersion},
	}
}

// run carries out one command line and returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprint(stderr, usage)
		return exitUsage
	}
	switch {
	case args[0] == "help" && len(args) == 2:
		args = []string{args[1], "-help"}
	case args[0] == "help" || asksHelp(args[0]):
		fmt.Fprint(stdout, usage)
		return exitDone
	}
	for _, c := range commands() {
		if c.name != args[0] {
			continue
		}
		if len(args) > 1 && asksHelp(args[1]) {
			fmt.Fprint(stdout, c.usage())
			return exitDone
		}
		err := c.run(args[1:], stdout, stderr)
		switch {
		case err == nil:
			return exitDone
		case errors.Is(err, errUsage):
			fmt.Fprintf(stderr, "lychgate %s: %v\n", c.name, err)
			return exitUsage
		default:
			fmt.Fprintf(stderr, "lychgate %s: %v\n", c.name, err)
			return exitFailed
		}
	}
	fmt.Fprintf(stderr, "lychgate: there is no command %q\n\n%s", args[0], usage)
	return exitUsage
}

func asksHelp(arg string) bool { return arg == "-h" || arg == "-help" || arg == "--help" }

// usage is what the usage text says of one command.
func (c *command) usage() string {
	var b strings.Builder
	for line := range strings.Lines(usage) {
		words := strings.Fields(line)
		if len(words) > 1 && (words[0] == c.name || words[0] == "lychgate" && words[1] == c.name) {
			b.WriteString(strings.TrimLeft(line, " "))
		}
	}
	return b.String() + "\nlychgate help lists every command.\n"
}

const usage = `Usage:
    lychgate serve   [-config FILE] [-dir FOLDER | -upstream URL] [-listen ADDR] [-data FOLDER]
    lychgate check   [-config FILE]
    lychgate scan    [-config FILE | -dir FOLDER | -upstream URL] [-json] [-write]
    lychgate admin   add|passwd|remove -name NAME | list  [-config FILE | -data FOLDER]
    lychgate ledger  verify|export|receipt [-id ID]       [-config FILE | -data FOLDER]
    lychgate keys    rotate                               [-config FILE | -data FOLDER]
    lychgate report  [-site S] [-from DAY] [-to DAY] [-o FILE] [-config FILE | -data FOLDER]
    lychgate totals  [-config FILE | -data FOLDER]
    lychgate import  -file FILE [-file FILE ...] [-site S] [-dry-run] [-config FILE | -data FOLDER]
    lychgate migrate -config FILE
    lychgate move    -config FILE -to clickhouse|sqlite
    lychgate reload  -config FILE | -data FOLDER
    lychgate health                                       [-config FILE | -data FOLDER]
    lychgate backup  [-config FILE | -data FOLDER] FILE
    lychgate restore [-config FILE | -data FOLDER] FILE
    lychgate version

serve   puts the gateway in front of a website: a folder, or a server elsewhere.
check   reads the whole configuration, changes nothing and lists every problem.
scan    looks at the whole site and lists what would be held back, page by page.
admin   keeps the accounts of the dashboard. add takes -site S and -role viewer|editor|owner.
ledger  proves, lists or shows the records of what visitors decided.
keys    replaces the keys that cookies are signed with.
report  writes the page for a funder, as .html, .csv or .json.
totals  prints what has been counted and decided so far, as JSON.
import  adds history from Plausible, GoatCounter or a plain CSV, each day once.
migrate makes the tables of a ClickHouse server, or brings them up to date.
move    copies the sums to the ClickHouse server or back, and compares all totals.
reload  has a running serve read its configuration again; no connection is dropped.
health  asks a running serve how each of its rooms is.
backup  copies everything that is kept into one file, and proves the copy.
restore puts it back into an empty data folder, from which nothing is served yet.
All but serve and restore may run beside a running serve.

Exit status: 0 done, 1 failed, 2 wrong usage.

Example:
    $ lychgate serve -dir ./my-website
    then open http://127.0.0.1:8080
`
