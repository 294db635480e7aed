package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lychgate/lychgate/banner"
)

// runCheck reads the whole configuration and lists every problem.
func runCheck(args []string, stdout, stderr io.Writer) error {
	_, c, err := readSource("check", args)
	if err != nil {
		return err
	}
	text := fmt.Sprintf("The configuration is right: %s.\n", count(len(c.Sites), "site", "sites"))
	if c.TLS.CertFile != "" {
		pair := &keyPair{cert: c.TLS.CertFile, key: c.TLS.KeyFile}
		if err := pair.load(); err != nil {
			return err
		}
		for _, complaint := range pair.complaints(c.hosts(), time.Now()) {
			text += "But " + complaint + ".\n"
		}
	}
	for _, warning := range slices.Concat(c.observers(), c.exposed(), c.renamed()) {
		text += "But " + warning + ".\n"
	}
	_, err = io.WriteString(stdout, text)
	return err
}

// observers say which sites hold nothing back, so that nobody leaves them so
// without knowing.
func (c *config) observers() (list []string) {
	for i := range c.Sites {
		if s := &c.Sites[i]; s.ThirdParties == "observe" {
			list = append(list, fmt.Sprintf("third parties of site %s are only listed, not held back: third_parties = \"observe\"", s.id()))
		}
	}
	return list
}

// renamed say which sites went by another of their names when visitors were last
// asked. Numbers, records and answers stay with the first name.
func (c *config) renamed() (list []string) {
	asked := func(name string) bool {
		_, err := os.Stat(filepath.Join(c.Shared, policiesDir, name))
		return err == nil
	}
	for i := range c.Sites {
		hosts := c.Sites[i].Hosts
		if len(hosts) == 0 || asked(hosts[0]) {
			continue
		}
		goOn := "leave hosts out"
		before := everySite
		if at := slices.IndexFunc(hosts, asked); at >= 0 {
			before, goOn = hosts[at], "put that first in hosts"
		}
		if asked(before) {
			list = append(list, fmt.Sprintf("site[%d] was called %s until now: as %s it begins anew, without its numbers, and everybody is asked again; %s to go on", i, before, hosts[0], goOn))
		}
	}
	return list
}

// check adds every problem that reading alone cannot find. It opens nothing but
// looks whether folders and files are there.
func (c *config) check(p *problems) {
	c.checkListen(p)
	c.checkTLS(p)
	c.Limits.check(p)
	c.checkRetention(p)
	c.checkPurposes(p)
	c.checkAnalytics(p)
	c.checkAdmin(p)
	c.checkMail(p)
	if f := c.Log.Format; f != logText && f != logJSON {
		p.add("log.format", `%q: write "text" or "json"`, f)
	}
	c.checkSites(p)
}

// checkRetention checks how long an answer, its evidence and the sums are kept.
func (c *config) checkRetention(p *problems) {
	for key, q := range map[string]period{
		"consent.ask_again":    c.Consent.AskAgain,
		"consent.keep_records": c.Consent.KeepRecords,
		"analytics.retention":  c.Analytics.Retention,
	} {
		if q.err != nil {
			p.add(key, "%v", q.err)
		} else if q.Duration < day {
			p.add(key, "%s is too short: at least a day", q)
		}
	}
	if c.Consent.AskAgain.Duration > 400*day {
		p.add("consent.ask_again", "%s is longer than browsers keep a cookie: at most 400d", c.Consent.AskAgain)
	}
	if keep := c.Consent.KeepRecords.Duration; keep >= day && keep < c.Consent.AskAgain.Duration {
		p.add("consent.keep_records", "is shorter than ask_again: an answer must not outlive its evidence")
	}
}

func (c *config) checkPurposes(p *problems) {
	seen := map[string]string{"statistics": "built in", "other": "built in"}
	if len(c.Purposes) > 6 {
		p.add("purpose[6]", "at most 6 purposes can be told apart by a visitor; this file has %d", len(c.Purposes))
	}
	for i, u := range c.Purposes {
		key := fmt.Sprintf("purpose[%d]", i)
		switch {
		case u.ID == "":
			p.add(key, `has no id: add id = "newsletter" or the like`)
		case seen[u.ID] != "":
			p.add(key+".id", "%q is there already (%s)", u.ID, seen[u.ID])
		}
		seen[u.ID] = key
		if u.Name["en"] == "" {
			p.add(key+".name", `has no English name: add name = { en = "..." }`)
		}
		if u.Text["en"] == "" {
			p.add(key+".text", `has no English text: add text = { en = "One plain sentence." }`)
		}
		if u.ID != "" {
			checkWords(p, key, banner.Config{Purposes: []banner.Purpose{{ID: u.ID, Name: u.Name, Text: u.Text}}})
		}
	}
}

// checkWords adds what the banner has against words, colours and languages. Each
// line of its error begins with a key, or with a purpose.
func checkWords(p *problems, key string, b banner.Config) {
	err := b.Validate()
	if err == nil {
		return
	}
	for problem := range strings.Lines(err.Error()) {
		field, text, ok := strings.Cut(strings.TrimSpace(problem), ": ")
		switch {
		case strings.HasPrefix(field, "purpose"):
			p.add(key, "%s", text)
		case !ok || strings.Contains(field, " "):
			p.add(key+".banner", "%s", strings.TrimSpace(problem))
		default:
			p.add(key+"."+field, "%s", text)
		}
	}
}

// checkData checks that nothing else lies where the folders go. That they can be
// written is for the rooms to find out, which then wait until they can.
func (c *config) checkData(p *problems) {
	folders := map[string]string{"data": c.Data}
	if c.Shared != c.Data {
		folders["shared"] = c.Shared
	}
	for key, path := range folders {
		if info, err := os.Stat(path); err == nil && !info.IsDir() {
			p.add(key, "%s is a file, not a folder", path)
		}
	}
}

// checkFolder adds a problem when a folder that a key names cannot be read.
func checkFolder(p *problems, key, path string) {
	info, err := os.Stat(path)
	if err == nil && !info.IsDir() {
		p.add(key, "%s is a file, not a folder", path)
		return
	}
	if err == nil {
		_, err = os.ReadDir(path)
	}
	if err != nil {
		p.add(key, "the folder cannot be read: %v", err)
	}
}

func (c *config) checkAnalytics(p *problems) {
	if _, err := time.LoadLocation(c.Analytics.Timezone); err != nil {
		p.add("analytics.timezone", `%q is not a time zone: write one such as "Europe/London"`, c.Analytics.Timezone)
	}
	if c.Analytics.GeoIP != "" {
		checkFile(p, "analytics.geoip", c.Analytics.GeoIP)
	}
	if c.Analytics.SmallNumber < 2 {
		p.add("analytics.small_number", "%d hides nobody: at least 2, better 5 or more", c.Analytics.SmallNumber)
	}
	c.checkStore(p)
}

func (c *config) checkMail(p *problems) {
	if c.Mail.PasswordFile != "" {
		checkFile(p, "mail.password_file", c.Mail.PasswordFile)
	}
	if err := c.mail().Validate(); err != nil {
		p.add("mail", "%v", err)
	}
}

// checkFile adds a problem when a file that a key names cannot be read.
func checkFile(p *problems, key, path string) {
	f, err := os.Open(path)
	if err != nil {
		p.add(key, "the file cannot be read: %v", err)
		return
	}
	if err := f.Close(); err != nil {
		p.add(key, "the file cannot be read: %v", err)
	}
}
