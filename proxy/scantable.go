package proxy

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

// verdictWords say to owners what becomes of a third party, in the order of what
// matters most.
var verdictWords = [...]struct{ verdict, words string }{
	{"held", "does not load until a visitor agrees"},
	{"relayed", "comes through lychgate, so that browsers do not contact its server"},
	{"passed", "works before any answer: visitors ask for it by giving or paying, or you allowed it"},
}

// WriteTable writes the report for people.
func (r *ScanReport) WriteTable(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintf(t, "Site %s: %d pages and files looked at", r.Site, len(r.Pages))
	if !r.Complete {
		fmt.Fprint(t, " (not all: the time or the limit was reached)")
	}
	fmt.Fprint(t, ".\n\n")
	if len(r.ThirdParties) == 0 {
		fmt.Fprint(t, "No third parties.\n")
	} else {
		r.writeParties(t)
	}
	if len(r.Cookies) > 0 {
		fmt.Fprint(t, "\nCOOKIE\tSERVICE\tPURPOSE\n")
		for _, c := range r.Cookies {
			fmt.Fprintf(t, "%s\t%s\t%s\n", c.Name, dash(c.ServiceName), c.Purpose)
		}
		fmt.Fprint(t, "Cookies of the site's own server wait for a yes as well. Those the site cannot do without go into essential_cookies.\n")
	}
	r.writePages(t)
	for _, a := range r.Advice {
		fmt.Fprintf(t, "\nADVICE  %s\n", a)
	}
	return t.Flush()
}

// writeParties writes one row for each service and verdict, and what the
// verdicts mean.
func (r *ScanReport) writeParties(w io.Writer) {
	type row struct {
		verdict, service, purpose string
		loads, hosts              []string
		pages                     int
	}
	var rows []*row
	for _, p := range r.ThirdParties {
		i := slices.IndexFunc(rows, func(o *row) bool { return p.Name != "" && o.service == p.Name && o.verdict == p.Verdict })
		if i < 0 {
			i, rows = len(rows), append(rows, &row{verdict: p.Verdict, service: p.Name, purpose: p.Purpose})
		}
		o := rows[i]
		o.hosts, o.pages = append(o.hosts, p.Host), max(o.pages, p.Pages)
		for _, l := range p.Loads {
			if !slices.Contains(o.loads, l) {
				o.loads = append(o.loads, l)
			}
		}
	}
	fmt.Fprint(w, "VERDICT\tSERVICE\tPURPOSE\tLOADS\tPAGES\tHOSTS\n")
	for _, o := range rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%s\n", o.verdict, cmp.Or(o.service, "unknown"), dash(o.purpose), strings.Join(o.loads, ", "), o.pages, strings.Join(o.hosts, ", "))
	}
	fmt.Fprintln(w)
	for _, v := range verdictWords {
		if slices.ContainsFunc(rows, func(o *row) bool { return o.verdict == v.verdict }) {
			fmt.Fprintf(w, "%s\t%s\n", v.verdict, v.words)
		}
	}
}

// writePages writes what each page holds; what all of them hold only once.
func (r *ScanReport) writePages(w io.Writer) {
	var pages []*ScanPage
	for _, p := range r.Pages {
		if len(p.Found) > 0 {
			pages = append(pages, p)
		}
	}
	everywhere := func(f ScanFound) bool {
		return len(pages) > 1 && !slices.ContainsFunc(pages, func(p *ScanPage) bool { return !slices.Contains(p.Found, f) })
	}
	write := func(title string, found []ScanFound) {
		fmt.Fprintf(w, "\n%s\n", title)
		for _, f := range found {
			fmt.Fprintf(w, "  %s\t%s\t%s\t%s\n", f.Verdict, f.Loads, f.Host, f.Service)
		}
	}
	var shared []ScanFound
	if len(pages) > 0 {
		for _, f := range pages[0].Found {
			if everywhere(f) {
				shared = append(shared, f)
			}
		}
	}
	if len(shared) > 0 {
		write(fmt.Sprintf("On all %d pages that hold anything", len(pages)), shared)
	}
	var plain []string
	for _, p := range pages {
		own := slices.DeleteFunc(slices.Clone(p.Found), everywhere)
		if len(own) == 0 {
			plain = append(plain, p.Path)
			continue
		}
		write(p.Path, own)
	}
	if len(plain) > 0 {
		fmt.Fprintf(w, "\nNothing more on %s\n", strings.Join(plain, " "))
	}
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
