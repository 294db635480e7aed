package banner

import (
	"strings"
	"sync"

	"golang.org/x/text/language"
)

// A tongues chooses among the languages of one site. Answers are remembered, so
// that a page costs one look-up; the memory is bounded, since both inputs are
// foreign text.
type tongues struct {
	speeches []*speech      // the first is the default
	tags     []language.Tag // of speeches
	matcher  language.Matcher

	mu     sync.RWMutex
	byLang map[string]*speech // page lang -> language, nil when none is shipped
	byList map[string]*speech // Accept-Language -> language
}

// The bounds of a tongues' memory.
const (
	maxRemembered   = 1024
	maxLangBytes    = 35  // RFC 5646 section 4.4.1
	maxAcceptedByte = 256 // of Accept-Language; what stands later is wanted less
)

func newTongues(speeches []*speech) *tongues {
	tags := make([]language.Tag, len(speeches))
	for i, l := range speeches {
		tags[i] = language.Make(l.Tag)
	}
	return &tongues{
		speeches: speeches,
		tags:     tags,
		matcher:  language.NewMatcher(tags),
		byLang:   map[string]*speech{},
		byList:   map[string]*speech{},
	}
}

// choose returns the language of a page: that of its lang attribute when it is
// shipped, else the best of Accept-Language, else the default.
func (t *tongues) choose(lang []byte, accept string) *speech {
	if l := t.named(lang); l != nil {
		return l
	}
	return t.accepted(accept)
}

// named returns the language for one language tag, or nil.
func (t *tongues) named(lang []byte) *speech {
	if len(lang) == 0 || len(lang) > maxLangBytes {
		return nil
	}
	t.mu.RLock()
	l, ok := t.byLang[string(lang)] // no copy is made
	t.mu.RUnlock()
	if ok {
		return l
	}
	if tag, err := language.Parse(string(lang)); err == nil {
		l = t.match(tag)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	remember(t.byLang, string(lang), l)
	return l
}

// accepted returns the best language for an Accept-Language header.
func (t *tongues) accepted(accept string) *speech {
	if accept == "" {
		return t.speeches[0]
	}
	if len(accept) > maxAcceptedByte {
		accept = cutList(accept[:maxAcceptedByte])
	}
	t.mu.RLock()
	l, ok := t.byList[accept]
	t.mu.RUnlock()
	if ok {
		return l
	}
	// A header that is wrong in parts still yields the parts before.
	tags, _, _ := language.ParseAcceptLanguage(accept)
	l = t.speeches[0]
	for _, tag := range tags {
		if m := t.match(tag); m != nil {
			l = m
			break
		}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	remember(t.byList, accept, l)
	return l
}

// match returns the shipped form of one language, or nil. The matcher knows which
// script and region come nearest; its guesses at other languages that a speaker
// may know (Turkish for Kurdish) are not taken.
func (t *tongues) match(wanted language.Tag) *speech {
	_, i, confidence := t.matcher.Match(wanted)
	if confidence == language.No || base(t.tags[i]) != base(wanted) {
		return nil
	}
	return t.speeches[i]
}

// base is a tag's language without script and region.
func base(tag language.Tag) language.Base {
	b, _ := tag.Base()
	return b
}

// remember adds to a bounded memory, which starts afresh when it is full.
func remember(m map[string]*speech, key string, l *speech) {
	if len(m) >= maxRemembered {
		clear(m)
	}
	m[strings.Clone(key)] = l // not the header it was cut from
}

// cutList drops what follows the last comma, which may be half a language.
func cutList(s string) string {
	for i := len(s) - 1; i >= 0; i-- {
		if s[i] == ',' {
			return s[:i]
		}
	}
	return ""
}

// speak is the language of a page of ours.
func (b *Banner) speak(v Visitor) *speech {
	return b.tongues.choose([]byte(v.Lang), v.AcceptLanguage)
}

// Language returns the tag of the shipped language that pages for this visitor
// speak, for the record: "en", "cy", "zh-Hans".
func (b *Banner) Language(v Visitor) string { return b.speak(v).Tag }

// LanguageName is what a language that the banner speaks calls itself; its tag
// for any other.
func (b *Banner) LanguageName(tag string) string {
	for _, s := range b.tongues.speeches {
		if s.Tag == tag {
			return s.Name
		}
	}
	return tag
}

// Languages are the tags of the languages the banner speaks, the default first.
func (b *Banner) Languages() []string {
	tags := make([]string, len(b.tongues.speeches))
	for i, s := range b.tongues.speeches {
		tags[i] = s.Tag
	}
	return tags
}
