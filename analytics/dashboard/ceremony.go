package dashboard

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/lychgate/lychgate/consent"
)

// A ceremony is the exchange in which a device makes or uses a passkey (WebAuthn
// level 3). The page carries its options; our own script hands them to the
// browser and the browser's answer to the page's form. So it needs no request
// but those of pages, which are all that the dashboard answers.
type ceremony struct {
	// Options are what the browser is asked, as JSON.
	Options string
	// State is what the answer is checked against, signed, as the form sends it
	// back.
	State string
}

// ceremonyLife is how long the page may wait for the device.
const ceremonyLife = 5 * time.Minute

// errPasskey says that a passkey cannot be made or used here, or its answer is
// wrong.
var errPasskey = errors.New("passkey refused")

// ceremonies begins ceremonies and checks the answers of devices.
type ceremonies struct {
	keys *consent.Keys

	mu   sync.Mutex
	used map[[32]byte]time.Time // challenges that were answered rightly, until they are too old
}

// passkeyHost returns the host on which a passkey made in answer to r works; ""
// where browsers know none: on plain http, but for this machine, and on bare
// addresses.
func passkeyHost(r *http.Request) string {
	host := strings.ToLower(r.Host)
	if h, port, err := net.SplitHostPort(host); err == nil {
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return ""
		}
		host = h
	}
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil || protocol.ValidateRPID(host) != nil {
		return ""
	}
	if r.URL.Scheme != "https" && host != "localhost" && !strings.HasSuffix(host, ".localhost") {
		return ""
	}
	return host
}

// party is the dashboard as the relying party of r's host.
func party(r *http.Request) (*webauthn.WebAuthn, error) {
	host := passkeyHost(r)
	if host == "" {
		return nil, errPasskey
	}
	w, err := webauthn.New(&webauthn.Config{
		RPID: host, RPDisplayName: "lychgate " + host, RPOrigins: []string{r.URL.Scheme + "://" + r.Host},
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			ResidentKey: protocol.ResidentKeyRequirementRequired, UserVerification: protocol.VerificationRequired,
		},
		Timeouts: webauthn.TimeoutsConfig{
			Login:        webauthn.TimeoutConfig{Enforce: true, Timeout: ceremonyLife},
			Registration: webauthn.TimeoutConfig{Enforce: true, Timeout: ceremonyLife},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errPasskey, err)
	}
	return w, nil
}

// make begins the ceremony in which h's device makes a passkey.
func (s *ceremonies) make(r *http.Request, h holder) (ceremony, error) {
	w, err := party(r)
	if err != nil {
		return ceremony{}, err
	}
	var known []protocol.CredentialDescriptor
	for _, c := range h.WebAuthnCredentials() {
		known = append(known, c.Descriptor())
	}
	options, state, err := w.BeginRegistration(h, webauthn.WithExclusions(known))
	if err != nil {
		return ceremony{}, fmt.Errorf("begin passkey: %w", err)
	}
	return s.begun(making, options.Response, state)
}

// made ends the ceremony in which a passkey was made, and returns it.
func (s *ceremonies) made(r *http.Request, h holder) (*webauthn.Credential, error) {
	w, err := party(r)
	if err != nil {
		return nil, err
	}
	state, err := s.state(making, r)
	if err != nil {
		return nil, err
	}
	answer, err := protocol.ParseCredentialCreationResponseBytes([]byte(r.PostFormValue("answer")))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errPasskey, err)
	}
	c, err := w.CreateCredential(h, state, answer)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errPasskey, err)
	}
	return c, s.use(state)
}

// ask begins the ceremony in which a device uses one of h's passkeys, or with
// nil whichever it has for this host.
func (s *ceremonies) ask(r *http.Request, h *holder) (ceremony, error) {
	w, err := party(r)
	if err != nil {
		return ceremony{}, err
	}
	var options *protocol.CredentialAssertion
	var state *webauthn.SessionData
	if h == nil {
		options, state, err = w.BeginDiscoverableLogin()
	} else {
		options, state, err = w.BeginLogin(*h)
	}
	if err != nil {
		return ceremony{}, fmt.Errorf("begin passkey: %w", err)
	}
	return s.begun(asking, options.Response, state)
}

