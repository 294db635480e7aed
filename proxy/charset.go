package proxy

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strings"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// sniffLen is how far browsers look for a charset or a type.
const sniffLen = 1024

// looksLikeHTML tells a page without a Content-Type by its beginning.
func looksLikeHTML(first []byte) bool {
	if len(first) >= 2 && (first[0] == 0xfe && first[1] == 0xff || first[0] == 0xff && first[1] == 0xfe) {
		return true // UTF-16 text: in doubt a page, since a judge that is not asked holds nothing
	}
	return strings.HasPrefix(http.DetectContentType(first), "text/html")
}

// transcoded makes a page of an encoding in which "<" is not always the byte
// 0x3c into UTF-8, and says so in the Content-Type. Every other encoding of the
// web keeps the ASCII that markup consists of and passes byte for byte.
func transcoded(in io.Reader, a *answer) io.Reader {
	br := bufio.NewReaderSize(in, 4<<10)
	first, _ := br.Peek(sniffLen) // a read error comes again with the body
	enc := notASCII(first, a.charset())
	if enc == nil {
		return br
	}
	media, _, _ := strings.Cut(get(a.header, "Content-Type"), ";")
	a.header["Content-Type"] = []string{strings.TrimSpace(media) + "; charset=utf-8"}
	return transform.NewReader(br, enc.NewDecoder())
}

// notASCII is the page's encoding when it must be transcoded, else nil: the
// byte order mark decides, then the header, then the page's own word
// (Encoding standard section 6, HTML section 13.2.3.2).
func notASCII(first []byte, header string) encoding.Encoding {
	switch {
	case bytes.HasPrefix(first, []byte{0xef, 0xbb, 0xbf}):
		return nil
	case bytes.HasPrefix(first, []byte{0xfe, 0xff}):
		return unicode.UTF16(unicode.BigEndian, unicode.ExpectBOM)
	case bytes.HasPrefix(first, []byte{0xff, 0xfe}):
		return unicode.UTF16(unicode.LittleEndian, unicode.ExpectBOM)
	case header != "":
		return stateful(header)
	}
	if bytes.Contains(bytes.ToLower(first), []byte("iso-2022-jp")) {
		return stateful("iso-2022-jp")
	}
	return nil // a meta element cannot declare UTF-16: it would not be readable
}

// stateful is the encoding a label names, when it is one of those.
func stateful(label string) encoding.Encoding {
	enc, err := htmlindex.Get(label)
	if err != nil {
		return nil
	}
	name, err := htmlindex.Name(enc)
	if err != nil {
		return nil
	}
	switch name {
	case "utf-16be", "utf-16le", "iso-2022-jp", "replacement":
		return enc
	}
	return nil
}
