package proxy

import (
	"bytes"
	"cmp"
	"net/http"
	"regexp"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html/charset"
	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/htmlindex"
	"golang.org/x/text/encoding/unicode"
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

// settleCharset prepares a page whose beginning is in first for the rewriter.
// A page in an encoding in which "<" is not always the byte 0x3c becomes UTF-8,
// and the Content-Type says so; the result is its decoder. Every other encoding
// of the web keeps the ASCII that markup consists of: the result is nil.
func settleCharset(a *answer, first []byte) *encoding.Decoder {
	first = first[:min(len(first), sniffLen)]
	enc := notASCII(first, a.charset())
	if enc == nil {
		return nil
	}
	media, _, _ := strings.Cut(get(a.header, "Content-Type"), ";")
	media = cmp.Or(strings.TrimSpace(media), "text/html") // without a type it is a page by its beginning
	a.header["Content-Type"] = []string{media + "; charset=utf-8"}
	return enc.NewDecoder()
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

// nameCharset puts into the Content-Type what the page says about its charset
// itself: what goes into its head could push that beyond the bytes in which
// browsers look for it.
func nameCharset(a *answer, page []byte) {
	ct := get(a.header, "Content-Type")
	if ct == "" || a.charset() != "" {
		return
	}
	first := page[:min(len(page), sniffLen)]
	m := metaCharset.FindSubmatch(first)
	if m == nil {
		return
	}
	// Comments can hold a meta element too: the word counts if it is what the
	// standard's own search finds.
	if _, name, _ := charset.DetermineEncoding(first, ""); sameEncoding(name, string(m[1])) {
		media, _, _ := strings.Cut(ct, ";")
		a.header["Content-Type"] = []string{strings.TrimSpace(media) + "; charset=" + name}
	}
}

var metaCharset = regexp.MustCompile(`(?i)<meta[^>]+charset\s*=\s*["']?\s*([a-z0-9_:.-]+)`)

func sameEncoding(name, label string) bool {
	enc, err := htmlindex.Get(label)
	if err != nil {
		return false
	}
	other, err := htmlindex.Name(enc)
	return err == nil && other == name
}

// declareUTF8 names the charset of a page from the folder that does not name
// one itself and is UTF-8, as nearly all are: browsers would guess otherwise.
func declareUTF8(a *answer, page []byte) {
	ct := get(a.header, "Content-Type")
	named := bytes.Contains(bytes.ToLower(page[:min(len(page), sniffLen)]), []byte("charset"))
	if !strings.Contains(ct, ";") && !named && utf8.Valid(page) {
		a.header["Content-Type"] = []string{ct + "; charset=utf-8"}
	}
}
