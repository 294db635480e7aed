// The pages that only a server can make: odd encodings, odd types, headers that
// load, redirects that leave the site.
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';

const img = (name) => `<img src="https://${name}.tracker.test/t.gif" alt="">`;
const page = (title, body, head = '') => `<!DOCTYPE html><html lang="en"><head><title>${title}</title>${head}</head><body><h1>${title}</h1>${body}</body></html>`;
const utf16 = (text, { big = false, mark = true } = {}) => {
  const bytes = Buffer.from((mark ? '\ufeff' : '') + text, 'utf16le');
  return big ? bytes.swap16() : bytes;
};

// serverPages maps paths to what serveFiles sends for them. Cookies come over
// plain http as well, so they are not marked Secure.
export const serverPages = {
  '/latin1.html': {
    headers: { 'Content-Type': 'text/html; charset=iso-8859-1' },
    body: Buffer.from(page('Caf\u00e9', img('latin1')), 'latin1'),
  },
  '/utf16-le.html': { headers: { 'Content-Type': 'text/html' }, body: utf16(page('UTF-16 by its mark', img('utf16-le'))) },
  '/utf16-be.html': { headers: { 'Content-Type': 'text/html' }, body: utf16(page('UTF-16 big', img('utf16-be')), { big: true }) },
  '/utf16-header.html': {
    headers: { 'Content-Type': 'text/html; charset=utf-16le' },
    body: utf16(page('UTF-16 by its header', img('utf16-header')), { mark: false }),
  },
  '/shift-jis.html': {
    headers: { 'Content-Type': 'text/html; charset=shift_jis' },
    body: Buffer.concat([Buffer.from('<!DOCTYPE html><html lang="ja"><title>x</title><p title="'), Buffer.from([0x83, 0x5c, 0x81]),
      Buffer.from(`">${img('shift-jis')}`)]),
  },
  '/iso-2022-jp.html': {
    headers: { 'Content-Type': 'text/html; charset=iso-2022-jp' },
    body: Buffer.from(`<!DOCTYPE html><html lang="ja"><title>x</title><p>\x1b$B<img src="\x1b(B${img('iso-2022-jp')}`, 'latin1'),
  },
  '/nul.html': { body: page('NUL', '<im\0g src="https://nul-name.tracker.test/not.gif"><img sr\0c="x" src="https://nul-after.tracker.test/t.gif"><img src="https://www\0.tracker.test/no.gif"><scr\0ipt src=x></script><script\0 src="https://nul-script.tracker.test/not.js"></script>') },
  '/gzip.html': { headers: { 'Content-Encoding': 'gzip' }, body: gzipSync(page('gzip', img('gzip'))) },
  '/gzip-twice.html': { headers: { 'Content-Encoding': 'gzip, gzip' }, body: gzipSync(gzipSync(page('gzip twice', img('gzip-twice')))) },
  '/gzip-members.html': {
    headers: { 'Content-Encoding': 'x-gzip' },
    body: Buffer.concat([gzipSync(page('gzip members', '').replace('</body></html>', '')), gzipSync(img('gzip-members'))]),
  },
  '/brotli.html': { headers: { 'Content-Encoding': 'br' }, body: brotliCompressSync(page('br', img('brotli'))) },
  '/deflate.html': { headers: { 'Content-Encoding': 'deflate' }, body: deflateSync(page('deflate', img('deflate'))) },
  '/unknown-coding.html': { headers: { 'Content-Encoding': 'identity, x-unknown' }, body: page('unknown coding', img('unknown-coding')) },
  '/typeless': { headers: { 'Content-Type': '' }, body: page('no type', img('typeless')) },
  '/wrong-type': { headers: { 'Content-Type': 'x' }, body: page('broken type', img('broken-type')) },
  '/octets': { headers: { 'Content-Type': 'TEXT/HTML;charset=UTF-8;x' }, body: page('loud type', img('loud-type')) },
  '/xml.xml': {
    headers: { 'Content-Type': 'text/xml' },
    body: '<?xml version="1.0"?><root xmlns:h="http://www.w3.org/1999/xhtml"><h:img src="https://xml-img.tracker.test/t.gif"/><h:script src="https://xml-script.tracker.test/t.js"></h:script></root>',
  },
  '/missing.html': { status: 404, body: page('Not found', img('status-404')) },
  '/broken.html': { status: 500, body: page('Broken', img('status-500')) },
  '/teapot.html': { status: 418, body: page('Teapot', img('status-418')) },
  '/link-header.html': {
    headers: { Link: '<https://link-preload.tracker.test/t.js>; rel=preload; as=script, <https://link-preconnect.tracker.test>; rel="preconnect", <https://link-sheet.tracker.test/t.css>; rel=stylesheet, <https://link-dns.tracker.test>; rel=dns-prefetch' },
    body: page('Link header', '<p>x</p>'),
  },
  '/refresh-header.html': { headers: { Refresh: '0;url=https://refresh-header.tracker.test/t.html' }, body: page('Refresh header', '<p>x</p>') },
  '/refresh-meta.html': { body: page('Refresh', '<p>x</p>', '<meta http-equiv="&#82;efresh" content=" 0 ; URL = \'https://refresh-meta.tracker.test/t.html\'">') },
  '/reports.html': {
    headers: {
      'Content-Security-Policy': "img-src 'none'; report-uri https://csp-report.tracker.test/r; report-to home",
      'Reporting-Endpoints': 'home="https://reporting-endpoint.tracker.test/r"',
      'Report-To': '{"group":"nel","max_age":86400,"endpoints":[{"url":"https://report-to.tracker.test/r"}]}',
      NEL: '{"report_to":"nel","max_age":86400,"success_fraction":1.0}',
    },
    body: page('Reports', '<img src="/local.gif" alt="">'),
  },
  '/cookies.html': {
    headers: { 'Set-Cookie': ['_ga=GA1.1.0.0; Path=/; Max-Age=63072000', '_fbp=fb.1.0; Path=/', 'visitor=abc123; Path=/; HttpOnly', 'ab_test=b; Path=/'] },
    body: page('Cookies', img('with-cookies')),
  },
  '/redirects.html': { body: page('Redirects', '<img src="/away.gif" alt=""><script src="/away.js"></script><iframe src="/away.html" title="x"></iframe><link rel="stylesheet" href="/away.css">') },
  ...Object.fromEntries(['gif', 'js', 'html', 'css'].map((x) => [`/away.${x}`, { status: 302, headers: { Location: `https://redirect-${x}.tracker.test/t.${x}` }, body: '' }])),
  '/local.gif': { headers: { 'Content-Type': 'image/gif' }, body: Buffer.from('R0lGODlhAQABAAAAACw=', 'base64') },
  '/long.html': { body: page('Long', `${'<p hidden>words and words and words and words</p>'.repeat(40_000)}${img('far-down')}`) },
};

