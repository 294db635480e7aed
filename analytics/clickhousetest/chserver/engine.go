package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"
)

// An engine is the ClickHouse engine of libchdb, loaded into this process. It
// holds one data folder, which no other process may have open.
type engine struct {
	lib  library
	args []string
	tmp  string
	root uintptr // the connection that keeps the engine alive
	tags atomic.Uint64
}

// library is the part of libchdb's C interface that is used here.
type library struct {
	connect    func(argc int32, argv unsafe.Pointer) uintptr
	close      func(handle uintptr)
	query      func(conn uintptr, query unsafe.Pointer, queryLen uint64, format unsafe.Pointer, formatLen uint64, names, nameLens, values, valueLens unsafe.Pointer, n uint64) uintptr
	stream     func(conn uintptr, query unsafe.Pointer, queryLen uint64, format unsafe.Pointer, formatLen uint64, names, nameLens, values, valueLens unsafe.Pointer, n uint64) uintptr
	fetch      func(conn, stream uintptr) uintptr
	cancel     func(conn, stream uintptr)
	destroy    func(result uintptr)
	buffer     func(result uintptr) unsafe.Pointer
	length     func(result uintptr) uint64
	err        func(result uintptr) unsafe.Pointer
	handlers   func(enabled int32)
	sigaction  func(signal int32, act, old unsafe.Pointer) int32
	connecting sync.Mutex
}

// crashSignals are those whose handlers the library takes away on every
// connect; Go needs them back.
var crashSignals = []int32{4, 5, 6, 7, 8, 11, 20, 31}

// keepingSignals runs do and restores the signal handlers it changed.
func (l *library) keepingSignals(do func()) {
	l.connecting.Lock()
	defer l.connecting.Unlock()
	var saved [8][256]byte
	for i, s := range crashSignals {
		l.sigaction(s, nil, unsafe.Pointer(&saved[i]))
	}
	do()
	for i, s := range crashSignals {
		l.sigaction(s, unsafe.Pointer(&saved[i]), nil)
	}
}

// openEngine loads the library at lib and opens the data folder.
func openEngine(lib, folder, config string) (*engine, error) {
	libc, err := purego.Dlopen("libc.so.6", purego.RTLD_NOW)
	if err != nil {
		return nil, err
	}
	e := &engine{tmp: filepath.Join(folder, "chserver-tmp")}
	purego.RegisterLibFunc(&e.lib.sigaction, libc, "sigaction")
	chdb, err := purego.Dlopen(lib, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, err
	}
	for name, f := range map[string]any{
		"chdb_connect": &e.lib.connect, "chdb_close_conn": &e.lib.close,
		"chdb_query_with_params_n": &e.lib.query, "chdb_stream_query_with_params_n": &e.lib.stream,
		"chdb_stream_fetch_result": &e.lib.fetch, "chdb_stream_cancel_query": &e.lib.cancel,
		"chdb_destroy_query_result": &e.lib.destroy, "chdb_result_buffer": &e.lib.buffer,
		"chdb_result_length": &e.lib.length, "chdb_result_error": &e.lib.err,
		"chdb_set_signal_handlers_enabled": &e.lib.handlers,
	} {
		purego.RegisterLibFunc(f, chdb, name)
	}
	e.lib.keepingSignals(func() { e.lib.handlers(0) })
	e.args = []string{"clickhouse", "--path=" + folder}
	if config != "" {
		e.args = append(e.args, "--config-file="+config)
	}
	if err := os.RemoveAll(e.tmp); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(e.tmp, 0o700); err != nil {
		return nil, err
	}
	if e.root = e.handle(); e.root == 0 {
		return nil, fmt.Errorf("the engine does not open %s", folder)
	}
	return e, nil
}

// handle opens one engine connection; 0 when the engine refuses.
func (e *engine) handle() (h uintptr) {
	var keep []*byte
	argv := make([]unsafe.Pointer, len(e.args)+1)
	for i, a := range e.args {
		b := append([]byte(a), 0)
		keep = append(keep, &b[0])
		argv[i] = unsafe.Pointer(&b[0])
	}
	e.lib.keepingSignals(func() { h = e.lib.connect(int32(len(e.args)), unsafe.Pointer(&argv[0])) })
	runtime.KeepAlive(keep)
	runtime.KeepAlive(argv)
	return h
}

