package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/ClickHouse/ch-go/compress"
)

// An httpServer speaks the HTTP protocol.
type httpServer struct {
	e *engine
	a accounts
}

func (h *httpServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/ping" {
		io.WriteString(w, "Ok.\n")
		return
	}
	user, password, ok := r.BasicAuth()
	if !ok {
		user, password = r.Header.Get("X-ClickHouse-User"), r.Header.Get("X-ClickHouse-Key")
	}
	if !h.a.allow(user, password) {
		fail(w, refused(user))
		return
	}
	if err := h.query(w, r); err != nil {
		fail(w, err)
	}
}

// fail answers with the engine's error; nothing of an answer must have gone out.
func fail(w http.ResponseWriter, err error) {
	x := &exception{code: 1002, message: err.Error()}
	errors.As(err, &x)
	status := http.StatusInternalServerError
	switch x.code {
	case 60, 81:
		status = http.StatusNotFound
	case 516:
		status = http.StatusUnauthorized
	case 497:
		status = http.StatusForbidden
	}
	w.Header().Set("X-ClickHouse-Exception-Code", fmt.Sprint(x.code))
	w.Header().Set("Content-Type", "text/plain; charset=UTF-8")
	w.WriteHeader(status)
	io.WriteString(w, x.message)
}

func (h *httpServer) query(w http.ResponseWriter, r *http.Request) error {
	values := r.URL.Query()
	var body io.Reader = r.Body
	if values.Get("decompress") == "1" {
		body = unframe{compress.NewReader(r.Body)}
	}
	data, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	query := values.Get("query")
	if query == "" {
		query, data = string(data), nil
	}
	query = here(query)
	s, err := h.e.open(values.Get("database"))
	if err != nil {
		return err
	}
	defer s.close()

	settings := map[string]string{}
	var params []parameter
	for name := range values {
		switch {
		case strings.HasPrefix(name, "param_"):
			params = append(params, parameter{strings.TrimPrefix(name, "param_"), values.Get(name)})
		case name == "query" || name == "database" || name == "default_format" || name == "client_protocol_version",
			name == "compress" || name == "decompress" || name == "query_id" || name == "quota_key" || name == "session_id",
			name == "network_compression_method" || name == "network_zstd_compression_level" || name == "enable_http_compression":
		default:
			settings[name] = values.Get(name)
		}
	}
	in, inserting := parseInsert(query)
	for name, value := range in.settings {
		settings[name] = value
	}
	if err := s.begin(settings); err != nil {
		return err
	}
	done := make(chan struct{})
	defer close(done)
	go func() {
		select {
		case <-done:
		case <-r.Context().Done():
			s.kill(done)
		}
	}()
	if inserting && data != nil {
		return s.insertFile(in.into, data)
	}
	return h.answer(w, s, query, params, values.Get("compress") == "1", values.Get("network_compression_method"), values.Get("client_protocol_version") != "")
}

// answer collects the blocks before the first byte goes out, so that an error is
// an error and never half an answer.
func (h *httpServer) answer(w http.ResponseWriter, s *session, query string, params []parameter, framed bool, method string, native bool) error {
	w.Header().Set("X-ClickHouse-Server-Display-Name", "chserver")
	w.Header().Set("X-ClickHouse-Timezone", "UTC")
	w.Header().Set("X-ClickHouse-Format", "Native")
	if !native {
		data, err := s.fetch(query, "TabSeparated", params...)
		if err != nil {
			return err
		}
		_, err = w.Write(data)
		return err
	}
	var frames *compress.Writer
	if framed {
		frames = compress.NewWriter(0, compress.LZ4)
		if method == "zstd" {
			frames = compress.NewWriter(0, compress.ZSTD)
		}
	}
	var out bytes.Buffer
	block := func(data []byte) error {
		b, err := decodeNative(data)
		if err != nil {
			return err
		}
		bytes, err := encodeBlock(b, revision, frames)
		out.Write(bytes)
		return err
	}
	var err error
	if isSelect(query) {
		err = s.stream(query, params, block)
	} else {
		var data []byte
		if data, err = s.fetch(query, "Native", params...); err == nil && len(data) > 0 {
			err = block(data)
		}
	}
	if err != nil {
		return err
	}
	_, err = out.WriteTo(w)
	return err
}

// unframe gives the bare io.EOF that io.ReadAll looks for; the reader of frames
// wraps it.
type unframe struct{ r io.Reader }

func (u unframe) Read(p []byte) (int, error) {
	n, err := u.r.Read(p)
	if errors.Is(err, io.EOF) {
		err = io.EOF
	}
	return n, err
}
