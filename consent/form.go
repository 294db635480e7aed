package consent

import (
	"errors"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// maxFormBytes bounds the form of a decision.
const maxFormBytes = 16 << 10

var (
	errForm     = errors.New("form cannot be read")
	errTooLarge = errors.New("form is too large")
)

// A choice is what a form says.
type choice struct {
	decision string // Accept, Decline, Withdraw
	purposes Purposes
	policy   *policy // the list that the form showed
	returnTo string
}

// readForm reads a decision. Afterwards r.PostForm holds the body's fields.
func (g *Gate) readForm(w http.ResponseWriter, r *http.Request, t *today) (c choice, err error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return c, errForm
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxFormBytes)
	if err := r.ParseForm(); err != nil {
		var tooLarge *http.MaxBytesError
		if errors.As(err, &tooLarge) {
			return c, errTooLarge
		}
		return c, errForm
	}
	f := r.PostForm
	for _, name := range []string{"decision", "return_to", "policy", "lang"} {
		if len(f[name]) > 1 {
			return c, errForm // two answers are none
		}
	}
	// An address we do not trust is no reason not to hear the answer.
	c.returnTo = "/"
	if to, ok := returnTo(f.Get("return_to")); ok {
		c.returnTo = to
	}
	if c.policy, err = g.shown(t, f.Get("policy")); err != nil {
		return c, err
	}
	return c, c.readDecision(f)
}

// shown is the list that a form was about: an older one if it says so, which is
// then what is recorded.
func (g *Gate) shown(t *today, version string) (*policy, error) {
	if version == "" || version == t.policy.version {
		return t.policy, nil
	}
	if p := g.history.find(version); p != nil {
		return p, nil
	}
	return nil, errForm
}

// readDecision reads the answer: one for all, or, without decision or with
// decision=choose, one for each purpose. One purpose allowed is an accept, none
// is a decline.
func (c *choice) readDecision(f url.Values) error {
	switch f.Get("decision") {
	case Accept:
		c.decision, c.purposes = Accept, c.policy.asked
	case Decline, Withdraw:
		c.decision = f.Get("decision")
		return nil
	case "", "choose":
		var err error
		if c.purposes, err = chosen(f, c.policy); err != nil {
			return err
		}
		c.decision = Decline
		if c.purposes != 0 {
			c.decision = Accept
		}
	default:
		return errForm
	}
	if c.decision == Accept && c.purposes == 0 {
		return errForm // there is nothing to accept
	}
	return nil
}

// chosen reads the purposes allowed, from fields purpose=ID and purpose-ID=yes
// or no. What is not allowed by name is not allowed.
func chosen(f url.Values, p *policy) (set Purposes, err error) {
	answers := 0
	allow := func(id string) error {
		i := slices.Index(p.ids, id)
		if i < 0 || p.asked&(1<<i) == 0 {
			return errForm
		}
		set |= 1 << i
		return nil
	}
	for name, values := range f {
		id, one := strings.CutPrefix(name, "purpose-")
		if name != "purpose" && !one {
			continue
		}
		for _, v := range values {
			answers++
			switch {
			case !one && v == "": // purpose= is how a form says: none
			case !one:
				err = errors.Join(err, allow(v))
			case v == "yes" && len(values) == 1:
				err = errors.Join(err, allow(id))
			case v == "no" && len(values) == 1:
			default:
				return 0, errForm
			}
		}
	}
	if answers == 0 {
		return 0, errForm
	}
	return set, err
}
