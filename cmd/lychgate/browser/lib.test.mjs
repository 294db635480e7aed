// The suite's own instruments: without these the other files prove nothing.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startChromium, visitor } from './lib/chromium.mjs';
import { serveFiles } from './lib/fileserver.mjs';
import { startTrackers } from './lib/trackers.mjs';
import { storage } from './lib/consent.mjs';
import { openWorkplace } from './lib/workplace.mjs';

const page = (body) => `<!doctype html><html lang="en"><title>Page</title><body>${body}`;
const work = await openWorkplace();
const trackers = await startTrackers(work);
const pages = {
  '/a': page('<a href="/b">b</a>'),
  '/b': page('<a href="/a">a</a>'),
  '/leaky': page('<img src="https://pixel.tracker.test/p.gif"><script src="http://plain.tracker.test/t.js"></script>'),
  '/hint': page('<link rel="preconnect" href="https://hint.tracker.test">'),
};
const plain = await serveFiles(work, { pages });
const secure = await serveFiles(work, { pages, tls: true });
const browser = await startChromium(work, { trackers });

// hostsOf names each host once: a browser that waits for a connection opens a second.
const hostsOf = (handshakes) => [...new Set(handshakes.map((h) => h.host))];

test('a browser left alone contacts nobody', async (t) => {
  const mark = trackers.record.length;
  const { page } = await visitor(t, browser);
  await page.goto(`${secure.url}/a`);
  assert.deepEqual(trackers.record.slice(mark), []);
});

test('requests, handshakes, cookies and storage of a leaky page are seen', async (t) => {
  const mark = trackers.record.length;
  const { context, page } = await visitor(t, browser);
  await page.goto(`${plain.url}/leaky`, { waitUntil: 'networkidle' });
  const { requests, handshakes } = trackers.since(mark);
  assert.ok(requests.some((r) => r.host === 'pixel.tracker.test' && r.path === '/p.gif'), 'the pixel over TLS');
  assert.ok(requests.some((r) => r.host === 'plain.tracker.test' && r.path === '/t.js'), 'the script over plain http');
  assert.ok(requests.some((r) => r.host === 'beacon.tracker.test'), 'the beacon');
  assert.deepEqual(hostsOf(handshakes).sort(), ['beacon.tracker.test', 'pixel.tracker.test']);
  assert.deepEqual((await storage(page)).local, ['_trk']);
  assert.ok((await context.cookies()).some((c) => c.name === '_trk'));
});

test('a connection without a request is seen', async () => {
  // Fresh contexts, like private windows, make no early connections.
  const mark = trackers.record.length;
  const page = await browser.contexts()[0].newPage();
  await page.goto(`${secure.url}/hint`);
  const deadline = Date.now() + 60_000;
  while (!trackers.since(mark).handshakes.length && Date.now() < deadline) await page.evaluate(() => fetch('/a'));
  await page.close();
  const { handshakes, requests } = trackers.since(mark);
  assert.deepEqual(hostsOf(handshakes), ['hint.tracker.test']);
  assert.deepEqual(requests, []);
});

test('the browser has its back/forward cache', async (t) => {
  for (const url of [plain.url, secure.url]) {
    const { page } = await visitor(t, browser);
    await page.goto(`${url}/a`);
    await page.evaluate(() => { window.kept = true; });
    await page.locator('a').click();
    await page.waitForURL(/\/b$/);
    await page.goBack({ waitUntil: 'commit' });
    assert.equal(await page.evaluate(() => window.kept), true, url);
  }
});

test('https pages are kept in the HTTP cache, the key being trusted', async (t) => {
  const cached = await serveFiles(work, { tls: true, pages: { '/c': { body: page('c'), headers: { 'Cache-Control': 'max-age=60' } } } });
  const { page: tab } = await visitor(t, browser);
  await tab.goto(`${cached.url}/c`);
  await tab.evaluate(() => fetch('/c'));
  assert.equal(cached.requests.filter((r) => r.url === '/c').length, 1);
});
