package proxy

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strconv"
	"strings"
	"syscall"
)

// A folder is a site served from disk. os.Root keeps every path inside it,
// whatever its symbolic links say and whenever they change.
type folder struct {
	root    *os.Root
	info    fs.FileInfo // of root
	private privatePaths
}

// openFolder opens dir as it is now; served.go notices when it is replaced.
func openFolder(dir string, private []string) (*folder, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("dir: %w", err)
	}
	info, err := root.Stat(".")
	if err != nil {
		return nil, errors.Join(fmt.Errorf("dir: %w", err), root.Close())
	}
	return &folder{root: root, info: info, private: privateIn(dir, private)}, nil
}

// fetch answers from the folder. A path may leave out ".html"; a folder is
// answered by its index.html (or index.htm) and never by a list; anything missing, hidden or
// not a regular file by 404.html or the error errNoPage.
func (f *folder) fetch(r *http.Request) (*answer, error) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return &answer{
			status: http.StatusMethodNotAllowed, length: 0, body: http.NoBody,
			header: http.Header{"Allow": {"GET, HEAD"}, "Content-Length": {"0"}},
		}, nil
	}
	name, ok := fileName(r)
	if !ok {
		return f.missing()
	}
	file, info, err := f.open(name)
	switch {
	case err == nil && info.IsDir():
		return f.index(r, file, name)
	case errors.Is(err, fs.ErrNotExist) && path.Ext(name) == "":
		file, info, err = f.open(name + ".html")
	}
	if err != nil || info.IsDir() || strings.HasSuffix(r.URL.Path, "/") {
		closeFile(file)
		return f.missing()
	}
	return fileAnswer(http.StatusOK, file, info), nil
}

// errNoPage: the folder has neither the path nor a 404.html.
var errNoPage = errors.New("no such page")

// fileName is the path of r as a name inside the folder. Dot files are private
// (RFC 8615's /.well-known is for everybody), and so is what a file name cannot be.
func fileName(r *http.Request) (string, bool) {
	p := r.URL.Path
	if encodedSlash(r.URL.RawPath) || strings.ContainsAny(p, "\x00:") {
		return "", false
	}
	p = strings.TrimPrefix(path.Clean(p), "/")
	if isProgram(p) {
		return "", false
	}
	for i, segment := range strings.Split(p, "/") {
		if strings.HasPrefix(segment, ".") && (i > 0 || segment != ".well-known") {
			return "", false
		}
	}
	if p == "" {
		p = "."
	}
	return p, true
}

// isProgram reports whether name is the source of a program that a web server
// would run, or an old copy of one. Nobody runs it here, and it holds passwords
// more often than not: somebody has pointed the gateway at the wrong folder.
func isProgram(name string) bool {
	name = strings.ToLower(strings.TrimSuffix(name, "~"))
	ext := path.Ext(name)
	switch ext {
	case ".bak", ".old", ".orig", ".save":
		ext = path.Ext(strings.TrimSuffix(name, ext))
	}
	switch ext {
	case ".php", ".php3", ".php4", ".php5", ".php7", ".php8", ".phtml", ".phar", ".inc", ".asp", ".aspx", ".ashx", ".cshtml", ".jsp", ".cfm", ".cgi":
		return true
	}
	return false
}

