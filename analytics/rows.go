package analytics

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// Rows on disk: how the spool writes what the counter drained. A record is
//
//	length of the payload  uint32, little-endian
//	CRC-32C of the payload uint32
//	payload
//
// and a payload is the number of rows and then each row: site, grain, dim, page,
// start, value and the eight metrics, texts with their length before them,
// numbers as varints.

const recordHeaderBytes = 8

// maxRecordBytes bounds what a reader of a damaged file will allocate.
const maxRecordBytes = 1 << 28

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// errRecord says that what is read is no whole record.
var errRecord = errors.New("damaged record")

// appendRecord appends rows as one record.
func appendRecord(b []byte, rows []Row) []byte {
	start := len(b)
	b = append(b, make([]byte, recordHeaderBytes)...)
	b = binary.AppendUvarint(b, uint64(len(rows)))
	for i := range rows {
		b = appendRow(b, &rows[i])
	}
	frame(b[start:])
	return b
}

// frame fills in the header of the record that b is.
func frame(b []byte) {
	payload := b[recordHeaderBytes:]
	binary.LittleEndian.PutUint32(b, uint32(len(payload)))
	binary.LittleEndian.PutUint32(b[4:], crc32.Checksum(payload, castagnoli))
}

func appendRow(b []byte, r *Row) []byte {
	b = appendString(b, r.Site)
	b = append(b, byte(r.Grain))
	b = appendString(b, string(r.Dim))
	b = appendString(b, r.Page)
	b = binary.AppendVarint(b, r.Start)
	b = appendString(b, r.Value)
	for _, m := range r.all() {
		b = binary.AppendVarint(b, *m)
	}
	return b
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// readRecord reads the record at the front of b and returns what follows it.
func readRecord(b []byte) (rows []Row, rest []byte, err error) {
	if len(b) < recordHeaderBytes {
		return nil, b, errRecord
	}
	n := binary.LittleEndian.Uint32(b)
	if n > maxRecordBytes || int(n) > len(b)-recordHeaderBytes {
		return nil, b, errRecord
	}
	payload := b[recordHeaderBytes : recordHeaderBytes+int(n)]
	if crc32.Checksum(payload, castagnoli) != binary.LittleEndian.Uint32(b[4:]) {
		return nil, b, errRecord
	}
	r := rowReader{rest: payload}
	count := r.uvarint()
	if count > uint64(len(payload)) { // a row has more than a byte
		return nil, b, errRecord
	}
	rows = make([]Row, 0, count)
	for range count {
		rows = append(rows, r.row())
	}
	if r.bad || len(r.rest) != 0 {
		return nil, b, errRecord
	}
	return rows, b[recordHeaderBytes+int(n):], nil
}

// A rowReader takes fields off the front of a payload; bad after the first that
// does not fit.
type rowReader struct {
	rest []byte
	bad  bool
}

func (r *rowReader) row() Row {
	var w Row
	w.Site = r.string()
	w.Grain = Grain(r.byte())
	w.Dim = Dim(r.string())
	w.Page = r.string()
	w.Start = r.varint()
	w.Value = r.string()
	for _, m := range w.all() {
		*m = r.varint()
	}
	return w
}

func (r *rowReader) fail() { r.bad, r.rest = true, nil }

func (r *rowReader) byte() byte {
	if len(r.rest) == 0 {
		r.fail()
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *rowReader) uvarint() uint64 {
	n, size := binary.Uvarint(r.rest)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *rowReader) varint() int64 {
	n, size := binary.Varint(r.rest)
	if size <= 0 {
		r.fail()
		return 0
	}
	r.rest = r.rest[size:]
	return n
}

func (r *rowReader) string() string {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.fail()
		return ""
	}
	s := string(r.rest[:n])
	r.rest = r.rest[n:]
	return s
}
