package dashboard

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"text/template"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/lychgate/lychgate/analytics"
)

// Mail is the server by which the monthly letters go out.
type Mail struct {
	// Server is its host and port, as "mail.example.org:587". The way there is
	// always encrypted, but for a server on this machine. Empty: no letters.
	Server string
	// From is the address that letters come from.
	From string
	// Username and Password sign in to the server. Default: none.
	Username, Password string
}

// Validate reports what is wrong with m.
func (m Mail) Validate() error {
	if m.Server == "" {
		return nil
	}
	if _, _, err := m.address(); err != nil {
		return err
	}
	if err := mail.NewMsg().From(m.From); err != nil {
		return fmt.Errorf("mail from %q: want an e-mail address", m.From)
	}
	return nil
}

func (m Mail) address() (host string, port int, err error) {
	host, text, err := net.SplitHostPort(m.Server)
	if err == nil {
		port, err = strconv.Atoi(text)
	}
	if err != nil || host == "" || port < 1 || port > 65535 {
		return "", 0, fmt.Errorf("mail server %q: want host:port, as mail.example.org:587", m.Server)
	}
	return host, port, nil
}

// client connects to the server when it is asked to send.
func (m Mail) client() (*mail.Client, error) {
	host, port, err := m.address()
	if err != nil {
		return nil, err
	}
	options := []mail.Option{mail.WithPort(port), mail.WithTimeout(30 * time.Second), mail.WithTLSPolicy(mail.TLSMandatory)}
	if port == 465 {
		options = append(options, mail.WithSSL())
	}
	if ip, err := netip.ParseAddr(host); host == "localhost" || err == nil && ip.IsLoopback() {
		options = append(options, mail.WithTLSPolicy(mail.TLSOpportunistic))
	}
	if m.Username != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(m.Username), mail.WithPassword(m.Password))
	}
	return mail.NewClient(host, options...)
}

// Letters about a month go out from its end on, once small numbers of that month
// have been folded, and not when it is long over.
const (
	lettersFrom  = 3  // day of the next month
	lettersUntil = 15 // day of the next month
)

// sendLetters sends the letters that are due at now. An address that fails is
// tried again the next hour.
func (d *Dashboard) sendLetters(ctx context.Context, now time.Time) error {
	a, err := d.open(ctx)
	if err != nil || d.settings.Load().mail.Server == "" {
		return err
	}
	for _, site := range d.settings.Load().sites {
		today := dayOf(now, site.Location)
		if today.Day() < lettersFrom || today.Day() > lettersUntil {
			continue
		}
		if err := d.sendSite(ctx, a, site, today); err != nil {
			return fmt.Errorf("letters of %s: %w", site.ID, err)
		}
	}
	return nil
}

func (d *Dashboard) sendSite(ctx context.Context, a *Accounts, site Site, today time.Time) error {
	month := monthOf(today).AddDate(0, -1, 0)
	letters, err := a.letters(ctx, site.ID)
	if err != nil {
		return err
	}
	var due []letter
	for _, l := range letters {
		if l.Sent < month.Format(isoMonth) {
			due = append(due, l)
		}
	}
	if len(due) == 0 {
		return nil
	}
	p := reportPeriod(spanMonth, month, today)
	r, err := newReport(ctx, d.answers.each, d.c.Analytics.SmallNumber(), d.names, site, spanMonth, p, reportPeriod(spanMonth, month.AddDate(0, -1, 0), today))
	if err != nil {
		return err
	}
	if r.now.Headline.Visits.Kind == analytics.Unanswered {
		return nil // the store is away: next hour
	}
	var failed []error // one bad address must not keep the others waiting
	for _, l := range due {
		err := d.send(ctx, r, l.Address)
		if err == nil {
			err = a.noteSent(ctx, l, month.Format(isoMonth))
		}
		failed = append(failed, err)
	}
	return errors.Join(failed...)
}

// send sends one letter. Nobody but its reader stands in it.
func (d *Dashboard) send(ctx context.Context, r *Report, to string) error {
	m := mail.NewMsg()
	if err := m.From(d.settings.Load().mail.From); err != nil {
		return fmt.Errorf("address of the sender: %w", err)
	}
	if err := m.To(to); err != nil {
		return fmt.Errorf("address of a reader: %w", err)
	}
	m.SetUserAgent("lychgate")
	m.Subject(r.Site.Name + ": website report, " + r.Period.Name)
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: no holiday replies
	var plain, rich bytes.Buffer
	if err := plainLetter.Execute(&plain, r); err != nil {
		return fmt.Errorf("write letter: %w", err)
	}
	if err := d.pages["letter"].ExecuteTemplate(&rich, "letter", r); err != nil {
		return fmt.Errorf("write letter: %w", err)
	}
	m.SetBodyString(mail.TypeTextPlain, plain.String())
	m.AddAlternativeString(mail.TypeTextHTML, rich.String())
	client, err := d.settings.Load().mail.client()
	if err != nil {
		return err
	}
	return withoutAddresses(client.DialAndSendWithContext(ctx, m))
}

// withoutAddresses is err fit for the log: the library's own text names whom a
// letter was for.
func withoutAddresses(err error) error {
	var refused *mail.SendError
	if errors.As(err, &refused) {
		return fmt.Errorf("the mail server did not take a letter: %s (code %d)", refused.Reason, refused.ErrorCode())
	}
	return err
}

// plainLetter is the report as text. It is never written to.
var plainLetter = template.Must(template.New("letter").Parse(`{{.Site.Name}}
Website report, {{.Period.Name}}{{if .Known}} (in brackets: {{.Before.Name}}){{end}}

{{range .Figures}}{{.Name}}: {{.Now}}{{if $.Known}} ({{.Before}}){{end}}
{{end}}Page requests counted: {{.Shared}}{{if .Known}} ({{.SharedBefore}}){{end}}
{{range .Lists}}{{if .Rows}}
{{.Title}} ({{.Head}})
{{range .Rows}}  {{.Count}}  {{.Name}}
{{end}}{{end}}{{end}}
Only visitors who pressed "Accept" are counted. {{.Rounding}}
{{with .Places.Name}}Countries: {{.}}, {{$.Places.Link}}
{{end}}You get this letter because somebody who looks after the website entered your
address. Tell them if you do not want it.
`))
