package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"sync/atomic"
	"time"
)

// A keyPair is the certificate of the owner's own files. Whoever renews them has
// the gateway reload, and the next handshake gets the new one.
type keyPair struct {
	cert, key string
	current   atomic.Pointer[tls.Certificate]
}

// load reads the files. On an error the certificate before stays.
func (p *keyPair) load() error {
	pair, err := tls.LoadX509KeyPair(p.cert, p.key)
	if err != nil {
		return fmt.Errorf("read certificate (tls.cert_file, tls.key_file): %w", err)
	}
	p.current.Store(&pair)
	return nil
}

// complaints are what visitors' browsers would have against the certificate.
// They keep no gateway from starting: plain http may be served beside it.
func (p *keyPair) complaints(hosts []string, now time.Time) (list []string) {
	leaf := p.current.Load().Leaf
	if now.After(leaf.NotAfter) {
		list = append(list, fmt.Sprintf("the certificate in %s ended on %s: put the renewed one there", p.cert, leaf.NotAfter.Format(time.DateOnly)))
	}
	for _, host := range hosts {
		if err := leaf.VerifyHostname(host); err != nil {
			list = append(list, fmt.Sprintf("browsers will refuse the certificate in %s: %v", p.cert, err))
		}
	}
	return list
}

func (p *keyPair) tls() *tls.Config {
	return &tls.Config{
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			if c := p.current.Load(); c != nil {
				return c, nil
			}
			return nil, errors.New("there is no certificate")
		},
		MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
	}
}
