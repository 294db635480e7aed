package dashboard

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/mail"
	"strings"
	"testing"
	"time"
)

// A postOffice is a mail server that keeps what it is given (RFC 5321).
type postOffice struct {
	address string
	letters chan string
	refuse  chan bool // true: the next recipient is refused
}

func testPostOffice(t *testing.T) *postOffice {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() }) //nolint:errcheck // the test is over
	p := &postOffice{l.Addr().String(), make(chan string, 10), make(chan bool, 10)}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.talk(c)
		}
	}()
	return p
}

func (p *postOffice) talk(c net.Conn) {
	defer c.Close() //nolint:errcheck // the test is over
	r := bufio.NewReader(c)
	say := func(s string) { io.WriteString(c, s+"\r\n") } //nolint:errcheck // the other side sees it
	say("220 test")
	var letter strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		verb, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(line)), " ")
		switch verb {
		case "EHLO":
			say("250 test")
		case "MAIL", "RSET", "NOOP":
			say("250 ok")
		case "RCPT":
			select {
			case <-p.refuse:
				say("550 nobody here")
			default:
				letter.WriteString(line)
				say("250 ok")
			}
		case "DATA":
			say("354 go on")
			for line != ".\r\n" {
				if line, err = r.ReadString('\n'); err != nil {
					return
				}
				letter.WriteString(line)
			}
			p.letters <- letter.String()
			letter.Reset()
			say("250 kept")
		case "QUIT":
			say("221 bye")
			return
		default:
			say("502 not here")
		}
	}
}

func (p *postOffice) waiting() (all []string) {
	for {
		select {
		case l := <-p.letters:
			all = append(all, l)
		default:
			return all
		}
	}
}

// read gives the headers a person sees and the parts, decoded. The random
// names a letter has (RFC 2046 boundaries, message IDs) are left out: by
// chance they hold any number.
func read(t *testing.T, letter string) string {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(letter))
	if err != nil {
		t.Fatal(err)
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	var seen strings.Builder
	for name, values := range m.Header {
		if name != "Content-Type" && name != "Message-Id" {
			fmt.Fprintf(&seen, "%s: %s\n", name, values)
		}
	}
	for parts := multipart.NewReader(m.Body, params["boundary"]); ; {
		part, err := parts.NextPart()
		if err == io.EOF {
			return seen.String()
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(&seen, part); err != nil {
			t.Fatal(err)
		}
	}
}

func TestMonthlyLetter(t *testing.T) {
	d := testDashboard(t)
	post := testPostOffice(t)
	if err := d.Set(d.settings.Load().sites, Mail{Server: post.address, From: "report@willow.example"}); err != nil {
		t.Fatal(err)
	}
	b := d.owner(t).choosePassword()
	for _, bad := range []string{"nobody", "a@b\r\nBcc: c@d", "Ann <ann@charity.example>", ""} {
		want(t, b.post(sharingPath, "act", "letter", "address", bad, "password", goodPassword), 400)
	}
	want(t, b.post(sharingPath, "act", "letter", "address", "ann@charity.example", "password", goodPassword), 303)
	if log, err := d.accounts.Audit(t.Context(), 1); err != nil || log[0].What != "@charity.example" {
		t.Errorf("the audit log has %+v, %v; want no address", log, err)
	}
	if err := d.accounts.addLetter(t.Context(), "willow.example", "bo@charity.example", "2020-01"); err != nil {
		t.Fatal(err)
	}
	d.testSums(t, "willow.example", lastMonth(), sum{dim: "total", views: 1234, visits: 503, visitors: 30},
		sum{dim: "page", value: "/donate<b>", views: 1231}, sum{dim: "page", value: "/secret-page", views: 3})
	d.testSums(t, "willow.example", monthOf(today()), sum{dim: "total", views: 77, visits: 77})
	before := monthOf(lastMonth()).AddDate(0, -1, 0)
	d.testSums(t, "willow.example", before, sum{dim: "total", views: 600, visits: 250})

	send := func(at time.Time) []string {
		t.Helper()
		if err := d.sendLetters(context.Background(), at); err != nil {
			t.Fatal(err)
		}
		return post.waiting()
	}
	early, due, late := monthOf(today()).AddDate(0, 0, 1), monthOf(today()).AddDate(0, 0, 2), monthOf(today()).AddDate(0, 0, 20)
	if got := send(early); len(got) != 0 {
		t.Errorf("%d letters before the numbers are folded", len(got))
	}
	if got := send(late); len(got) != 0 {
		t.Errorf("%d letters when the month is long over", len(got))
	}
	got := send(due)
	if len(got) != 1 {
		t.Fatalf("got %d letters, want 1: whoever was entered this month waits for its end", len(got))
	}
	letter := read(t, got[0])
	for _, want := range []string{"bo@charity.example", "Visits: 505 (250)", ">" + before.Format("January 2006") + "</th>", "Pages seen most (Page views)", "/donate<b>", "/donate&lt;b&gt;", "Willow Family Centre"} {
		if !strings.Contains(letter, want) {
			t.Errorf("the letter lacks %q:\n%s", want, letter)
		}
	}
	for _, secret := range []string{"ann@", "/secret-page", "503", "1234", "<img", "<a "} {
		if strings.Contains(letter, secret) {
			t.Errorf("the letter holds %q", secret)
		}
	}
	if got := send(due); len(got) != 0 {
		t.Errorf("%d letters sent twice", len(got))
	}
	t.Run("what was refused is tried again", func(t *testing.T) {
		next := due.AddDate(0, 1, 0)
		post.refuse <- true
		if err := d.sendLetters(context.Background(), next); err == nil || strings.Contains(err.Error(), "@") {
			t.Errorf("got error %v, want one without an address", err)
		}
		if got := post.waiting(); len(got) != 1 {
			t.Errorf("got %d letters, want 1: the other address is fine", len(got))
		}
		if got := send(next); len(got) != 1 {
			t.Errorf("got %d letters, want 1", len(got))
		}
	})
}

func TestMailValidate(t *testing.T) {
	for _, m := range []Mail{{Server: "mail"}, {Server: ":25", From: "a@b.example"}, {Server: "mail:x", From: "a@b.example"}, {Server: "mail:25", From: "nobody"}} {
		if m.Validate() == nil {
			t.Errorf("%+v is fine?", m)
		}
	}
	if err := (Mail{}).Validate(); err != nil {
		t.Error(err)
	}
}
