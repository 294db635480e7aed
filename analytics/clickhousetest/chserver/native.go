package main

import (
	"errors"
	"io"
	"log"
	"net"
	"os"
	"strings"
	"time"

	"github.com/ClickHouse/ch-go/compress"
	chproto "github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/proto"
)

// A nativeConn is one client of the native protocol.
type nativeConn struct {
	net.Conn
	e   *engine
	a   accounts
	in  *chproto.Reader
	out chproto.Buffer
	rev int
	s   *session
}

func serveNative(l net.Listener, e *engine, a accounts) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			c := &nativeConn{Conn: conn, e: e, a: a, in: chproto.NewReader(conn)}
			defer conn.Close()
			if err := c.serve(); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, net.ErrClosed) {
				log.Println("native:", err)
			}
			if c.s != nil {
				c.s.close()
			}
		}()
	}
}

func (c *nativeConn) flush() error {
	_, err := c.Write(c.out.Buf)
	c.out.Reset()
	return err
}

func (c *nativeConn) serve() error {
	if err := c.hello(); err != nil {
		return err
	}
	for {
		code, err := c.in.UInt8()
		if err != nil {
			return err
		}
		switch chproto.ClientCode(code) {
		case chproto.ClientCodePing:
			chproto.ServerCodePong.Encode(&c.out)
			if err := c.flush(); err != nil {
				return err
			}
		case chproto.ClientCodeQuery:
			if err := c.query(); err != nil {
				return err
			}
		case chproto.ClientCodeCancel:
		default:
			return errors.New("unexpected packet from the client")
		}
	}
}

func (c *nativeConn) hello() error {
	if _, err := c.in.UInt8(); err != nil {
		return err
	}
	var h chproto.ClientHello
	if err := h.Decode(c.in); err != nil {
		return err
	}
	c.rev = min(h.ProtocolVersion, revision)
	if !c.a.allow(h.User, h.Password) {
		c.exception(refused(h.User))
		return c.flush()
	}
	s, err := c.e.open(h.Database)
	if err != nil {
		c.exception(err)
		return c.flush()
	}
	c.s = s
	hello := chproto.ServerHello{Name: "ClickHouse", DisplayName: "chserver", Major: 26, Minor: 5, Patch: 3, Revision: revision, Timezone: "UTC"}
	hello.EncodeAware(&c.out, c.rev)
	if err := c.flush(); err != nil {
		return err
	}
	if chproto.FeatureAddendum.In(c.rev) {
		if _, err := c.in.Str(); err != nil { // quota key
			return err
		}
	}
	return nil
}

func (c *nativeConn) exception(err error) {
	x := &exception{code: 1002, message: err.Error()}
	errors.As(err, &x)
	chproto.ServerCodeException.Encode(&c.out)
	(&chproto.Exception{Code: chproto.Error(x.code), Name: "DB::Exception", Message: x.message}).EncodeAware(&c.out, c.rev)
}

// data queues one block.
func (c *nativeConn) data(b *proto.Block, frames *compress.Writer) error {
	bytes, err := encodeBlock(b, uint64(c.rev), frames)
	if err != nil {
		return err
	}
	chproto.ServerCodeData.Encode(&c.out)
	c.out.PutString("")
	c.out.PutRaw(bytes)
	return nil
}

// readBlock reads a Data packet of the client; nil for the empty one that ends.
func (c *nativeConn) readBlock(compressed bool) (*proto.Block, error) {
	code, err := c.in.UInt8()
	if err != nil {
		return nil, err
	}
	if chproto.ClientCode(code) != chproto.ClientCodeData {
		return nil, errors.New("the client sent no data")
	}
	if _, err := c.in.Str(); err != nil { // table name
		return nil, err
	}
	if compressed {
		c.in.EnableCompression()
		defer c.in.DisableCompression()
	}
	b := newBlock()
	if err := b.Decode(c.in, uint64(c.rev)); err != nil {
		return nil, err
	}
	if len(b.Columns) == 0 {
		return nil, nil
	}
	return b, nil
}

