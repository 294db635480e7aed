package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A raw is one message of the smuggling corpus: what a visitor's connection
// sends, and what may become of it.
type raw struct {
	name, bytes string
	// passes says that the message is right and must reach the site. Others must
	// be refused, or where ends is set may reach it as the one request they begin
	// with, whose connection ends with it.
	passes, ends bool
}

// second is what an attacker wants the site to see.
const second = "GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"

// smugglingCorpus are messages that servers are known to read differently. The
// second request is behind each of them.
func smugglingCorpus() []raw {
	var all []raw
	add := func(name, bytes string, passes bool) {
		all = append(all, raw{name: name, bytes: bytes, passes: passes})
	}
	post := func(name, headers, body string) {
		add(name, "POST / HTTP/1.1\r\nHost: a\r\n"+headers+"\r\n\r\n"+body, false)
	}
	chunked := "0\r\n\r\n"

	// Content-Length and Transfer-Encoding at once, in every order and spelling.
	for _, te := range []string{
		"Transfer-Encoding: chunked", "transfer-encoding: chunked", "TRANSFER-ENCODING: CHUNKED", "Transfer-Encoding:chunked",
		"Transfer-Encoding:\tchunked", "Transfer-Encoding: chunked ", "Transfer-Encoding: \"chunked\"", "Transfer-Encoding: chunked;q=1",
	} {
		post(fmt.Sprintf("length before %q", te), "Content-Length: 6\r\n"+te, chunked)
		post(fmt.Sprintf("length after %q", te), te+"\r\nContent-Length: 6", chunked)
	}
	for i := range all {
		all[i].ends = true // RFC 9112 section 6.1: refuse, or read the coding and close
	}
	// Transfer-Encodings that are not plainly chunked.
	for _, te := range []string{
		"Transfer-Encoding : chunked", " Transfer-Encoding: chunked", "Transfer-Encoding: xchunked", "Transfer-Encoding: chunked, chunked",
		"Transfer-Encoding: gzip, chunked", "Transfer-Encoding: chunked, identity", "Transfer-Encoding: identity", "Transfer-Encoding: identity, chunked",
		"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity", "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked",
		"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nTransfer-Encoding: x", "Transfer-Encoding:",
		"Transfer-Encoding: ,chunked", "Transfer-Encoding: chunked,", "Transfer-Encoding: \x0bchunked", "Transfer-Encoding: chunked\x0b", "Transfer-Encoding: \x0cchunked",
		"Transfer-Encoding: chunked\x00", "Transfer-Encoding\x00: chunked",
		"X: y\rTransfer-Encoding: chunked", "\rTransfer-Encoding: chunked", "Transfer-Encoding\r: chunked",
		"Transfer-Encoding: \xffchunked", "Transfer-Encoding: ch\u212anked", "Transfer-Encoding: chun\xe9ked", "Transfer\xadEncoding: chunked", "Transfer-Encoding;: chunked", "Transfer-Encoding= chunked",
		"Transfer-Encoding: deflate", "Transfer-Encoding: cow", "Transfer-Encoding: chunked; x=\"\r\n\"",
	} {
		post(fmt.Sprintf("coding %q", te), te, chunked)
	}
	// Folded lines and lines that end in a bare line feed may be read as they are
	// meant (RFC 9112 sections 2.2 and 5.2), chunks' trailers and extensions
	// thrown away: the site is told in the plain form, and the connection ends.
	from := len(all)
	for _, te := range []string{
		"Transfer-Encoding:\r\n chunked", "Transfer-Encoding:\r\n\tchunked", "Transfer-Encoding:\n chunked", "X: y\nTransfer-Encoding: chunked",
	} {
		post(fmt.Sprintf("coding %q", te), te, chunked)
	}
	for _, body := range []string{
		"0\r\n\n", "0;a\nb\r\n\r\n", "0;\x00\r\n\r\n", "0\r\nX: y\n\r\n", "0\r\nX : y\r\n\r\n", "0\r\n X: y\r\n\r\n", "0\r\nTransfer-Encoding: chunked\r\n\r\n",
		"0\r\nContent-Length: 5\r\n\r\n", "0\r\nHost: b\r\n\r\n", "0 \n\r\n", "\t0\r\n\r\n",
	} {
		post(fmt.Sprintf("chunks %q", body), "Transfer-Encoding: chunked", body)
	}
	for i := range all[from:] {
		all[from+i].ends = true
	}
	// Lengths that are no plain number, or more than one.
	for _, cl := range []string{
		"Content-Length: +0", "Content-Length: -0", "Content-Length: -1", "Content-Length: 0x0", "Content-Length: 0 0", "Content-Length: 0, 30", "Content-Length: 30, 0", "Content-Length: 0;",
		"Content-Length: 0\r\nContent-Length: 30", "Content-Length: 30\r\nContent-Length: 0", "Content-Length : 0", " Content-Length: 0", "Content-Length: \x0b0", "Content-Length: 0\x00",
		"Content-Length: 1e1", "Content-Length: 0.0", "Content-Length: \u0660", "Content-Length: 99999999999999999999", "Content-Length: 18446744073709551616", "Content-Length: 9223372036854775808",
		"Content-Length:", "Content-Length: x", "Content-Length: 0_0", "Content-Length: \"0\"", "Content-Length\x00: 0", "Content_Length: 0\r\nContent-Length: 0\r\nContent-Length: 5",
	} {
		post(fmt.Sprintf("length %q", cl), cl, "")
	}
	// Chunks.
	for _, body := range []string{
		"0\n\n", "0\n\r\n", "5\nhello\r\n0\r\n\r\n", "5\r\nhello\n0\r\n\r\n", "5\r\nhello0\r\n\r\n", "5\r\nhelloX\r\n0\r\n\r\n", "+0\r\n\r\n", "-0\r\n\r\n", "0x0\r\n\r\n", "\r\n0\r\n\r\n", "g\r\n\r\n",
		"00000000000000000\r\n\r\n", "10000000000000000\r\n\r\n", "0\r\r\n\r\n",
		"0\r\nnonsense\r\n\r\n", "1;" + strings.Repeat("x", 20<<10) + "\r\nA\r\n0\r\n\r\n", "5\r\nhello\r\n",
		"a\r\n" + "0\r\n\r\n", "2\r\nab\r\n\x000\r\n\r\n",
	} {
		post(fmt.Sprintf("chunks %.40q", body), "Transfer-Encoding: chunked", body)
	}
	// Request lines, hosts and header lines.
	for _, m := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nHost:\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", "GET / HTTP/1.1\r\nHost : a\r\n\r\n", "GET / HTTP/1.1\r\n Host: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\x00\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX\x01: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n: empty\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX(y): z\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\nX y: z\r\n\r\n",
		"CONNECT b:443 HTTP/1.1\r\nHost: b:443\r\n\r\n", "CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"GET  / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", "GET\t/\tHTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", "GET / HTTP/3.0\r\nHost: a\r\n\r\n", "GET / http/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", "GET / HTTP/+1.1\r\nHost: a\r\n\r\n",
		"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET /\r\n\r\n", "GET / \r\nHost: a\r\n\r\n", "G\x00T / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\rHost: a\r\n\r\n", "GET /\x00 HTTP/1.1\r\nHost: a\r\n\r\n", "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", "GET http:// HTTP/1.1\r\nHost: a\r\n\r\n", "GET a HTTP/1.1\r\nHost: a\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat("x", 64<<10) + "\r\n\r\n", "GET /" + strings.Repeat("x", 64<<10) + " HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("X: y\r\n", 200) + "\r\n",
	} {
		add(fmt.Sprintf("message %.60q", m), m, false)
	}
	// What is right must pass.
	for _, m := range []string{
		"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nX: y\r\n\r\n",
		"GET / HTTP/1.0\r\n\r\n", "GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "GET / HTTP/1.1\r\nhOsT:a\r\n\r\n", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello", "GET / HTTP/1.2\r\nHost: a\r\n\r\n",
	} {
		add(fmt.Sprintf("right %.60q", m), m, true)
	}
	return all
}