// told ends the ceremony in which a passkey was used. find returns the account
// that passkeys know by a handle.
func (s *ceremonies) told(r *http.Request, find func(handle []byte) (holder, error)) (holder, *webauthn.Credential, error) {
	w, err := party(r)
	if err != nil {
		return holder{}, nil, err
	}
	state, err := s.state(asking, r)
	if err != nil {
		return holder{}, nil, err
	}
	answer, err := protocol.ParseCredentialRequestResponseBytes([]byte(r.PostFormValue("answer")))
	if err != nil {
		return holder{}, nil, fmt.Errorf("%w: %w", errPasskey, err)
	}
	handle := answer.Response.UserHandle
	if len(state.UserID) > 0 { // one that was asked of one account
		if len(handle) > 0 && !bytes.Equal(handle, state.UserID) {
			return holder{}, nil, errPasskey
		}
		handle = state.UserID
	}
	h, err := find(handle)
	if err != nil {
		return holder{}, nil, err
	}
	var c *webauthn.Credential
	if len(state.UserID) > 0 {
		c, err = w.ValidateLogin(h, state, answer)
	} else {
		_, c, err = w.ValidatePasskeyLogin(func(_, _ []byte) (webauthn.User, error) { return h, nil }, state, answer)
	}
	switch {
	case err != nil:
		return holder{}, nil, fmt.Errorf("%w: %w", errPasskey, err)
	case c.Authenticator.CloneWarning: // its counter went back: somebody has a copy
		return holder{}, nil, fmt.Errorf("%w: its counter went back", errPasskey)
	}
	return h, c, s.use(state)
}

// The kinds of ceremonies. The state of one is none of the other.
const (
	making = "dashboard/passkey/make"
	asking = "dashboard/passkey/ask"
)

func (s *ceremonies) begun(kind string, options any, state *webauthn.SessionData) (c ceremony, err error) {
	state.CredParams = nil // always the usual ones, and the bulk of it
	text, err := json.Marshal(options)
	if err != nil {
		return c, fmt.Errorf("begin passkey: %w", err)
	}
	plain, err := json.Marshal(state)
	if err != nil {
		return c, fmt.Errorf("begin passkey: %w", err)
	}
	signed := append(sign(s.keys.Derive(kind), plain), plain...)
	return ceremony{string(text), base64.RawURLEncoding.EncodeToString(signed)}, nil
}

// state reads what a form sent back. How old it may be stands in it.
func (s *ceremonies) state(kind string, r *http.Request) (state webauthn.SessionData, err error) {
	signed, err := base64.RawURLEncoding.DecodeString(r.PostFormValue("state"))
	if err != nil || len(signed) < sha256.Size {
		return state, errPasskey
	}
	mac, plain := signed[:sha256.Size], signed[sha256.Size:]
	for _, key := range s.keys.DeriveAll(kind) {
		if !hmac.Equal(mac, sign(key, plain)) {
			continue
		}
		if err := json.Unmarshal(plain, &state); err != nil {
			return state, fmt.Errorf("%w: %w", errPasskey, err)
		}
		if kind == making {
			state.CredParams = webauthn.CredentialParametersDefault()
		}
		return state, nil
	}
	return state, errPasskey
}

func sign(key, text []byte) []byte {
	m := hmac.New(sha256.New, key)
	m.Write(text)
	return m.Sum(nil)
}

// use uses a challenge up: an answer that was seen works no second time.
func (s *ceremonies) use(state webauthn.SessionData) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	for challenge, until := range s.used {
		if now.After(until) {
			delete(s.used, challenge)
		}
	}
	challenge := sha256.Sum256([]byte(state.Challenge))
	if _, ok := s.used[challenge]; ok {
		return errPasskey
	}
	if s.used == nil {
		s.used = map[[32]byte]time.Time{}
	}
	s.used[challenge] = now.Add(ceremonyLife)
	return nil
}