// query answers one query; an error ends the connection.
func (c *nativeConn) query() error {
	var q chproto.Query
	if err := q.DecodeAware(c.in, c.rev); err != nil {
		return err
	}
	compressed := q.Compression == chproto.CompressionEnabled
	for { // external tables, of which only the ending block is expected
		b, err := c.readBlock(compressed)
		if err != nil {
			return err
		}
		if b == nil {
			break
		}
	}
	var frames *compress.Writer
	if compressed {
		frames = compress.NewWriter(0, compress.LZ4)
	}
	settings := map[string]string{}
	for _, s := range q.Settings {
		settings[s.Key] = s.Value
	}
	if settings["network_compression_method"] == "zstd" && compressed {
		frames = compress.NewWriter(0, compress.ZSTD)
	}
	delete(settings, "network_compression_method")
	var params []parameter
	for _, p := range q.Parameters {
		params = append(params, parameter{p.Key, unquoteField(p.Value)})
	}
	q.Body = here(q.Body)
	in, inserting := parseInsert(q.Body)
	for name, value := range in.settings {
		settings[name] = value
	}
	err := c.s.begin(settings)
	switch {
	case err != nil:
	case inserting:
		err = c.insert(in, compressed, frames)
	case isSelect(q.Body):
		err = c.selecting(q.Body, params, frames)
	default:
		err = c.plain(q.Body, params, frames)
	}
	if broken := new(net.OpError); errors.As(err, &broken) || errors.Is(err, io.EOF) || errors.Is(err, errGone) {
		return err
	}
	if err != nil {
		c.exception(err)
	} else {
		chproto.ServerCodeEndOfStream.Encode(&c.out)
	}
	return c.flush()
}

// errGone is what a query ends with when its client has cancelled or left.
var errGone = errors.New("the client is gone")

// watched runs do while listening for a cancel. clickhouse-go sends one and
// closes the connection, so anything that comes ends both.
func (c *nativeConn) watched(do func() error) error {
	done, watching := make(chan struct{}), make(chan bool, 1)
	go func() {
		var one [1]byte
		_, err := c.Conn.Read(one[:])
		if errors.Is(err, os.ErrDeadlineExceeded) {
			watching <- false
			return
		}
		watching <- true
		c.s.kill(done)
	}()
	err := do()
	close(done)
	c.SetReadDeadline(time.Unix(1, 0))
	gone := <-watching
	c.SetReadDeadline(time.Time{})
	if gone {
		return errGone
	}
	return err
}

func (c *nativeConn) selecting(query string, params []parameter, frames *compress.Writer) error {
	sent := false
	err := c.watched(func() error {
		return c.s.stream(query, params, func(data []byte) error {
			b, err := decodeNative(data)
			if err != nil {
				return err
			}
			sent = true
			if err := c.data(b, frames); err != nil {
				return err
			}
			return c.flush()
		})
	})
	if err != nil {
		return err
	}
	if !sent {
		header, err := c.s.header(query, params)
		if err != nil {
			return err
		}
		if err := c.data(header, frames); err != nil {
			return err
		}
	}
	return c.tail()
}

func (c *nativeConn) plain(query string, params []parameter, frames *compress.Writer) error {
	return c.watched(func() error {
		data, err := c.s.fetch(query, "Native", params...)
		if err != nil || len(data) == 0 {
			return err
		}
		b, err := decodeNative(data)
		if err != nil {
			return err
		}
		return c.data(b, frames)
	})
}

func (c *nativeConn) insert(in insertion, compressed bool, frames *compress.Writer) error {
	header, err := c.s.insertHeader(in)
	if err != nil {
		return err
	}
	if err := c.data(header, frames); err != nil {
		return err
	}
	if err := c.flush(); err != nil {
		return err
	}
	var all chproto.Buffer
	rows := 0
	for {
		b, err := c.readBlock(compressed)
		if err != nil {
			return errors.Join(errGone, err)
		}
		if b == nil {
			break
		}
		rows += b.Rows()
		if err := b.Encode(&all, 0); err != nil {
			return err
		}
	}
	if rows == 0 {
		return nil
	}
	if err := c.watched(func() error { return c.s.insertFile(in.into, all.Buf) }); err != nil {
		return err
	}
	return c.tail()
}

func (c *nativeConn) tail() error {
	chproto.Profile{}.EncodeAware(&c.out, c.rev) // writes its packet code itself
	chproto.ServerCodeProgress.Encode(&c.out)
	chproto.Progress{}.EncodeAware(&c.out, c.rev)
	return nil
}

// unquoteField undoes the quoting of a parameter's value, which is a field dump.
func unquoteField(s string) string {
	if len(s) < 2 || s[0] != '\'' || s[len(s)-1] != '\'' {
		return s
	}
	var b strings.Builder
	for s := s[1 : len(s)-1]; s != ""; {
		if s[0] == '\\' && len(s) > 1 {
			switch s[1] {
			case '\\', '\'':
				b.WriteByte(s[1])
			default:
				b.WriteString(s[:2])
			}
			s = s[2:]
			continue
		}
		b.WriteByte(s[0])
		s = s[1:]
	}
	return b.String()
}
