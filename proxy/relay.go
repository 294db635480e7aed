package proxy

import "github.com/lychgate/lychgate/proxy/rewrite"

// relayPath is where relayed files are.
const relayPath = "/_lychgate/relay/"

// A relay fetches what pages show of third parties, so that the visitor's
// browser need not.
type relay struct{}

// relayed is the path of the relayed target, or nil when it is to be held.
func (h *hearing) relayed(r *rewrite.Ref) []byte {
	if h.j.relay == nil || (h.t.scheme != "http" && h.t.scheme != "https") {
		return nil
	}
	return nil
}
