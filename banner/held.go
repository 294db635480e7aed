package banner

import (
	"strconv"
	"strings"
)

// The catalogue of services speaks plain English. What of it comes up again and
// again is told in the visitor's language; the rest stays English and is marked
// so, for voices that read it out.

// A said is a text with the language it is in, where that is not the page's.
type said struct{ Text, Lang string }

// ServiceName is how a third party is called.
func (v view) ServiceName(s Service) string {
	if name, ok := v.W.Held[s.Words+"_name"]; ok {
		return name
	}
	return s.Name
}

// news are the names of what is new.
func (s *speech) news(v view, n News) []string {
	var names []string
	for _, id := range n.Purposes {
		names = append(names, v.b.purpose(s.locale, id).Name)
	}
	for _, service := range n.Services {
		names = append(names, v.ServiceName(service))
	}
	return names
}

// ServiceText says what a third party is.
func (v view) ServiceText(s Service) said {
	if text, ok := v.W.Held[s.Words]; ok {
		return said{Text: text}
	}
	return v.english(s.Text)
}

// CookieText says what a cookie is for.
func (v view) CookieText(c Cookie) said {
	for key, text := range shippedLocale("en").CookieTexts {
		if text == c.Text {
			return said{Text: v.W.CookieTexts[key]}
		}
	}
	return v.english(c.Text)
}

// CookieLife says how long a cookie lives.
func (v view) CookieLife(c Cookie) said {
	if text := v.W.life(c.Life); text != "" {
		return said{Text: text}
	}
	return v.english(c.Life)
}

// english is a text of the catalogue.
func (v view) english(text string) said {
	if v.W.Tag == "en" {
		return said{Text: text}
	}
	return said{text, "en"}
}

// life says one of the catalogue's lives in a language, or nothing if it is no
// usual one: "2 years", "up to 30 days", "15 minutes", "the visit", "no end".
func (l *locale) life(text string) string {
	switch text {
	case "the visit", "until the browser closes":
		return l.Lives["visit"]
	case "no end":
		return l.Lives["endless"]
	case "unknown":
		return l.Lives["unknown"]
	}
	amount, most := strings.CutPrefix(text, "up to ")
	number, unit, _ := strings.Cut(amount, " ")
	n, err := strconv.Atoi(number)
	if err != nil {
		return ""
	}
	switch strings.TrimSuffix(unit, "s") {
	case "minute":
		amount = number + " min" // the symbol of the SI, the same everywhere
	case "hour":
		amount = number + " h"
	case "day":
		amount = l.count(l.Days, n)
	case "month":
		amount = l.count(l.MonthsCount, n)
	case "year":
		amount = l.count(l.Years, n)
	default:
		return ""
	}
	if most {
		return fill(l.Lives["up_to"], "amount", amount)
	}
	return amount
}
