package banner

import (
	"html/template"
	"net/url"
	"slices"
	"strings"
	"time"
)

// A view is what a template sees: words, site and the page's own data.
type view struct {
	W    *speech
	Page any

	b *Banner
}

// With is the same view of another thing.
func (v view) With(page any) view { return view{W: v.W, Page: page, b: v.b} }

// Site is the site's name.
func (v view) Site() string { return v.b.config.SiteName }

// Lang is the page's language.
func (v view) Lang() string { return v.W.Tag }

// Dir is the direction in which it is written.
func (v view) Dir() string { return v.W.Dir }

// Tongues are the site's languages.
func (v view) Tongues() []*speech { return v.b.tongues.speeches }

// Date writes a day in the page's language.
func (v view) Date(t time.Time) string { return v.W.date(t) }

// Amount writes a retention window in the page's language.
func (v view) Amount(d time.Duration) string { return v.W.amount(d) }

// Fill puts values into the placeholders of a text.
func (v view) Fill(text string, pairs ...string) string { return fill(text, pairs...) }

// List joins names in the page's language.
func (v view) List(names []string) string { return strings.Join(names, v.W.Comma) }

// Join joins what is the same in every language, such as hosts.
func (v view) Join(names []string) string { return strings.Join(names, ", ") }

// Names are the names of services.
func (v view) Names(services []Service) string {
	names := make([]string, len(services))
	for i, s := range services {
		names[i] = v.ServiceName(s)
	}
	return v.List(names)
}

// News are the names of what is new.
func (v view) News(n News) string { return v.List(v.W.news(v, n)) }

// Lines splits a text into its lines.
func (v view) Lines(text string) []string { return strings.Split(text, "\n") }

// Question is the question for all purposes of a page.
func (v view) Question(p *ConsentPage) question {
	ids := make([]string, len(p.Purposes))
	for i, c := range p.Purposes {
		ids[i] = c.ID
	}
	return v.W.asked(ids)
}

// PurposeName is the name of a purpose at the start of a line.
func (v view) PurposeName(id string) string { return v.W.sentence(v.b.purpose(v.W.locale, id).Name) }

// PurposeText explains a purpose.
func (v view) PurposeText(id string) string { return v.b.purpose(v.W.locale, id).Text }

// Contact is the line that says how to reach the owner.
func (v view) Contact(contact string) template.HTML {
	return template.HTML(fill(template.HTMLEscapeString(v.W.Contact), "contact", string(contactLink(contact))))
}

// Complaint says where to complain: to the owner (DPA 2018 s.164A), then to the ICO.
func (v view) Complaint() template.HTML {
	return template.HTML(fill(template.HTMLEscapeString(v.W.Complain),
		"ico", `<a href="https://ico.org.uk/make-a-complaint/" rel="noreferrer">ico.org.uk</a>`))
}

// contactLink makes a link of an e-mail address or a URL, and text of the rest.
func contactLink(contact string) template.HTML {
	text := template.HTMLEscapeString(contact)
	switch {
	case strings.HasPrefix(contact, "https://"), strings.HasPrefix(contact, "http://"):
		return template.HTML(`<a href="` + text + `">` + text + `</a>`)
	case strings.Count(contact, "@") == 1 && !strings.ContainsAny(contact, " :/?&%"):
		return template.HTML(`<a href="mailto:` + text + `">` + text + `</a>`)
	default:
		return template.HTML(text)
	}
}

// StateText says what the visitor's answer is; {date} stands for its day.
func (v view) StateText(p *ConsentPage) string {
	switch {
	case p.Choice != Accepted:
		return v.W.StateNo
	case slices.ContainsFunc(p.Purposes, func(c PurposeChoice) bool { return !c.Granted }):
		return v.W.StateSome
	default:
		return v.W.StateYes
	}
}

// VerdictText says what came of a pasted receipt.
func (v view) VerdictText(r VerifyResult) string {
	switch r {
	case Proven:
		return v.W.VerifyYes
	case NotProven:
		return v.W.VerifyNo
	default:
		return v.W.VerifyUnreadable
	}
}

// ErrorText is the one calm sentence.
func (v view) ErrorText(p *ErrorPage) string {
	switch p.Unsaved {
	case Accepted:
		return v.W.ErrorUnsaved
	case Declined:
		return v.W.ErrorUnsavedNo
	}
	switch p.Status {
	case 403:
		return v.W.ErrorForbidden
	case 404:
		return v.W.ErrorNotFound
	case 413:
		return v.W.ErrorTooLarge
	case 421:
		return v.W.ErrorHost
	case 502, 503, 504:
		return v.W.ErrorDown
	default:
		return v.W.ErrorBad
	}
}

// Decision is the answer in the form's words.
func (p *ConsentPage) Decision() string {
	switch p.Choice {
	case Accepted:
		return "accept"
	case Declined:
		return "decline"
	default:
		return "none"
	}
}

// Granted are the ids of the purposes granted, with blanks between.
func (p *ConsentPage) Granted() string {
	var ids []string
	for _, c := range p.Purposes {
		if c.Granted {
			ids = append(ids, c.ID)
		}
	}
	return strings.Join(ids, " ")
}

// Single is true when there is nothing to choose one by one.
func (p *ConsentPage) Single() bool { return len(p.Purposes) <= 1 }

// Back is where the page's way back leads.
func (p *ConsentPage) Back() string {
	if p.ReturnTo == "" || strings.HasPrefix(p.ReturnTo, "/_lychgate/") {
		return "/"
	}
	return p.ReturnTo
}

// Own is the address of this page with its way back, where its forms lead.
func (p *ConsentPage) Own() string {
	if back := p.Back(); back != "/" {
		return consentPath + "?return_to=" + url.QueryEscape(back)
	}
	return consentPath
}

// Link leads to the same page in another language.
func (p *ConsentPage) Link(lang string) string {
	_, back, _ := strings.Cut(p.Own(), "?")
	return strings.TrimSuffix("?lang="+lang+"&"+back, "&")
}

// Retry is true when the same request may work a little later.
func (p *ErrorPage) Retry() bool {
	return p.Unsaved == Undecided && p.Status >= 502
}
