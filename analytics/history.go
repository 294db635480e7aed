package analytics

import (
	"archive/zip"
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A history is what another program counted of a site, read from its files and
// not yet added to the sums.
type history struct {
	config   Config
	site     string
	location *time.Location
	sources  sourceTable
	now      time.Time
	files    []ImportedFile
	days     []Row
	sumAt    int // the length of days at which they are summed
}

// newHistory returns an empty history of one of c's sites.
func newHistory(c Config, site string) (*history, error) {
	a, err := prepare(c, nil)
	if err != nil {
		return nil, err
	}
	s := a.site(site)
	if s == nil {
		return nil, fmt.Errorf("no site %q", site)
	}
	return &history{config: a.config, site: site, location: s.calendar.loc, sources: a.sources, now: time.Now()}, nil
}

// importedVisitors is the value of DimGap and DimNewIn under which visitors of
// imported days stand: how often they came before is not known.
const importedVisitors = "imported"

// read reads a file: CSV, CSV packed by gzip, or a zip of such files, told by its
// first bytes. The header of a CSV says which kind it is:
//
//	date,dimension,value,views,visits,visitors,engaged,continues,seconds,timed,goals
//	    lychgate's own: a date as 2024-05-31, a dimension's name (total, page,
//	    source, country, ...) and its value, and any of the counts
//	date,...
//	    one of the files of Plausible's export, imported_*.csv
//	2Path,Title,Event,...
//	    GoatCounter's export
//
// After an error, which names the line and what is wrong in it, the history must
// not be imported.
func (h *history) read(name string, f *os.File) error {
	first := make([]byte, 4)
	n, err := f.ReadAt(first, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: %w", name, err)
	}
	switch first = first[:n]; {
	case bytes.HasPrefix(first, []byte("PK\x03\x04")):
		return h.readZip(name, f)
	case bytes.HasPrefix(first, []byte("\x1f\x8b")):
		z, err := gzip.NewReader(f)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return h.readCSV(name, z)
	}
	return h.readCSV(name, f)
}

// readZip reads the CSV files of an archive.
func (h *history) readZip(name string, f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	z, err := zip.NewReader(f, info.Size())
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	found := false
	for _, e := range z.File {
		if !strings.HasSuffix(strings.ToLower(e.Name), ".csv") {
			continue
		}
		found = true
		r, err := e.Open()
		if err != nil {
			return fmt.Errorf("%s: %s: %w", name, e.Name, err)
		}
		err = h.readCSV(e.Name, r)
		if err := errors.Join(err, r.Close()); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	if !found {
		return fmt.Errorf("%s: no .csv file is in it; of GoatCounter's exports the CSV one can be read, not the JSON one", name)
	}
	return nil
}

// A lineReader turns one line of a file into rows by calling add.
type lineReader func(h *history, field func(name string) string) error

// knownFiles ends the errors about files that are of no known kind.
const knownFiles = "lychgate reads its own form (date,dimension,value,views,...), Plausible's imported_*.csv or their zip, and GoatCounter's CSV export"

// readCSV reads one CSV file.
func (h *history) readCSV(name string, r io.Reader) error {
	lines := csv.NewReader(bufio.NewReader(r))
	lines.FieldsPerRecord, lines.ReuseRecord, lines.Comment = -1, true, '#'
	first, err := lines.Read()
	if err != nil {
		return fmt.Errorf("%s: no header: %w: %s", name, err, knownFiles)
	}
	columns := map[string]int{}
	for i, column := range first {
		// GoatCounter puts a version before its first name.
		column = strings.TrimLeft(strings.TrimPrefix(strings.TrimSpace(column), "\ufeff"), "0123456789")
		columns[strings.ToLower(column)] = i
	}
	read, own := readerOf(columns)
	if read == nil {
		return fmt.Errorf("%s line 1: the header %.80q is of no known kind: %s", name, strings.Join(first, ","), knownFiles)
	}
	if !own {
		lines.Comment = 0
	}
	h.files = append(h.files, ImportedFile{Name: name})
	file := &h.files[len(h.files)-1]
	var record []string
	field := func(name string) string {
		if i, ok := columns[name]; ok && i < len(record) {
			return record[i]
		}
		return ""
	}
	for {
		if record, err = lines.Read(); errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s: %w", name, err) // it names the line
		}
		file.Lines++
		if err := read(h, field); err != nil {
			line, _ := lines.FieldPos(0)
			return fmt.Errorf("%s line %d: %w", name, line, err)
		}
	}
}

// readerOf tells the kind of file by its columns, and whether it is our own, in
// which notes may stand.
func readerOf(columns map[string]int) (read lineReader, own bool) {
	has := func(names ...string) bool {
		for _, n := range names {
			if _, ok := columns[n]; !ok {
				return false
			}
		}
		return true
	}
	switch {
	case has("date", "dimension", "value"):
		return ownReader(has("continues")), true
	case has("path", "session", "firstvisit", "date"):
		return newGoatCounter().readLine, false
	case has("date", "visitors"):
		return plausibleReader(columns), false
	}
	return nil, false
}

// ownReader reads lines of lychgate's own kind of file. A file may leave out which
// views others followed, so that no page is taken for the last of every visit.
func ownReader(continues bool) lineReader {
	return func(h *history, field func(string) string) error {
		day, err := parseDay(field("date"))
		if err != nil {
			return err
		}
		d, value := Dim(field("dimension")), field("value")
		if err := checkOwn(d, value); err != nil {
			return err
		}
		var m Metrics
		for i, n := range m.all() {
			if *n, err = parseCount(field(metricColumns[i])); err != nil {
				return fmt.Errorf("%s: %w", metricColumns[i], err)
			}
		}
		if !continues {
			m.Continues = m.followed(d)
		}
		h.add(day, d, value, m)
		return nil
	}
}

// followed is the number of views that another followed, as far as it can be told
// from other counts: each visit has one that none did. Of a page it cannot.
func (m *Metrics) followed(d Dim) int64 {
	if d == DimPage {
		return m.Views
	}
	return max(m.Views-m.Visits, 0)
}

// checkOwn reports what is wrong with a line's dimension or value.
func checkOwn(d Dim, value string) error {
	if !slices.Contains(monthDims[:], d) || d == DimNewIn || d == DimState || d == DimCube {
		return fmt.Errorf("dimension %q cannot be imported: write total, page, entry, channel, source, campaign, country, region, "+
			"browser, os, device, search, notfound, download, outbound, goal or event", d)
	}
	oneOf := func(values ...string) error {
		if slices.Contains(values, value) {
			return nil
		}
		return fmt.Errorf("%s %q is none of %s", d, value, strings.Join(values, ", "))
	}
	switch d {
	case DimChannel:
		return oneOf(channelNames[:]...)
	case DimDevice:
		return oneOf("phone", "tablet", "computer", "other")
	case DimPage, DimEntry, DimNotFound, DimDownload:
		if !strings.HasPrefix(value, "/") {
			return fmt.Errorf("%s %q is not a path: it begins with a slash", d, value)
		}
	case DimCountry:
		if value != "" && countryCode(value) == "" {
			return fmt.Errorf("country %q is not a code of two capital letters, such as GB", value)
		}
	case DimTotal:
		if value != "" {
			return fmt.Errorf("a total has no value, not %q", value)
		}
	}
	return nil
}

// add adds one sum of a day. Its text is cleaned as every text is.
func (h *history) add(day int32, d Dim, value string, m Metrics) {
	switch d {
	case DimPage, DimEntry, DimNotFound, DimDownload:
		value = pageName(value)
	case DimCountry:
		value = countryCode(value)
	default:
		value = cutText(cleanText(value), maxPageBytes)
	}
	key := Key{Site: h.site, Grain: Day, Dim: d, Start: int64(day) * secondsPerDay, Value: value}
	if len(h.days) >= max(h.sumAt, 1<<16) {
		h.days = sumRows(h.days)
		h.sumAt = 2 * len(h.days)
	}
	h.days = append(h.days, Row{key, m})
	if d == DimTotal {
		key.Value = importedVisitors
		for _, key.Dim = range []Dim{DimGap, DimNewIn} {
			h.days = append(h.days, Row{key, Metrics{Views: m.Views, Visitors: m.Visitors}})
		}
	}
}

func parseDay(s string) (int32, error) {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil || t.Year() < 1990 || t.Year() > 2200 {
		return 0, fmt.Errorf("date %q is not like 2024-05-31", s)
	}
	return dayOf(t), nil
}

// parseCount reads a count; an empty one is 0.
func parseCount(s string) (int64, error) {
	if s == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > 1<<40 {
		return 0, fmt.Errorf("%q is no count", s)
	}
	return n, nil
}
