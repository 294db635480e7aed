package banner

import (
	"crypto/sha256"
	"encoding/base64"
)

// cspHash is the CSP source expression of an inline style (CSP Level 3 section 2.3.1).
func cspHash(style string) string {
	sum := sha256.Sum256([]byte(style))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}
