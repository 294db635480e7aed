package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Whoever starts lychgate for the first time makes the usual mistakes, and is
// told of each where it is, what it is and what to do.
func TestEveryRefusalSaysWhatToDo(t *testing.T) {
	site, dir := testSite(t), t.TempDir()
	write := func(name, text string) string {
		t.Helper()
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	file := write("file", "not a folder")
	cert, key, _ := testKeyPair(t)
	ownFiles := "[listen]\nhttps = \":0\"\n[tls]\ncert_file = \"" + cert + "\"\nkey_file = \"" + key + "\"\n"
	asked := filepath.Join(dir, "asked") // has the sites whose visitors were asked
	if err := os.MkdirAll(filepath.Join(asked, "policies", "charity.test"), 0o700); err != nil {
		t.Fatal(err)
	}
	named := write("named.toml", "data = \"asked\"\n[admin]\nhost = \"stats.charity.test\"\n[[site]]\nhosts = [\"charity.test\"]\ndir = \""+site+"\"\n")
	here := "[[site]]\ndir = \"" + site + "\"\n"
	for _, test := range []struct {
		name string
		args []string
		code int
		want string
		not  string
	}{
		{"nothing to serve", []string{"serve"}, exitUsage, "say where the website is: -dir FOLDER", ""},
		{"a folder that is not there", []string{"serve", "-dir", "nowhere"}, exitFailed, "-dir: the folder cannot be read: stat nowhere: no such file", "site[0]"},
		{"a file for a folder", []string{"serve", "-dir", file}, exitFailed, "-dir: " + file + " is a file, not a folder", ""},
		{"an upstream without http", []string{"serve", "-upstream", "localhost:3000"}, exitFailed, `write a URL such as "http://127.0.0.1:3000"`, ""},
		{"a port alone", []string{"serve", "-dir", site, "-listen", "80"}, exitFailed, `-listen: "80" is not an address to listen on: write host and port`, ""},
		{"a port too high", []string{"serve", "-dir", site, "-listen", "127.0.0.1:99999"}, exitFailed, "is not an address to listen on", ""},
		{"a file for the data", []string{"serve", "-dir", site, "-listen", "127.0.0.1:0", "-data", file}, exitFailed, "-data: " + file + " is a file, not a folder", ""},
		{"an unclosed bracket", []string{"check", "-config", write("syntax.toml", "[listen\n")}, exitFailed, "syntax.toml:1: not valid TOML", "there is no site"},
		{"a file that is empty", []string{"check", "-config", write("empty.toml", "")}, exitFailed, "there is no site: add a [[site]]", ""},
		{"a dashboard's host that is none", []string{"check", "-config", write("host.toml", "[admin]\nhost = \"a b\"\n"+here)}, exitFailed, `host.toml:2: admin.host: "a b" is not a host name`, ""},
		{"a purpose named badly", []string{"check", "-config", write("purpose.toml", "[[purpose]]\nid = \"Our News\"\nname = { en = \"News\" }\ntext = { en = \"Letters.\" }\n"+here)}, exitFailed, `has a problem:` + "\n  " + filepath.Join(dir, "purpose.toml") + `:1: purpose[0]: id "Our News" must be a lower-case word`, ""},
		{"a certificate for others", []string{"check", "-config", write("others.toml", ownFiles+here+"hosts = [\"charity.test\"]\n")}, exitDone, "But browsers will refuse the certificate", ""},
		{"a certificate for us", []string{"check", "-config", write("ours.toml", ownFiles+here+"hosts = [\"example.com\"]\n")}, exitDone, "The configuration is right: 1 site.\n", "But"},
		{"a site under another first name", []string{"check", "-config", write("renamed.toml", "data = \"asked\"\n"+here+"hosts = [\"www.charity.test\", \"charity.test\"]\n")}, exitDone, "But site[0] was called charity.test until now: as www.charity.test it begins anew", ""},
		{"a site under the same", []string{"check", "-config", write("kept.toml", "data = \"asked\"\n"+here+"hosts = [\"charity.test\", \"www.charity.test\"]\n")}, exitDone, "The configuration is right: 1 site.\n", "But"},
		{"a site that only observes", []string{"check", "-config", write("observe.toml", here+"third_parties = \"observe\"\n")}, exitDone, "But third parties of site default are only listed, not held back", ""},
		{"the data among the pages", []string{"check", "-dir", site, "-data", filepath.Join(site, "records")}, exitDone, "But the data folder lies in the website's", ""},
		{"the data beside the pages", []string{"check", "-dir", site, "-data", site + "-records"}, exitDone, "The configuration is right: 1 site.\n", "But"},
		{"the data as the pages", []string{"check", "-dir", site, "-data", site}, exitFailed, "-dir: is the data folder, which holds keys", ""},
		{"a scan of a server that is off", []string{"scan", "-upstream", "http://127.0.0.1:1"}, exitFailed, "no page of site default could be looked at", "No third parties"},
		{"a command asked how it is used", []string{"scan", "-h"}, exitDone, "lychgate scan    [-config FILE", "lychgate serve"},
		{"an account for a site that is not there", []string{"admin", "add", "-name", "ann", "-site", "charity.tset", "-config", named}, exitUsage, `-site "charity.tset": it is one of charity.test`, ""},
		{"an account for one that is", []string{"admin", "add", "-name", "ann", "-site", "charity.test", "-config", named}, exitDone, "https://stats.charity.test/_lychgate/admin/sign-in/", ""},
		{"a report from back to front", []string{"report", "-config", named, "-from", "2026-03-01", "-to", "2026-02-01"}, exitUsage, "-to 2026-02-01 lies before -from 2026-03-01", "<html"},
		{"a report of the future", []string{"report", "-config", named, "-from", "2999-03-01"}, exitUsage, "-from 2999-03-01 has not come yet", "<html"},
		{"an import by the folder of another site", []string{"import", "-data", asked, "-site", "default", "-file", "../../deploy/history.csv", "-dry-run"}, exitUsage, `-site "default": it is one of charity.test`, ""},
		{"an import by the folder alone", []string{"import", "-data", asked, "-file", "../../deploy/history.csv", "-dry-run"}, exitDone, "For charity.test:", ""},
		{"a backup among the pages", []string{"backup", "-config", named, filepath.Join(site, "all.tar.gz")}, exitFailed, "lies in the website's folder, where everybody could fetch it", ""},
		{"totals of a misspelt folder", []string{"totals", "-data", "nowhere"}, exitFailed, "the data folder nowhere cannot be read", `"pageviews"`},
		{"a report of one", []string{"report", "-data", "nowhere"}, exitFailed, "the data folder nowhere cannot be read", ""},
		{"a reload of one", []string{"reload", "-data", "nowhere"}, exitFailed, "no lychgate is running with this data folder", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out, errs strings.Builder
			code := run(test.args, &out, &errs)
			got := out.String() + errs.String()
			if code != test.code || !strings.Contains(got, test.want) || (test.not != "" && strings.Contains(got, test.not)) {
				t.Errorf("exit %d, want %d and %q, not %q:\n%s", code, test.code, test.want, test.not, got)
			}
		})
	}
	if _, err := os.Stat("nowhere"); err == nil {
		t.Error("a folder was made by asking about it")
	}
}
