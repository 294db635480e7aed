package dashboard

import (
	"net/http"
	"net/url"
)

// typed is what the form of a refused change held, so that it stands there again
// beside the reason. Nothing reads a password from it.
type typed url.Values

// typedIn is what the form in r holds.
func typedIn(r *http.Request) typed {
	r.PostFormValue("act") // reads the form, if nobody has yet
	return typed(r.PostForm)
}

// Typed is a field of the form with this act, or nothing where that was none.
func (f typed) Typed(act, field string) string {
	if url.Values(f).Get("act") != act {
		return ""
	}
	return url.Values(f).Get(field)
}
