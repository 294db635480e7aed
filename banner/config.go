package banner

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/cases"
)

// Config says how one site's banner looks and speaks. The zero value is the
// default banner: first in the body, every shipped language, own words.
type Config struct {
	// SiteName is the name of the site as visitors know it, used in the
	// region's accessible name. Default: the site's first host.
	SiteName string
	// Place is "top" (first in body, in flow; the default) or "bottom" (fixed).
	Place string
	// Languages limits the shipped languages to these tags, the first of which
	// is spoken where nothing else fits. Default: all, English first.
	Languages []string
	// Purposes are the owner's own purposes, or other words for shipped ones.
	Purposes []Purpose
	// Words are the owner's own words by language. Default: the shipped words.
	Words map[string]Words
	// Theme is the look. Dark is the look for visitors who prefer dark pages;
	// its default is Theme when that is set, else lychgate's own.
	Theme, Dark Theme
}

// Words are the owner's own words for the question. An empty field keeps the
// shipped words; the two labels are changed together or not at all.
type Words struct {
	// Question is the heading, Text the one or two sentences below. Text may say
	// {purposes} where their names go; if other companies are asked for and it
	// does not, the shipped sentence that names them follows it.
	Question, Text string
	// Accept and Decline are the labels of the two buttons.
	Accept, Decline string
}

// Validate reports everything that is wrong with c.
func (c *Config) Validate() error {
	locales, err := shipped()
	if err != nil {
		return err
	}
	var errs []error
	if c.Place != "" && c.Place != placeTop && c.Place != placeBottom {
		errs = append(errs, fmt.Errorf("banner: %q is no place; it is %q or %q", c.Place, placeTop, placeBottom))
	}
	isShipped := func(tag string) bool {
		return slices.ContainsFunc(locales, func(l *locale) bool { return l.Tag == tag })
	}
	for _, tag := range c.Languages {
		if !isShipped(tag) {
			errs = append(errs, fmt.Errorf("languages: %q is not shipped; known are %s", tag, tagsOf(locales)))
		}
	}
	for tag, w := range c.Words {
		if !isShipped(tag) {
			errs = append(errs, fmt.Errorf("words: language %q is not shipped; known are %s", tag, tagsOf(locales)))
		}
		if err := w.validate(); err != nil {
			errs = append(errs, fmt.Errorf("words.%s: %w", tag, err))
		}
	}
	for _, p := range c.Purposes {
		if err := p.validate(); err != nil {
			errs = append(errs, err)
		}
	}
	light, dark := c.themes()
	errs = append(errs, light.validate("theme"))
	if dark != light {
		errs = append(errs, dark.validate("dark"))
	}
	return errors.Join(errs...)
}

// themes are the two looks, complete.
func (c *Config) themes() (light, dark Theme) {
	light = c.Theme.over(lightTheme)
	switch {
	case c.Dark != Theme{}:
		dark = c.Dark.over(darkTheme)
		if c.Dark.Font == "" {
			dark.Font = light.Font
		}
	case c.Theme == Theme{Font: c.Theme.Font}: // no colour is set
		dark = Theme{Font: light.Font}.over(darkTheme)
	default:
		dark = light
	}
	return light, dark
}

// Looks returns c as visitors who prefer light pages see it, and as those who
// prefer dark ones do, whatever the browser that it is shown to prefers.
func (c Config) Looks() (light, dark Config) {
	l, d := c.themes()
	light, dark = c, c
	light.Theme, light.Dark = l, l
	dark.Theme, dark.Dark = d, d
	return light, dark
}

func tagsOf(locales []*locale) string {
	tags := make([]string, len(locales))
	for i, l := range locales {
		tags[i] = l.Tag
	}
	return strings.Join(tags, ", ")
}

// The lengths of the owner's own words, in characters.
const (
	maxLabel    = 40
	maxQuestion = 80
	maxText     = 400
)

// validate keeps the question a question and the two answers alike: consent must
// be as easy to refuse as to give (GDPR Art. 4(11), 7(3)).
func (w Words) validate() error {
	errs := []error{
		plain("question", w.Question, maxQuestion),
		plain("text", w.Text, maxText),
		plain("accept", w.Accept, maxLabel),
		plain("decline", w.Decline, maxLabel),
	}
	if strings.Count(w.Text, purposesMark) > 1 {
		errs = append(errs, fmt.Errorf("text %q says %s more than once", w.Text, purposesMark))
	}
	if (w.Accept == "") != (w.Decline == "") {
		errs = append(errs, errors.New("accept and decline are set together, so that they speak alike"))
	} else if w.Accept != "" {
		errs = append(errs, alike(w.Accept, w.Decline))
	}
	return errors.Join(errs...)
}

// alike reports what makes one of two labels weaker than the other.
func alike(accept, decline string) error {
	a, d := utf8.RuneCountInString(accept), utf8.RuneCountInString(decline)
	switch {
	case !strings.ContainsFunc(accept, unicode.IsLetter) || !strings.ContainsFunc(decline, unicode.IsLetter):
		return fmt.Errorf("accept %q and decline %q both need words", accept, decline)
	case cases.Fold().String(accept) == cases.Fold().String(decline):
		return fmt.Errorf("accept and decline are both %q", accept)
	case a > 3*d+3 || d > 3*a+3:
		return fmt.Errorf("accept %q and decline %q differ too much in length; keep them alike", accept, decline)
	case shouts(accept) != shouts(decline):
		return fmt.Errorf("accept %q and decline %q: either both in capitals or neither", accept, decline)
	}
	return nil
}

// shouts reports whether a label of several letters is all capitals.
func shouts(s string) bool {
	return strings.ToUpper(s) == s && strings.ToLower(s) != s && utf8.RuneCountInString(s) > 1
}

// plain admits words and punctuation, and nothing that could draw the eye to one
// of two labels or hide it: no symbols, no control or format characters but the
// joiners that Indic and Persian spelling needs.
func plain(key, s string, most int) error {
	if n := utf8.RuneCountInString(s); n > most {
		return fmt.Errorf("%s is %d characters long, at most %d fit", key, n, most)
	}
	if !utf8.ValidString(s) || strings.TrimSpace(s) != s {
		return fmt.Errorf("%s %q must be clean text without blanks around it", key, s)
	}
	for _, r := range s {
		joiner := r == '\u200c' || r == '\u200d'
		if !joiner && !unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.Sc) && r != ' ' && r != '+' {
			return fmt.Errorf("%s %q: %q does not belong there; letters, digits and punctuation do", key, s, r)
		}
	}
	return nil
}

// purposeID is what fits into a form field's name, a cookie and a config key.
var purposeID = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)

func (p Purpose) validate() error {
	var errs []error
	if !purposeID.MatchString(p.ID) {
		errs = append(errs, fmt.Errorf("purpose: id %q must be a lower-case word of at most 32 letters and digits", p.ID))
	}
	for tag, name := range p.Name {
		if err := plain("name."+tag, name, maxQuestion); err != nil {
			errs = append(errs, fmt.Errorf("purpose %s: %w", p.ID, err))
		}
	}
	for tag, text := range p.Text {
		if err := plain("text."+tag, text, maxText); err != nil {
			errs = append(errs, fmt.Errorf("purpose %s: %w", p.ID, err))
		}
	}
	return errors.Join(errs...)
}