// A session is one client's connection to the engine: its database, its
// settings, one query at a time.
type session struct {
	e      *engine
	handle uintptr
	conn   uintptr
	tag    string // of the query under way
	// settings are those of the last query.
	settings map[string]string
}

func (e *engine) open(database string) (*session, error) {
	h := e.handle()
	if h == 0 {
		return nil, errors.New("the engine refuses a connection")
	}
	s := &session{e: e, handle: h, conn: *(*uintptr)(*(*unsafe.Pointer)(unsafe.Pointer(&h)))}
	if database != "" && database != "default" {
		if err := s.exec("USE " + quoteName(database)); err != nil {
			s.close()
			return nil, err
		}
	}
	return s, nil
}

func (s *session) close() { s.e.lib.close(s.handle) }

// A parameter is a value for {name:Type}, as tab-separated text.
type parameter struct{ name, value string }

// An exception is the engine's error.
type exception struct {
	code    int32
	name    string
	message string
}

func (x *exception) Error() string { return x.message }

var (
	exceptionCode = regexp.MustCompile(`Code: (\d+)\.`)
	exceptionName = regexp.MustCompile(`\(([A-Z][A-Z0-9_]+)\)`)
)

func newException(text string) *exception {
	x := &exception{code: 1002, name: "DB::Exception", message: text}
	if m := exceptionCode.FindStringSubmatch(text); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil {
			x.code = int32(n)
		}
	}
	return x
}

// cstrings lays out texts for C: pointers and lengths.
func cstrings(texts []string) (pointers []unsafe.Pointer, lengths []uint64) {
	for _, t := range texts {
		b := append([]byte(t), 0)
		pointers = append(pointers, unsafe.Pointer(&b[0]))
		lengths = append(lengths, uint64(len(t)))
	}
	return append(pointers, nil), append(lengths, 0)
}

type cquery = func(uintptr, unsafe.Pointer, uint64, unsafe.Pointer, uint64, unsafe.Pointer, unsafe.Pointer, unsafe.Pointer, unsafe.Pointer, uint64) uintptr

func (s *session) call(f cquery, query, format string, params []parameter) uintptr {
	var names, values []string
	for _, p := range params {
		names, values = append(names, p.name), append(values, p.value)
	}
	n, nl := cstrings(names)
	v, vl := cstrings(values)
	q, fm := append([]byte(query), 0), append([]byte(format), 0)
	r := f(s.conn, unsafe.Pointer(&q[0]), uint64(len(query)), unsafe.Pointer(&fm[0]), uint64(len(format)),
		unsafe.Pointer(&n[0]), unsafe.Pointer(&nl[0]), unsafe.Pointer(&v[0]), unsafe.Pointer(&vl[0]), uint64(len(params)))
	runtime.KeepAlive([]any{n, nl, v, vl, q, fm})
	return r
}

// take copies a result's bytes, or its error, and gives it back.
func (s *session) take(r uintptr) ([]byte, error) {
	if r == 0 {
		return nil, &exception{code: 1002, message: "the engine gives no result"}
	}
	defer s.e.lib.destroy(r)
	if text := s.e.lib.err(r); text != nil {
		return nil, newException(gostring(text))
	}
	n := s.e.lib.length(r)
	if n == 0 {
		return nil, nil
	}
	return append([]byte(nil), unsafe.Slice((*byte)(s.e.lib.buffer(r)), n)...), nil
}

func gostring(p unsafe.Pointer) string {
	n := 0
	for *(*byte)(unsafe.Add(p, n)) != 0 {
		n++
	}
	return string(unsafe.Slice((*byte)(p), n))
}

func (s *session) exec(query string, params ...parameter) error {
	_, err := s.take(s.call(s.e.lib.query, query, "Null", params))
	return err
}

// fetch runs query and returns its whole answer in format.
func (s *session) fetch(query, format string, params ...parameter) ([]byte, error) {
	return s.take(s.call(s.e.lib.query, query, format, params))
}

// stream runs a SELECT and hands over each block, in Native format of revision 0.
func (s *session) stream(query string, params []parameter, block func([]byte) error) error {
	r := s.call(s.e.lib.stream, query, "Native", params)
	if r == 0 {
		return &exception{code: 1002, message: "the engine gives no stream"}
	}
	if text := s.e.lib.err(r); text != nil {
		defer s.e.lib.destroy(r)
		return newException(gostring(text))
	}
	defer s.e.lib.destroy(r)
	for {
		data, err := s.take(s.e.lib.fetch(s.conn, r))
		if err != nil || len(data) == 0 {
			return err
		}
		if err := block(data); err != nil {
			s.e.lib.cancel(s.conn, r)
			return err
		}
	}
}

