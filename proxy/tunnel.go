package proxy

import (
	"context"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
)

// isWebSocket reports whether r asks for a websocket. It is the only protocol
// to switch to: an upgrade to anything else would open a tunnel in which the
// gateway is blind.
func isWebSocket(r *http.Request) bool {
	return r.Method == http.MethodGet &&
		httpguts.HeaderValuesContainsToken(r.Header["Connection"], "Upgrade") &&
		len(r.Header["Upgrade"]) == 1 && strings.EqualFold(r.Header["Upgrade"][0], "websocket")
}

// visitKey is the context key under which a tunnel's request carries its visit.
type visitKey struct{}

// newTunnel returns the handler of websockets. They carry no pages: the bytes
// pass both ways until one side, or the gateway's stop, ends them.
func newTunnel(s *server) http.Handler {
	return &httputil.ReverseProxy{
		Transport: s.transport,
		ErrorLog:  slog.NewLogLogger(s.u.site.g.log.Handler(), slog.LevelDebug),
		Rewrite: func(p *httputil.ProxyRequest) {
			out := s.request(p.In, visitOf(p.In))
			out.Header["Connection"], out.Header["Upgrade"] = []string{"Upgrade"}, []string{"websocket"}
			p.Out.URL, p.Out.Host, p.Out.Header, p.Out.Body = out.URL, out.Host, out.Header, nil
		},
		ModifyResponse: func(res *http.Response) error {
			upgrade := res.Header["Upgrade"]
			removeHopByHop(res.Header) // RFC 9110 section 7.8: on a 101 as well
			visitOf(res.Request).filterSetCookie(res.Header)
			if res.StatusCode == http.StatusSwitchingProtocols {
				res.Header["Connection"], res.Header["Upgrade"] = []string{"Upgrade"}, upgrade
			}
			return nil
		},
		ErrorHandler: func(w http.ResponseWriter, r *http.Request, err error) {
			_ = s.u.failed(r, err) // logs
			s.health.failed(time.Now(), false, kindOf(err))
			refuse(w, http.StatusBadGateway)
		},
	}
}

// visitOf is the visit a tunnel's request carries.
func visitOf(r *http.Request) *visit {
	return r.Context().Value(visitKey{}).(*visit)
}

// tunnel carries a websocket until it ends or the gateway stops.
func (s *site) tunnel(w http.ResponseWriter, r *http.Request, v *visit) {
	ctx, cancel := context.WithCancel(context.WithValue(r.Context(), visitKey{}, v))
	defer cancel()
	defer context.AfterFunc(s.g.stopped, cancel)()
	s.upstream.order()[0].tunnel.ServeHTTP(w, r.WithContext(ctx))
}
