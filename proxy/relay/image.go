package relay

import (
	"bytes"
	"encoding/binary"
	"encoding/xml"
	"errors"
	"fmt"
	"image"
	_ "image/gif"  // for the size
	_ "image/jpeg" // for the size
	_ "image/png"  // for the size
	"io"
	"strings"
)

// tiny reports whether a picture is at most 2 px wide or high: nobody sees
// it, so it is there to tell. A form whose size cannot be read is none.
func tiny(data []byte) bool {
	w, h, ok := webpSize(data)
	if !ok {
		c, _, err := image.DecodeConfig(bytes.NewReader(data))
		if err != nil {
			return false
		}
		w, h = c.Width, c.Height
	}
	return w <= 2 && h <= 2
}

// webpSize reads the size of a WebP picture (RFC 9649 section 2).
func webpSize(b []byte) (w, h int, ok bool) {
	if len(b) < 30 || string(b[:4]) != "RIFF" || string(b[8:12]) != "WEBP" {
		return 0, 0, false
	}
	switch string(b[12:16]) {
	case "VP8X":
		return int(b[24]) + int(b[25])<<8 + int(b[26])<<16 + 1, int(b[27]) + int(b[28])<<8 + int(b[29])<<16 + 1, true
	case "VP8L":
		v := binary.LittleEndian.Uint32(b[21:])
		return int(v&0x3FFF) + 1, int(v>>14&0x3FFF) + 1, true
	case "VP8 ":
		return int(binary.LittleEndian.Uint16(b[26:]) & 0x3FFF), int(binary.LittleEndian.Uint16(b[28:]) & 0x3FFF), true
	}
	return 0, 0, false
}

// checkSVG refuses a drawing that does more than draw. Served from the site's
// own origin, its scripts would be the site's; the sandbox in which it is sent
// stops them too, but not where another document takes it in by "use".
func checkSVG(data []byte) error {
	d := xml.NewDecoder(bytes.NewReader(data))
	d.Strict = false
	d.CharsetReader = func(string, io.Reader) (io.Reader, error) { return nil, errors.New("not in UTF-8") }
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("the drawing is not well-formed: %w", err)
		}
		switch t := token.(type) {
		case xml.Directive:
			if strings.Contains(strings.ToUpper(string(t)), "ENTITY") {
				return errors.New("the drawing defines entities")
			}
		case xml.ProcInst:
			if t.Target != "xml" {
				return errors.New("the drawing loads a style sheet")
			}
		case xml.StartElement:
			if err := checkSVGElement(t); err != nil {
				return err
			}
		}
	}
}

func checkSVGElement(e xml.StartElement) error {
	switch name := strings.ToLower(e.Name.Local); name {
	case "script", "foreignobject", "iframe", "embed", "object", "handler", "listener", "set", "animate":
		if name != "animate" && name != "set" {
			return fmt.Errorf("the drawing has a %s element", name)
		}
		for _, a := range e.Attr {
			if strings.EqualFold(a.Name.Local, "attributeName") && strings.HasSuffix(strings.ToLower(a.Value), "href") {
				return errors.New("the drawing changes a link")
			}
		}
	}
	for _, a := range e.Attr {
		name, value := strings.ToLower(a.Name.Local), strings.ToLower(strings.TrimSpace(a.Value))
		switch {
		case strings.HasPrefix(name, "on"):
			return fmt.Errorf("the drawing has %s", name)
		case (name == "href" || name == "src") && value != "" && value[0] != '#' && !strings.HasPrefix(value, "data:image/"):
			if strings.ToLower(e.Name.Local) != "a" || strings.HasPrefix(value, "javascript:") {
				return errors.New("the drawing loads something else")
			}
		}
	}
	return nil
}
