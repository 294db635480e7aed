package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// private are the files and folders that no site may show, should they lie in its
// folder: "serve -dir ." keeps its data in the website itself.
func (c *config) private() []string {
	list := []string{
		c.Data, c.Shared, c.file, c.Consent.KeyFile, c.TLS.KeyFile, c.TLS.DNSHook, c.Mail.PasswordFile,
	}
	for _, l := range c.Analytics.ClickHouse.logins() {
		list = append(list, l.PasswordFile)
	}
	return list
}

// checkPrivate adds a problem when a site is served from the folder that keys and
// records are kept in: one cannot be told from the other.
func (c *config) checkPrivate(p *problems) {
	for i := range c.Sites {
		key := fmt.Sprintf("site[%d].dir", i)
		switch dir := c.Sites[i].Dir; {
		case dir == "":
		case sameFolder(dir, c.Data):
			p.add(key, "is the data folder, which holds keys: say data = \"lychgate-data\", or another folder of its own")
		case sameFolder(dir, c.Shared):
			p.add(key, "is the shared folder, which holds keys: give that a folder of its own")
		}
	}
}

// exposed say which sites have the data folder among their files. It is not
// shown, but other programs that publish the website would take it along.
func (c *config) exposed() (list []string) {
	for i := range c.Sites {
		if s := &c.Sites[i]; s.Dir != "" && liesIn(s.Dir, c.Data) {
			list = append(list, fmt.Sprintf("the data folder lies in the website's: visitors do not get it, but whoever copies %s copies the keys; -data or data = puts it elsewhere", s.Dir))
		}
	}
	return list
}

func sameFolder(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

func liesIn(folder, path string) bool {
	f, err := filepath.Abs(folder)
	if err != nil {
		return false
	}
	p, err := filepath.Abs(path)
	if err != nil {
		return false
	}
	rel, err := filepath.Rel(f, p)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}
