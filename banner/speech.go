package banner

import (
	"strings"
	"sync"
)

// A speech is one language of one site: the shipped words with the owner's own
// in their place, and the pieces made of them when they are first needed.
type speech struct {
	*locale
	count, ask question // about counting alone; about several purposes
	pieces     func() *pieces
	embed      func() *embedPieces
}

// A question is what the banner asks. Its text may hold {purposes}.
type question struct{ Heading, Text, Accept, Decline string }

func (b *Banner) speeches(locales []*locale) []*speech {
	all := make([]*speech, len(locales))
	for i, l := range locales {
		w := b.config.Words[l.Tag]
		s := &speech{
			locale: l,
			count:  question{l.CountQuestion, l.CountText, l.CountYes, l.CountNo}.with(w),
			ask:    question{l.AskQuestion, l.AskText, l.AskYes, l.AskNo}.with(w),
		}
		if !strings.Contains(s.ask.Text, purposesMark) {
			s.ask.Text += " " + l.AskText // other companies are always named
		}
		s.pieces = sync.OnceValue(func() *pieces { return b.makePieces(s) })
		s.embed = sync.OnceValue(func() *embedPieces { return makeEmbedPieces(l) })
		all[i] = s
	}
	return all
}

// purposesMark stands in a question's text where the names of purposes go.
const purposesMark = "{purposes}"

// with puts the owner's own words in.
func (q question) with(w Words) question {
	if w.Question != "" {
		q.Heading = w.Question
	}
	if w.Text != "" {
		q.Text = w.Text
	}
	if w.Accept != "" {
		q.Accept, q.Decline = w.Accept, w.Decline
	}
	return q
}

// asked is the question for a list of purposes.
func (s *speech) asked(purposes []string) question {
	if countsAlone(purposes) {
		return s.count
	}
	return s.ask
}

// countsAlone reports whether lychgate's own counting is all that is asked for.
func countsAlone(purposes []string) bool {
	return len(purposes) == 0 || len(purposes) == 1 && purposes[0] == statistics
}
