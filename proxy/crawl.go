package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"strings"
	"sync"
)

// Limits of a crawl.
const (
	maxScanPages    = 2000
	maxScanVariants = 3        // queries of one path
	maxScanBody     = 32 << 20 // of one page
	scanWorkers     = 4
)

// A crawl looks at a site as the gateway would serve it to a visitor who has
// not answered. It asks the folder or the upstream only, by GET, and follows
// the site's own links.
type crawl struct {
	s       *site
	base    url.URL
	scripts literals // hosts that first-party scripts load payment forms from

	mu       sync.Mutex
	seen     map[string]bool
	variants map[string]int
	next     []string
	report   *ScanReport
	limited  bool
}

// scan crawls the site and returns what its pages hold. When what pages show
// turns out to be held, the pages are judged once more.
func (s *site) scan(ctx context.Context) *ScanReport {
	c := s.newCrawl()
	c.run(ctx)
	before := s.g.relay.Turned()
	s.g.relay.Settled(ctx)
	if s.g.relay.Turned() != before && ctx.Err() == nil {
		c = s.newCrawl()
		c.run(ctx)
	}
	c.report.finish(s, !c.limited && ctx.Err() == nil)
	return c.report
}

func (s *site) newCrawl() *crawl {
	c := &crawl{
		s: s, base: url.URL{Scheme: "https", Host: "localhost", Path: "/"}, scripts: passHosts(s.thirdParties.services),
		seen: map[string]bool{}, variants: map[string]int{}, report: &ScanReport{Site: s.Name},
	}
	if len(s.Hosts) > 0 {
		if h, err := asciiHost(s.Hosts[0]); err == nil {
			c.base.Host = h
		}
	}
	return c
}

// run goes through the site level by level.
func (c *crawl) run(ctx context.Context) {
	c.add("/")
	c.add("/404.html") // what is shown for what is not there; harmless where it is not
	if c.s.folder != nil {
		c.walk()
	}
	for ctx.Err() == nil {
		c.mu.Lock()
		level := c.next
		c.next = nil
		c.mu.Unlock()
		if len(level) == 0 {
			return
		}
		var workers sync.WaitGroup
		paths := make(chan string)
		for range scanWorkers {
			workers.Go(func() {
				for p := range paths {
					c.visit(ctx, p)
				}
			})
		}
		for _, p := range level {
			if ctx.Err() != nil {
				break
			}
			paths <- p
		}
		close(paths)
		workers.Wait()
	}
}

// walk adds what a folder holds, linked or not.
func (c *crawl) walk() {
	f, err := c.s.folder.current()
	if err != nil {
		c.s.g.log.Warn("the site's folder cannot be read", "site", c.s.Name, "err", err)
		return
	}
	err = fs.WalkDir(f.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // what cannot be read is not served either
		}
		if (strings.HasPrefix(d.Name(), ".") && name != ".") || f.private.have(f.root.Name(), name) {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		switch strings.ToLower(path.Ext(name)) {
		case ".html", ".htm", ".xhtml", ".css", ".js", ".mjs", ".svg", ".svgz":
			p := url.URL{Path: "/" + name}
			if d.Name() == "index.html" {
				p.Path = strings.TrimSuffix(p.Path, "index.html")
			}
			c.add(p.EscapedPath())
		}
		return nil
	})
	if err != nil {
		c.s.g.log.Warn("the site's folder cannot be read whole", "site", c.s.Name, "err", err)
	}
}

// add queues a path with its query, once.
func (c *crawl) add(ref string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, _, _ := strings.Cut(ref, "?")
	if c.seen[ref] || reserved(p) {
		return
	}
	if len(c.seen) >= maxScanPages || c.variants[p] >= maxScanVariants {
		c.limited = c.limited || len(c.seen) >= maxScanPages
		return
	}
	c.seen[ref] = true
	c.variants[p]++
	c.next = append(c.next, ref)
}

// visit looks at one path.
func (c *crawl) visit(ctx context.Context, ref string) {
	u, err := c.base.Parse(ref)
	if err != nil {
		return
	}
	r := (&http.Request{
		Method: http.MethodGet, URL: u, Host: u.Host, RemoteAddr: "127.0.0.0:0", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Accept": {"text/html,*/*;q=0.8"}, "User-Agent": {"Mozilla/5.0 (compatible; looks for third parties)"}},
	}).WithContext(ctx)
	page := &ScanPage{Path: ref}
	v := visit{site: c.s, https: true, mayBePage: true, sideFile: true, report: page}
	a, err := c.s.fetch(r, &v)
	if err != nil {
		return
	}
	defer a.body.Close() //nolint:errcheck // read only
	if page.Status = a.status; a.status >= 300 && a.status < 400 {
		c.follow(u, get(a.header, "Location"))
		return
	}
	v.filter(r, a.header)
	if isScript(a.header) {
		c.readScript(a)
		return
	}
	p, err := c.s.rewrite(r, &v, a)
	defer p.done()
	if err == nil && p != nil {
		c.links(u, p)
	}
	if err == nil {
		c.adviseOn(ref, a, p)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if page.Status == http.StatusOK || len(page.Found) > 0 {
		c.report.Pages = append(c.report.Pages, page)
	}
}

// links follows what a page links to, as far as it is the site's.
func (c *crawl) links(u *url.URL, p *page) {
	if p.side {
		return
	}
	if p.body != nil {
		c.follow(u, ownLinks(bytes.NewReader(*p.body))...)
		return
	}
	if p.rest == nil {
		return
	}
	in, out := io.Pipe()
	done := make(chan []string)
	go func() {
		links := ownLinks(in)
		_, _ = io.Copy(io.Discard, in) // the writer must not be stopped
		done <- links
	}()
	w := newPageWriter(out, p)
	_, err := io.Copy(w, io.LimitReader(p.rest, maxScanBody))
	if cerr := w.Close(); err == nil {
		err = cerr
	}
	_ = out.CloseWithError(err) // always nil
	c.follow(u, <-done...)
}

// follow queues references of the page at u that lead to the site.
func (c *crawl) follow(u *url.URL, refs ...string) {
	for _, ref := range refs {
		to, err := u.Parse(strings.TrimSpace(ref))
		if err != nil || (to.Scheme != "http" && to.Scheme != "https") {
			continue
		}
		if !strings.EqualFold(to.Host, u.Host) && c.s.all.byHost[hostname(strings.ToLower(to.Host))] != c.s {
			continue
		}
		next := to.EscapedPath()
		if next == "" {
			next = "/"
		}
		if to.RawQuery != "" {
			next += "?" + to.RawQuery
		}
		if len(next) <= 2048 && !strings.ContainsAny(next, "\\\x00") {
			c.add(next)
		}
	}
}

// isScript reports a script by its type.
func isScript(h http.Header) bool {
	media, _, _ := strings.Cut(get(h, "Content-Type"), ";")
	return strings.HasSuffix(strings.TrimSpace(strings.ToLower(media)), "javascript")
}

// readScript looks for payment and donation services that the site's own
// scripts load, which no page shows. They pass, so they must be known.
func (c *crawl) readScript(a *answer) {
	if text, err := c.read(a); err == nil {
		c.s.thirdParties.sawPassing(&c.scripts, text)
	}
}

// read returns the text of what is no page.
func (c *crawl) read(a *answer) ([]byte, error) {
	in, err := c.s.g.decoders.open(a.body, a.header["Content-Encoding"])
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(in, maxScanBody))
	return text, errors.Join(err, in.Close())
}
