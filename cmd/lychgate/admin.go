package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/lychgate/lychgate/analytics/dashboard"
)

// runAdmin keeps the accounts of the dashboard. It may run beside a gateway.
func runAdmin(args []string, stdout, stderr io.Writer) error {
	word, rest, err := oneOf(args, "add", "list", "passwd", "remove")
	if err != nil {
		return err
	}
	var p place
	var name, site, role string
	f := flagSet("admin " + word)
	p.flags(f)
	if word != "list" {
		f.StringVar(&name, "name", "", "the account's `NAME`")
	}
	if word == "add" {
		f.StringVar(&site, "site", dashboard.EverySite, "the `SITE` the role is for (default every site)")
		f.StringVar(&role, "role", "owner", "`viewer`, editor or owner")
	}
	if err := parse(f, rest); err != nil {
		return err
	}
	if name == "" && word != "list" {
		return fmt.Errorf("%w: say whose account: -name NAME", errUsage)
	}
	c, err := p.config()
	if err != nil {
		return err
	}
	if site != dashboard.EverySite && p.file != "" {
		if _, err := c.onlySite(site); err != nil {
			return err
		}
	}
	ctx := context.Background()
	a, err := dashboard.OpenAccounts(ctx, c.Data)
	if err != nil {
		return err
	}
	switch word {
	case "list":
		err = listAccounts(ctx, a, stdout)
	case "add":
		err = addAccount(ctx, a, name, site, role, c.dashboardHost(), stdout)
	case "passwd":
		err = setPassword(ctx, a, name, os.Stdin, stdout)
	case "remove":
		if err = a.Remove(ctx, name); err == nil {
			err = a.Note(ctx, dashboard.AuditEntry{Act: "remove account", What: name})
		}
	}
	return errors.Join(err, a.Close())
}

func listAccounts(ctx context.Context, a *dashboard.Accounts, stdout io.Writer) error {
	list, err := a.List(ctx)
	if err != nil {
		return err
	}
	for _, account := range list {
		var roles []string
		for site, role := range account.Roles {
			if site == dashboard.EverySite {
				site = "every site"
			}
			roles = append(roles, fmt.Sprintf("%s of %s", role, site))
		}
		fmt.Fprintf(stdout, "%s\t%s\n", account.Name, strings.Join(roles, ", "))
	}
	return nil
}

func addAccount(ctx context.Context, a *dashboard.Accounts, name, site, role, host string, stdout io.Writer) error {
	r, err := dashboard.ParseRole(role)
	if err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	link, err := a.Add(ctx, name, site, r)
	if err != nil {
		return err
	}
	if err := a.Note(ctx, dashboard.AuditEntry{Act: "add account", What: name}); err != nil {
		return err
	}
	_, err = fmt.Fprintf(stdout, "%s signs in once, and chooses a password, at\n  https://%s%s\n", name, host, link)
	return err
}

// dashboardHost is where the dashboard is found, as far as the configuration says.
func (c *config) dashboardHost() string {
	switch {
	case c.Admin.Host != "":
		return c.Admin.Host
	case len(c.Sites) > 0 && len(c.Sites[0].Hosts) > 0:
		return c.Sites[0].Hosts[0]
	}
	return "YOUR-SITE"
}

// setPassword reads the new password from the first line of in, so that it
// stands in no list of processes and no history of commands.
func setPassword(ctx context.Context, a *dashboard.Accounts, name string, in io.Reader, stdout io.Writer) error {
	fmt.Fprintf(stdout, "New password for %s: ", name)
	line, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if err := a.SetPassword(ctx, name, strings.TrimRight(line, "\r\n")); err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, "It is changed; everybody signed in under that name is signed out.")
	return err
}
