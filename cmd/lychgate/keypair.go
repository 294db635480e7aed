package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"sync/atomic"
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
