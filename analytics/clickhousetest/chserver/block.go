package main

import (
	"bytes"
	"time"

	"github.com/ClickHouse/ch-go/compress"
	chproto "github.com/ClickHouse/ch-go/proto"
	"github.com/ClickHouse/clickhouse-go/v2/lib/column"
	"github.com/ClickHouse/clickhouse-go/v2/lib/proto"
)

// revision is the newest protocol revision spoken.
const revision = 54460

func newBlock() *proto.Block {
	return &proto.Block{ServerContext: &column.ServerContext{Timezone: time.UTC}}
}

// decodeNative reads one block of revision 0, the engine's own form.
func decodeNative(data []byte) (*proto.Block, error) {
	b := newBlock()
	return b, b.Decode(chproto.NewReader(bytes.NewReader(data)), 0)
}

// encodeBlock writes b for a client, compressed in frames where it asked for it.
func encodeBlock(b *proto.Block, rev uint64, frames *compress.Writer) ([]byte, error) {
	var buf chproto.Buffer
	if err := encodeColumns(&buf, b, rev); err != nil {
		return nil, err
	}
	if frames == nil {
		return buf.Buf, nil
	}
	if err := frames.Compress(buf.Buf); err != nil {
		return nil, err
	}
	return frames.Data, nil
}

// encodeColumns is Block.Encode, except that a column without rows is its name
// and type only: the engine writes nothing more, and the client reads nothing more.
func encodeColumns(buf *chproto.Buffer, b *proto.Block, rev uint64) error {
	if b.Rows() > 0 {
		return b.Encode(buf, rev)
	}
	if err := b.EncodeHeader(buf, rev); err != nil {
		return err
	}
	for _, c := range b.Columns {
		buf.PutString(c.Name())
		buf.PutString(string(c.Type()))
		if rev >= proto.DBMS_MIN_REVISION_WITH_CUSTOM_SERIALIZATION {
			buf.PutBool(false)
		}
	}
	return nil
}

// header returns the columns a query will answer with, as a block without rows.
func (s *session) header(query string, params []parameter) (*proto.Block, error) {
	data, err := s.fetch("DESCRIBE TABLE ("+query+")", "Native", params...)
	if err != nil {
		return nil, err
	}
	return described(data, nil)
}

// insertHeader returns the columns that in's data has to have.
func (s *session) insertHeader(in insertion) (*proto.Block, error) {
	data, err := s.fetch("DESCRIBE TABLE "+in.table, "Native")
	if err != nil {
		return nil, err
	}
	return described(data, &in)
}

// described makes a block without rows from DESCRIBE's answer. For an
// insertion, computed columns are left out and the named ones kept in order.
func described(data []byte, in *insertion) (*proto.Block, error) {
	d, err := decodeNative(data)
	if err != nil {
		return nil, err
	}
	types := map[string]string{}
	var names []string
	for row := range d.Rows() {
		name, _ := d.Columns[0].Row(row, false).(string)
		kind, _ := d.Columns[1].Row(row, false).(string)
		computed, _ := d.Columns[2].Row(row, false).(string)
		if in != nil && (computed == "MATERIALIZED" || computed == "ALIAS") {
			continue
		}
		names, types[name] = append(names, name), kind
	}
	if in != nil && len(in.columns) > 0 && in.columns[0] != "*" {
		names = in.columns
	}
	b := newBlock()
	for _, name := range names {
		if types[name] == "" {
			return nil, &exception{code: 16, name: "NO_SUCH_COLUMN_IN_TABLE", message: "Code: 16. DB::Exception: No such column " + name + ". (NO_SUCH_COLUMN_IN_TABLE)"}
		}
		if err := b.AddColumn(name, column.Type(types[name])); err != nil {
			return nil, err
		}
	}
	return b, nil
}