// begin puts a client's settings in the place of those of the query before, and marks
// the query that follows, so that end can be told from outside. It is one statement,
// since each takes the engine milliseconds that its own server does not need.
func (s *session) begin(settings map[string]string) error {
	s.tag = fmt.Sprintf("chserver-%d", s.e.tags.Add(1))
	changes := []string{"log_comment=" + quote(s.tag)}
	for name, value := range settings {
		if !plainName.MatchString(name) {
			return &exception{code: 115, message: "Code: 115. DB::Exception: Unknown setting " + name + ". (UNKNOWN_SETTING)"}
		}
		if old, there := s.settings[name]; !there || old != value {
			changes = append(changes, name+"="+quote(value))
		}
	}
	for name := range s.settings {
		if _, there := settings[name]; !there {
			changes = append(changes, name+"=DEFAULT")
		}
	}
	if err := s.exec("SET " + strings.Join(changes, ", ")); err != nil {
		return err
	}
	s.settings = settings
	return nil
}

// kill ends the query under way, from another connection, and goes on asking
// until done is closed: a query that is still being opened cannot be hit.
func (s *session) kill(done <-chan struct{}) {
	other, err := s.e.open("")
	if err != nil {
		return
	}
	defer other.close()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		if err := other.exec("KILL QUERY WHERE Settings['log_comment']=" + quote(s.tag) + " ASYNC"); err != nil {
			return
		}
		select {
		case <-done:
			return
		case <-again.C:
		}
	}
}

// insertFile inserts a Native block of revision 0 from a file: bytes inside a
// statement would end at the first newline.
func (s *session) insertFile(into string, data []byte) error {
	f, err := os.CreateTemp(s.e.tmp, "insert-*.native")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	return s.exec(into + " FROM INFILE " + quote(f.Name()) + " COMPRESSION 'none' FORMAT Native")
}

var plainName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)

func quote(s string) string {
	return "'" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) + "'"
}

func quoteName(s string) string { return "`" + strings.ReplaceAll(s, "`", "\\`") + "`" }

// isSelect reports whether query can be streamed.
func isSelect(query string) bool {
	word, _, _ := strings.Cut(strings.TrimSpace(strings.ToUpper(query))+" ", " ")
	word = strings.TrimRight(word, "\n\t(")
	return word == "SELECT" || word == "WITH"
}

var (
	onCluster = regexp.MustCompile(`(?i)\s+ON\s+CLUSTER\s+'[^']*'`)
	explains  = regexp.MustCompile(`(?i)^\s*EXPLAIN\s`)
)

// here makes of a statement for a whole cluster, which the library has no worker
// for, one for this server.
func here(query string) string {
	if explains.MatchString(query) {
		return query
	}
	return onCluster.ReplaceAllString(query, "")
}

var insertInto = regexp.MustCompile(`(?is)^\s*(INSERT\s+INTO\s+(?:TABLE\s+)?(\S+?)\s*(?:\(([^)]*)\))?)\s*(?:SETTINGS\s+(.*?))?\s*(?:FORMAT\s+Native|VALUES)?\s*;?\s*$`)

// An insertion is an INSERT statement whose data comes apart from it.
type insertion struct {
	into     string // INSERT INTO t (a, b)
	table    string
	columns  []string
	settings map[string]string
}

// parseInsert recognises an INSERT without data.
func parseInsert(query string) (in insertion, ok bool) {
	m := insertInto.FindStringSubmatch(query)
	if m == nil {
		return in, false
	}
	in.into, in.table, in.settings = m[1], m[2], map[string]string{}
	for c := range strings.SplitSeq(m[3], ",") {
		if c = strings.Trim(strings.TrimSpace(c), "`\""); c != "" {
			in.columns = append(in.columns, c)
		}
	}
	for s := range strings.SplitSeq(m[4], ",") {
		if name, value, ok := strings.Cut(s, "="); ok {
			in.settings[strings.TrimSpace(name)] = strings.Trim(strings.TrimSpace(value), "'")
		}
	}
	return in, true
}