// ownPages are those of a site that tracks by itself, and those whose addresses
// have a port: calls, and a tracker under the site's own name, at port.
export function ownPages(port) {
  const call = `<script>
    const pc = new RTCPeerConnection({ iceServers: [{ urls: ['stun:stun.tracker.test:${port}', 'turn:turn.tracker.test:${port}?transport=udp', 'turn:turn-tcp.tracker.test:${port}?transport=tcp'], username: 'u', credential: 'c' }] });
    pc.createDataChannel('x');
    pc.createOffer().then((offer) => pc.setLocalDescription(offer));
  </script>`;
  return {
    '/calls.html': { body: page('Calls', call) },
    '/calls-guarded.html': { body: page('Calls beside something held', `<script src="https://calls.tracker.test/t.js"></script>${call}`) },
    '/own.html': {
      body: page('Its own trackers', `<script src="/js/spy.js"></script><script src="/matomo.js"></script>
        <img src="https://metrics.site.test:${port}/t.gif" alt=""><img src="/collect/hit.gif" alt="">
        <script>mySpy = { start() { new Image().src = 'https://metrics.site.test:${port}/inline.gif'; } };
        mySpy.start();</script>
        <script>new Image().src = 'https://metrics.site.test:${port}/script.gif'; navigator.sendBeacon('/collect/beacon', 'x');</script>`),
    },
    '/js/spy.js': { headers: { 'Content-Type': 'text/javascript' }, body: "document.cookie = 'spy=1'; localStorage.spy = 1;" },
    '/matomo.js': { headers: { 'Content-Type': 'text/javascript' }, body: "document.cookie = '_pk_id.1=1; path=/'; new Image().src = 'https://own-matomo.tracker.test/t.gif';" },
  };
}
