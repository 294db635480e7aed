package banner

import (
	"fmt"
	"strings"
	"time"
)

// A Fact is one line about a visitor's own state or record: a name, which is a
// key of the locales' facts, and how its value is said in a language.
type Fact struct {
	name  string
	value func(view) string
}

// TextFact is a Fact whose value is the same in every language: a path, a host,
// a number.
func TextFact(name, text string) Fact {
	return Fact{name, func(view) string { return text }}
}

// TermFact is a Fact whose value is a key of the locales' terms.
func TermFact(name, term string) Fact {
	return Fact{name, func(v view) string { return lookUp(v.W.Terms, term) }}
}

// DayFact is a Fact whose value is the date of t in its own zone.
func DayFact(name string, t time.Time) Fact {
	return Fact{name, func(v view) string { return v.W.date(t) }}
}

// MinuteFact is a Fact whose value is date and time of day of t in its own zone.
func MinuteFact(name string, t time.Time) Fact {
	return Fact{name, func(v view) string { return v.W.date(t) + v.W.Comma + t.Format("15:04") }}
}

// HourFact is a Fact whose value is the hour of t, in UTC.
func HourFact(name string, t time.Time) Fact {
	return Fact{name, func(v view) string {
		from := t.UTC()
		return v.W.date(from) + v.W.Comma + from.Format("15:00") + "–" + from.Add(time.Hour).Format("15:00") + " UTC"
	}}
}

// AnswerFact is a Fact whose value is an answer: a yes to these purposes, a no
// where there are none, or a yes taken back.
func AnswerFact(name string, purposes []string, withdrawn bool) Fact {
	return Fact{name, func(v view) string {
		switch {
		case withdrawn:
			return v.W.WithdrawnTitle
		case len(purposes) == 0:
			return v.W.No
		}
		names := make([]string, len(purposes))
		for i, id := range purposes {
			names[i] = v.b.purpose(v.W.locale, id).Name
		}
		return v.W.Yes + ": " + v.List(names)
	}}
}

// LanguageFact is a Fact whose value is the own name of a shipped language.
func LanguageFact(name, tag string) Fact {
	return Fact{name, func(view) string {
		if l := shippedLocale(tag); l.Tag == tag {
			return l.Name
		}
		return tag
	}}
}

// FactName is the name of a line in the page's language.
func (v view) FactName(f Fact) string { return lookUp(v.W.Facts, f.name) }

// FactValue is what the line says.
func (v view) FactValue(f Fact) string { return f.value(v) }

// lookUp returns the word for key, or the key where there is none.
func lookUp(words map[string]string, key string) string {
	if w, ok := words[key]; ok {
		return w
	}
	return key
}

// shippedLocale returns the words of a language, English where it is not shipped.
func shippedLocale(tag string) *locale {
	locales, err := shipped()
	if err != nil {
		panic(err) // embedded, and read when the first Banner was made
	}
	for _, l := range locales {
		if l.Tag == tag {
			return l
		}
	}
	return locales[0]
}

// RecordText writes a record as plain text in one of the shipped languages: its
// lines, the question as it was put, and a heading for the proof that is to
// follow. The same input gives the same text on every gateway, since it knows
// nothing of any site's configuration.
func RecordText(lang string, facts []Fact, question string) string {
	l := shippedLocale(lang)
	v := view{W: &speech{locale: l}, b: &Banner{}}
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n\n%s\n\n", l.Record, l.ReceiptText)
	for _, f := range facts {
		fmt.Fprintf(&b, "%s: %s\n", v.FactName(f), v.FactValue(f))
	}
	fmt.Fprintf(&b, "\n%s:\n\n%s\n\n%s:\n\n", l.Asked, question, l.Proof)
	return b.String()
}
