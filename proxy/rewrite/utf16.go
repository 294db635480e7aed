package rewrite

import (
	"bytes"
	"encoding/binary"
	"unicode/utf16"
	"unicode/utf8"
)

// bom is UTF-8's byte order mark, which decides the encoding whatever header or
// meta say (HTML 13.2.3.2).
const bom = "\xef\xbb\xbf"

// utf16Order returns the byte order of a page that begins with b if that is
// UTF-16, by its byte order mark or an XML declaration, and how long the mark is.
// A page that is UTF-16 only by its Content-Type looks like any other here: give
// it a mark first.
func utf16Order(b []byte) (order binary.ByteOrder, mark int) {
	switch {
	case bytes.HasPrefix(b, []byte("\xfe\xff")):
		return binary.BigEndian, 2
	case bytes.HasPrefix(b, []byte("\xff\xfe")):
		return binary.LittleEndian, 2
	case bytes.HasPrefix(b, []byte("<\x00?\x00")):
		return binary.LittleEndian, 0
	case bytes.HasPrefix(b, []byte("\x00<\x00?")):
		return binary.BigEndian, 0
	}
	return nil, 0
}

// appendUTF8 appends the UTF-16 text src as UTF-8. It returns how much of src it
// took: not half a character, unless last is true.
func appendUTF8(dst, src []byte, order binary.ByteOrder, last bool) ([]byte, int) {
	i := 0
	for i+1 < len(src) {
		r := rune(order.Uint16(src[i:]))
		n := 2
		if utf16.IsSurrogate(r) {
			if i+3 >= len(src) && !last {
				break
			}
			pair := rune(utf8.RuneError)
			if i+3 < len(src) {
				pair = utf16.DecodeRune(r, rune(order.Uint16(src[i+2:])))
			}
			if r = pair; pair != utf8.RuneError {
				n = 4
			}
		}
		dst = utf8.AppendRune(dst, r)
		i += n
	}
	if last && i < len(src) {
		dst, i = utf8.AppendRune(dst, utf8.RuneError), len(src)
	}
	return dst, i
}
