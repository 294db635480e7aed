package banner

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// A Theme is the six variables of the banner's look. Colours are "#rrggbb" or
// "#rgb". An empty field keeps the default. There is no variable for one of the
// two buttons alone.
type Theme struct {
	Background string // behind the words
	Text       string // the words
	Link       string // links among the words
	Button     string // both buttons
	ButtonText string // their labels
	// Font is a list of font families ("Georgia, serif"), or "inherit" for that
	// of the site's body. Default: the system's own.
	Font string
}

// The default looks, for visitors who prefer light and dark.
var (
	lightTheme = Theme{Background: "#f4f1ea", Text: "#1c1c1c", Link: "#0b4a8f", Button: "#1d3f6e", ButtonText: "#fff", Font: "system-ui,sans-serif"}
	darkTheme  = Theme{Background: "#20242b", Text: "#f2f2f2", Link: "#a9ccff", Button: "#cfe1fb", ButtonText: "#10213a", Font: "system-ui,sans-serif"}
)

// over returns t with what it leaves empty taken from base.
func (t Theme) over(base Theme) Theme {
	or := func(a, b string) string {
		if a != "" {
			return a
		}
		return b
	}
	return Theme{
		Background: or(t.Background, base.Background),
		Text:       or(t.Text, base.Text),
		Link:       or(t.Link, base.Link),
		Button:     or(t.Button, base.Button),
		ButtonText: or(t.ButtonText, base.ButtonText),
		Font:       or(t.Font, base.Font),
	}
}

// fontList admits what a font-family value needs and nothing that ends it.
var fontList = regexp.MustCompile(`^[A-Za-z0-9 ,'"-]{1,200}$`)

// validate reports every fault of a complete theme; key is its name in the
// configuration.
func (t Theme) validate(key string) error {
	var errs []error
	colours := map[string]rgb{}
	for _, c := range []struct{ name, value string }{
		{"background", t.Background},
		{"text", t.Text},
		{"link", t.Link},
		{"button", t.Button},
		{"button_text", t.ButtonText},
	} {
		colour, err := parseColour(c.value)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s.%s: %w", key, c.name, err))
			continue
		}
		colours[c.name] = colour
	}
	if !fontList.MatchString(t.Font) || strings.Count(t.Font, `"`)%2 != 0 || strings.Count(t.Font, `'`)%2 != 0 {
		errs = append(errs, fmt.Errorf("%s.font: %q is not a list of font families; write it like \"Georgia, serif\"", key, t.Font))
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	for _, p := range []struct {
		front, back string
		least       float64
		source      string
	}{
		{"text", "background", 4.5, "1.4.3"},
		{"link", "background", 4.5, "1.4.3"},
		{"button_text", "button", 4.5, "1.4.3"},
		{"button", "background", 3, "1.4.11"},
	} {
		if got := contrast(colours[p.front], colours[p.back]); got < p.least {
			errs = append(errs, fmt.Errorf("%s: %s %s on %s %s has a contrast of %.2f to 1; people with weak sight need %.1f (WCAG 2.2, %s)",
				key, p.front, colours[p.front], p.back, colours[p.back], math.Floor(got*100)/100, p.least, p.source))
		}
	}
	return errors.Join(errs...)
}

// rgb is a colour in sRGB.
type rgb [3]uint8

func (c rgb) String() string { return fmt.Sprintf("#%02x%02x%02x", c[0], c[1], c[2]) }

func parseColour(s string) (rgb, error) {
	digits, ok := strings.CutPrefix(s, "#")
	if len(digits) == 3 {
		digits = string([]byte{digits[0], digits[0], digits[1], digits[1], digits[2], digits[2]})
	}
	n, err := strconv.ParseUint(digits, 16, 32)
	if !ok || err != nil || len(digits) != 6 {
		return rgb{}, fmt.Errorf("%q is not a colour; write it like #1d3f6e", s)
	}
	return rgb{uint8(n >> 16), uint8(n >> 8), uint8(n)}, nil
}

// contrast is the contrast ratio of two colours, 1 to 21: WCAG 2.2, definition
// of contrast ratio.
func contrast(a, b rgb) float64 {
	x, y := luminance(a), luminance(b)
	if x < y {
		x, y = y, x
	}
	return (x + 0.05) / (y + 0.05)
}

// luminance is the relative luminance of a colour: WCAG 2.2, definition of
// relative luminance.
func luminance(c rgb) float64 {
	var l [3]float64
	for i, v := range c {
		s := float64(v) / 255
		if s <= 0.04045 {
			l[i] = s / 12.92
			continue
		}
		l[i] = math.Pow((s+0.055)/1.055, 2.4)
	}
	return 0.2126*l[0] + 0.7152*l[1] + 0.0722*l[2]
}
