package banner

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// statistics is the id of lychgate's own counting.
const statistics = "statistics"

// A Purpose is one thing a visitor can agree to, in the owner's own words. The
// ids statistics, measurement, advertising, media, social, support, functional
// and other need none.
type Purpose struct {
	ID   string            // "statistics", "newsletter", ...
	Name map[string]string // by language, as inside a sentence: "counting visits"
	Text map[string]string // by language, one or two plain sentences
}

// purpose returns the words for a purpose's id: the owner's, else the shipped
// ones, else the id itself.
func (b *Banner) purpose(l *locale, id string) purposeWords {
	for _, p := range b.config.Purposes {
		if p.ID == id {
			w := l.Purposes[id]
			if name := byLanguage(p.Name, l.Tag); name != "" {
				w.Name = name
			}
			if text := byLanguage(p.Text, l.Tag); text != "" {
				w.Text = text
			}
			if w.Name == "" {
				w.Name = id
			}
			return w
		}
	}
	if w, ok := l.Purposes[id]; ok {
		return w
	}
	return purposeWords{Name: id}
}

// PurposeName is the English name of a purpose, as inside a sentence.
func (b *Banner) PurposeName(id string) string {
	for _, s := range b.tongues.speeches {
		if s.Tag == "en" {
			return b.purpose(s.locale, id).Name
		}
	}
	return id
}

// byLanguage returns the text for tag, else for its base language, else English.
func byLanguage(texts map[string]string, tag string) string {
	if t := texts[tag]; t != "" {
		return t
	}
	base, _, _ := strings.Cut(tag, "-")
	if t := texts[base]; t != "" {
		return t
	}
	return texts["en"]
}

// sentence raises the first letter of a name that is written as inside a sentence.
func (l *locale) sentence(name string) string {
	first, size := utf8.DecodeRuneInString(name)
	if size == 0 {
		return name
	}
	return upper(l.Tag, first) + name[size:]
}

// upper is the capital of r in a language.
func upper(tag string, r rune) string {
	if tag == "tr" {
		return string(unicode.TurkishCase.ToUpper(r))
	}
	return string(unicode.ToUpper(r))
}