// open opens a regular file or a folder that is for visitors. O_NONBLOCK: a
// named pipe without a writer would hold the request for ever.
func (f *folder) open(name string) (*os.File, fs.FileInfo, error) {
	if f.private.have(f.root.Name(), name) {
		return nil, nil, fs.ErrNotExist
	}
	file, err := f.root.OpenFile(name, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() && !info.IsDir() {
		err = fs.ErrNotExist
	}
	if err != nil {
		closeFile(file)
		return nil, nil, err
	}
	return file, info, nil
}

// index answers for the folder dir. Without its final slash the page's relative
// links would point beside it.
func (f *folder) index(r *http.Request, dir *os.File, name string) (*answer, error) {
	closeFile(dir)
	file, info, err := f.open(path.Join(name, "index.html"))
	if errors.Is(err, fs.ErrNotExist) {
		file, info, err = f.open(path.Join(name, "index.htm")) // of the builders of twenty years ago
	}
	if err != nil || info.IsDir() {
		closeFile(file)
		return f.missing()
	}
	if !strings.HasSuffix(r.URL.Path, "/") {
		closeFile(file)
		to := r.URL.EscapedPath() + "/"
		if r.URL.RawQuery != "" {
			to += "?" + r.URL.RawQuery
		}
		return &answer{
			status: http.StatusPermanentRedirect, body: http.NoBody, length: 0,
			header: http.Header{"Location": {to}, "Content-Length": {"0"}},
		}, nil
	}
	return fileAnswer(http.StatusOK, file, info), nil
}

func (f *folder) missing() (*answer, error) {
	file, info, err := f.open("404.html")
	if err != nil || info.IsDir() {
		closeFile(file)
		return nil, errNoPage
	}
	return fileAnswer(http.StatusNotFound, file, info), nil
}

func fileAnswer(status int, file *os.File, info fs.FileInfo) *answer {
	a := &answer{status: status, body: file, length: info.Size(), header: http.Header{}, info: info}
	if status == http.StatusOK { // an error page is no version of the missing one
		a.file = file
		a.header["Etag"] = []string{fileETag(info)}
	}
	a.header["Content-Type"] = []string{fileType(file, info)}
	if isGzippedSVG(file, info) {
		a.header["Content-Encoding"] = []string{"gzip"}
	}
	a.header["Content-Length"] = []string{strconv.FormatInt(info.Size(), 10)}
	return a
}

// fileETag is strong: two versions of a file differ in time or size. A file
// rewritten within the clock's tick to the same size does not happen to a site.
func fileETag(info fs.FileInfo) string {
	return `"` + strconv.FormatInt(info.ModTime().UnixNano(), 36) + "-" + strconv.FormatInt(info.Size(), 36) + `"`
}

// fileTypes are the types of what websites consist of, the same on every
// machine; net/http's list depends on the system's files.
var fileTypes = map[string]string{
	".html": "text/html", ".htm": "text/html", ".xhtml": "application/xhtml+xml", ".xht": "application/xhtml+xml",
	".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".mjs": "text/javascript; charset=utf-8",
	".json": "application/json", ".map": "application/json", ".jsonld": "application/ld+json", ".geojson": "application/geo+json",
	".webmanifest": "application/manifest+json", ".wasm": "application/wasm",
	".xml": "application/xml", ".rss": "application/rss+xml", ".atom": "application/atom+xml", ".xsl": "text/xsl",
	".txt": "text/plain; charset=utf-8", ".md": "text/markdown; charset=utf-8", ".csv": "text/csv; charset=utf-8",
	".vtt": "text/vtt; charset=utf-8", ".ics": "text/calendar; charset=utf-8", ".vcf": "text/vcard; charset=utf-8",
	".svg": "image/svg+xml", ".svgz": "image/svg+xml", ".png": "image/png", ".apng": "image/apng", ".jpg": "image/jpeg", ".jpeg": "image/jpeg",
	".gif": "image/gif", ".webp": "image/webp", ".avif": "image/avif", ".jxl": "image/jxl", ".heic": "image/heic",
	".ico": "image/x-icon", ".bmp": "image/bmp", ".tif": "image/tiff", ".tiff": "image/tiff",
	".woff": "font/woff", ".woff2": "font/woff2", ".ttf": "font/ttf", ".otf": "font/otf", ".eot": "application/vnd.ms-fontobject",
	".mp3": "audio/mpeg", ".m4a": "audio/mp4", ".ogg": "audio/ogg", ".oga": "audio/ogg", ".opus": "audio/ogg", ".wav": "audio/wav",
	".flac": "audio/flac", ".aac": "audio/aac", ".mp4": "video/mp4", ".m4v": "video/mp4", ".webm": "video/webm", ".ogv": "video/ogg",
	".mov": "video/quicktime", ".avi": "video/x-msvideo", ".m3u8": "application/vnd.apple.mpegurl", ".mpd": "application/dash+xml",
	".pdf": "application/pdf", ".epub": "application/epub+zip", ".rtf": "application/rtf",
	".doc": "application/msword", ".docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
	".xls": "application/vnd.ms-excel", ".xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
	".ppt": "application/vnd.ms-powerpoint", ".pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
	".odt": "application/vnd.oasis.opendocument.text", ".ods": "application/vnd.oasis.opendocument.spreadsheet",
	".zip": "application/zip", ".gz": "application/gzip", ".tar": "application/x-tar", ".7z": "application/x-7z-compressed",
}

// fileType tells a file's type by its ending, and where it has none by its
// first bytes. An ending nobody knows is a download.
func fileType(file *os.File, info fs.FileInfo) string {
	ext := strings.ToLower(path.Ext(info.Name()))
	if t := fileTypes[ext]; t != "" {
		return t
	}
	if ext != "" {
		return "application/octet-stream"
	}
	var first [512]byte
	n, err := file.ReadAt(first[:], 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return "application/octet-stream"
	}
	return http.DetectContentType(first[:n])
}

// isGzippedSVG reports whether a file is a drawing that browsers must be told to
// unpack. The ending alone does not say: many a plain drawing is called so.
func isGzippedSVG(file *os.File, info fs.FileInfo) bool {
	if !strings.EqualFold(path.Ext(info.Name()), ".svgz") {
		return false
	}
	var first [2]byte
	n, _ := file.ReadAt(first[:], 0) // a file that cannot be read is not sent either
	return n == len(first) && first[0] == 0x1f && first[1] == 0x8b
}

// closeFile closes a file that was only read; there is nothing to lose.
func closeFile(f *os.File) {
	if f != nil {
		_ = f.Close()
	}
}