// A strictRecorder is a site that reads exactly what it gets, byte for byte, and
// notes the requests in it. It knows nothing but the plain form of HTTP/1.1.
type strictRecorder struct {
	net.Listener
	mu   sync.Mutex
	seen []string
}

func newStrictRecorder(t *testing.T) *strictRecorder {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &strictRecorder{Listener: l}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(c)
		}
	}()
	return s
}

func (s *strictRecorder) note(what string) {
	s.mu.Lock()
	s.seen = append(s.seen, what)
	s.mu.Unlock()
}

// taken is what was seen since it was last asked.
func (s *strictRecorder) taken() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := s.seen
	s.seen = nil
	return seen
}

func (s *strictRecorder) serve(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	for {
		head, err := readHead(in)
		if err != nil {
			if head != "" {
				s.note("BROKEN " + head)
			}
			return
		}
		line, headers, _ := strings.Cut(head, "\r\n")
		s.note(line)
		length, chunked := 0, false
		for h := range strings.SplitSeq(headers, "\r\n") {
			name, value, _ := strings.Cut(h, ":")
			switch strings.ToLower(name) {
			case "content-length":
				if length, err = strconv.Atoi(strings.TrimSpace(value)); err != nil || chunked {
					s.note("BROKEN " + h)
					return
				}
			case "transfer-encoding":
				if strings.TrimSpace(value) != "chunked" || length > 0 {
					s.note("BROKEN " + h)
					return
				}
				chunked = true
			}
		}
		if chunked {
			err = s.readChunks(in)
		} else {
			_, err = io.CopyN(io.Discard, in, int64(length))
		}
		if err != nil {
			return // the gateway gave it up
		}
		if _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"); err != nil {
			return
		}
	}
}

