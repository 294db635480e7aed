// Command chserver puts the real ClickHouse engine, loaded from libchdb, behind
// the two protocols of a ClickHouse server, for tests.
//
// No current server binary can be had from a package registry, but the engine
// itself can, as a library without a server in it. This program is the missing
// front: enough of the native and HTTP protocols for unmodified clickhouse-go.
// It runs as a process of its own because an engine holds one data folder per
// process, and because tests stop, freeze and kill it.
//
// What it is not: users, roles and quotas by SQL, replicas and Keeper, real
// asynchronous inserts. What is to run ON CLUSTER runs here, as on a cluster of one.
package main

import (
	"crypto/subtle"
	"crypto/tls"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
)

func main() {
	lib := flag.String("lib", "", "libchdb.so")
	data := flag.String("data", "", "the data folder")
	native := flag.String("native", "127.0.0.1:0", "address of the native protocol")
	web := flag.String("http", "127.0.0.1:0", "address of the HTTP protocol")
	config := flag.String("config", "", "a server configuration file, for grants")
	cert := flag.String("cert", "", "certificate, for TLS on both")
	key := flag.String("key", "", "its key")
	users := flag.String("users", "default:", "name:password pairs, separated by commas")
	flag.Parse()
	if err := run(*lib, *data, *native, *web, *config, *cert, *key, newAccounts(*users)); err != nil {
		log.Fatal(err)
	}
}

func run(lib, data, native, web, config, cert, key string, a accounts) error {
	// The engine takes unknown tables for files of the working directory.
	empty, err := os.MkdirTemp("", "chserver")
	if err != nil {
		return err
	}
	if err := os.Chdir(empty); err != nil {
		return err
	}
	e, err := openEngine(lib, data, config)
	if err != nil {
		return err
	}
	nl, err := net.Listen("tcp", native)
	if err != nil {
		return err
	}
	wl, err := net.Listen("tcp", web)
	if err != nil {
		return err
	}
	nativeAddr, webAddr := nl.Addr(), wl.Addr()
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return err
		}
		c := &tls.Config{Certificates: []tls.Certificate{pair}}
		nl, wl = tls.NewListener(nl, c), tls.NewListener(wl, c)
	}
	go serveNative(nl, e, a)
	fmt.Printf("ready native=%s http=%s\n", nativeAddr, webAddr)
	return http.Serve(wl, &httpServer{e, a})
}

// accounts are the names that may sign in, with their passwords.
type accounts map[string]string

func newAccounts(text string) accounts {
	a := accounts{}
	for pair := range strings.SplitSeq(text, ",") {
		name, password, _ := strings.Cut(pair, ":")
		a[name] = password
	}
	return a
}

func (a accounts) allow(name, password string) bool {
	if name == "" {
		name = "default"
	}
	want, ok := a[name]
	return ok && subtle.ConstantTimeCompare([]byte(want), []byte(password)) == 1
}

func refused(name string) error {
	return &exception{code: 516, message: fmt.Sprintf("Code: 516. DB::Exception: %s: Authentication failed: password is incorrect, or there is no user with such name. (AUTHENTICATION_FAILED)", name)}
}