// readHead reads up to the empty line; every line must end in CR LF.
func readHead(in *bufio.Reader) (string, error) {
	var head strings.Builder
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return head.String(), err
		}
		if !strings.HasSuffix(line, "\r\n") {
			return head.String() + line, io.ErrUnexpectedEOF
		}
		if line == "\r\n" {
			return head.String(), nil
		}
		head.WriteString(line)
	}
}

func (s *strictRecorder) readChunks(in *bufio.Reader) error {
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return err
		}
		n, err := strconv.ParseUint(strings.TrimSuffix(line, "\r\n"), 16, 31)
		if err != nil {
			s.note("BROKEN chunk " + line)
			return err
		}
		if n == 0 {
			_, err := readHead(in)
			return err
		}
		if _, err := io.CopyN(io.Discard, in, int64(n)+2); err != nil {
			return err
		}
	}
}

// TestSmuggling: what two servers could read differently is refused, or the
// connection ends with it; what is right passes. The site never sees a request
// that was hidden in another.
func TestSmuggling(t *testing.T) {
	corpus := smugglingCorpus()
	if len(corpus) < 140 {
		t.Errorf("the corpus has shrunk to %d messages", len(corpus))
	}
	site := newStrictRecorder(t)
	g := testGateway(t, Config{Sites: []Site{{Upstream: mustURL("http://" + site.Addr().String())}}})
	right := 0
	for i, m := range corpus {
		if err := smuggle(g, site, m, i); err != nil {
			t.Errorf("%s: %v", m.name, err)
		} else {
			right++
		}
	}
	t.Logf("%d of %d messages were refused or answered right", right, len(corpus))
	// The gateway is well afterwards.
	if res, body := testGet(t, g, "/"); res.StatusCode != http.StatusOK || body != "ok" {
		t.Errorf("afterwards: %d %q", res.StatusCode, body)
	}
}

// smuggle sends one message with the second request behind it.
func smuggle(g *testGate, site *strictRecorder, m raw, number int) error {
	site.taken()
	mark := fmt.Sprintf("/m%d ", number)
	m.bytes = strings.Replace(m.bytes, "/ HTTP", mark+"HTTP", 1)
	c, err := net.Dial("tcp", g.Listener.Addr().String())
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	message := m.bytes
	if m.passes {
		message = strings.Replace(message, "\r\n", "\r\nConnection: close\r\n", 1)
		if strings.HasPrefix(m.bytes, "\r\n") {
			message = "\r\n" + strings.Replace(m.bytes[2:], "\r\n", "\r\nConnection: close\r\n", 1)
		}
	} else {
		message += second
	}
	_, _ = io.WriteString(c, message) // it may be refused before it has ended
	answers, err := io.ReadAll(c)
	if ne, ok := err.(net.Error); ok && ne.Timeout() {
		return fmt.Errorf("the connection stays open: %.200q", answers)
	}
	// What an earlier message left behind may be noted late.
	seen := slices.DeleteFunc(site.taken(), func(line string) bool {
		return strings.Contains(line, "/m") && !strings.Contains(line, mark)
	})
	status := 0
	if len(answers) >= 12 {
		status, _ = strconv.Atoi(string(answers[9:12]))
	}
	all := strings.Join(seen, " | ")
	switch {
	case strings.Contains(all, "smuggled"), strings.Contains(all, "BROKEN"), len(seen) > 1:
		return fmt.Errorf("the site saw %q", seen)
	case m.passes && (status != 200 || len(seen) != 1):
		return fmt.Errorf("answered %d, the site saw %q", status, seen)
	case !m.passes && !m.ends && status >= 200 && status < 400:
		return fmt.Errorf("answered %d, the site saw %q", status, seen)
	case !m.passes && strings.Count(string(answers), "HTTP/1.1 ") > 1:
		return fmt.Errorf("two answers: %q", answers)
	}
	return nil
}
