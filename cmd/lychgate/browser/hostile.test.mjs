// Nothing before yes, on pages made to get past it.
//
// First the site is visited as it is, and everything that then arrives at third
// parties is noted: that is the control, and the proof that the pages do load.
// Behind lychgate the same pages must reach nobody before a choice, after a no,
// after a withdrawal and under Global Privacy Control, and everybody again after
// a yes.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { backTo, startChromium } from './lib/chromium.mjs';
import { choicesLink, decide, withdraw } from './lib/consent.mjs';
import { serveFiles } from './lib/fileserver.mjs';
import { startGateway } from './lib/gateway.mjs';
import { startTrackers } from './lib/trackers.mjs';
import { openWorkplace } from './lib/workplace.mjs';
import { serverPages } from './hostile/server.mjs';

const folder = path.join(import.meta.dirname, 'hostile');
const subresources = new Set(['/away.gif', '/away.js', '/away.html', '/away.css', '/local.gif']);
const pages = [
  ...readdirSync(folder).filter((f) => /\.(html|xhtml|svg)$/.test(f)).map((f) => `/${f}`),
  ...Object.keys(serverPages).filter((p) => !subresources.has(p)),
].sort();
// services are hosts of the catalogue that the page of well-known snippets asks for.
const services = new Set(['www.googletagmanager.com', 'www.google-analytics.com', 'connect.facebook.net', 'static.hotjar.com', 'www.clarity.ms',
  'snap.licdn.com', 'static.ads-twitter.com', 'www.youtube.com', 'player.vimeo.com', 'www.google.com', 'w.soundcloud.com', 'embed.tawk.to']);
// tolerated is the share of hosts that may stay out of reach after a yes.
const tolerated = 0.08;
const start = '/start.html';
// The page where the tours start holds nothing from elsewhere and links to every
// other, so that lychgate, looking the site over when it starts, finds them all:
// a host it has not seen then is held from everybody, accepted or not.
const calm = `<!DOCTYPE html><html lang="en"><title>Start</title><h1>Start</h1>${pages.map((p) => `<a href="${p}">${p}</a>`).join(' ')}</html>`;

const work = await openWorkplace();
const trackers = await startTrackers(work);
const table = [];
after(() => console.table(Object.fromEntries(table)));

// Every phase is toured over https; over plain http, where addresses and headers
// differ a little, the first visit and the yes.
for (const scheme of ['https', 'http']) {
  const tls = scheme === 'https';
  const site = { dir: folder, pages: { ...serverPages, [start]: calm, '/': calm } };
  const bare = await serveFiles(work, { ...site, tls });
  const upstream = await serveFiles(work, site);
  const gateway = await startGateway(work, { upstream: upstream.url, https: tls });
  // Plain http is visited by name: by address browsers trust it like https.
  const urls = { bare: tls ? bare.url : `http://www.site.test:${bare.port}`, gateway: gateway.named };

  for (const javaScript of tls ? [true, false] : [true]) {
    describe(`${scheme}, JavaScript ${javaScript ? 'on' : 'off'}`, () => {
      const row = (phase, seen, cookies) => table.push([`${scheme}, script ${javaScript ? 'on' : 'off'}: ${phase}`, {
        pages: pages.length, hosts: seen.hosts.size, handshakes: seen.handshakes, requests: seen.requests, cookies: cookies.length,
      }]);
      let control;

      test('control: without lychgate the third parties are reached', async () => {
        control = await tour(urls.bare, javaScript, async () => {});
        row('without lychgate', control.seen, control.cookies);
        assert.ok(control.seen.hosts.size > 150, `${control.seen.hosts.size} hosts`);
      });

      const phases = [
        { phase: 'before a choice', prepare: async () => {} },
        { phase: 'after a no', prepare: (page) => decide(page, 'decline') },
        {
          phase: 'after a withdrawal',
          prepare: async (page) => {
            await decide(page, 'accept');
            await page.goto(urls.gateway + start);
            await withdraw(page);
          },
        },
        { phase: 'with Global Privacy Control', prepare: async () => {}, extraHTTPHeaders: { 'Sec-GPC': '1' } },
      ];
      for (const { phase, prepare, extraHTTPHeaders } of tls ? phases : phases.slice(0, 1)) {
        test(`${phase} nobody is reached`, async () => {
          const got = await tour(urls.gateway, javaScript, prepare, { extraHTTPHeaders });
          row(phase, got.seen, got.cookies);
          assertNobody(got);
        });
      }

      test('after a yes everybody is reached', async () => {
        const got = await tour(urls.gateway, javaScript, (page) => decide(page, 'accept'), { wanted: control.seen.hosts });
        row('after a yes', got.seen, got.cookies);
        const missed = [...control.seen.hosts].filter((h) => !got.seen.hosts.has(h) && !got.relayed.has(h));
        const known = missed.filter((h) => services.has(h));
        assert.deepEqual(known, [], 'services of the catalogue not reached');
        // A few of the oddest ways stay shut, and a loaded machine misses some.
        assert.ok(missed.length <= control.seen.hosts.size * tolerated, `neither reached nor relayed: ${missed.join(' ')}`);
      });
    });
  }
}

test('pages open at a withdrawal: Back does not wake them', async () => {
  const beats = calm.replace('</html>', '<script>setInterval(() => { new Image().src = "https://heartbeat.tracker.test/b.gif?" + Math.random(); }, 20);</script></html>');
  const upstream = await serveFiles(work, { pages: { '/beats.html': beats, [start]: calm } });
  for (const https of [true, false]) {
    const gateway = await startGateway(work, { upstream: upstream.url, https });
    const browser = await startChromium(work, { trackers });
    const page = await browser.newPage();
    await page.goto(`${gateway.named}/beats.html`);
    await decide(page, 'accept');
    await page.waitForRequest(/heartbeat/);
    await withdraw(page);
    const mark = trackers.record.length;
    await backTo(page, '/beats.html');
    await page.waitForLoadState('load');
    await quiet(page);
    assert.deepEqual(trackers.record.slice(mark).map((e) => e.host), [], https ? 'https' : 'http');
    assert.ok(await choicesLink(page).count() > 0);
    await browser.end();
  }
});

// tour visits every page as one visitor, in a few tabs at once, and returns what
// third parties and the browser saw. prepare answers the question on a page that
// holds nothing, or does not. The visitor is the browser's own profile, fresh for
// each tour: private windows open no early connections. With wanted, pages are
// visited again until nearly all those hosts were reached; a loaded machine is slow.
async function tour(url, javaScript, prepare, { extraHTTPHeaders, wanted = new Set() } = {}) {
  const browser = await startChromium(work, { trackers, flags: javaScript ? [] : ['--blink-settings=scriptEnabled=false'] });
  const context = browser.contexts()[0];
  if (extraHTTPHeaders) await context.setExtraHTTPHeaders(extraHTTPHeaders);
  const page = await context.newPage();
  await page.goto(url + start);
  await prepare(page);
  const mark = trackers.record.length;
  const stored = [];
  // What the gateway fetches for everybody it goes on fetching; here it has no
  // way out, so such pictures and styles stay empty.
  const relayed = new Set();
  context.on('request', (request) => {
    const via = /\/_lychgate\/relay\/[^/]+\/([\w-]+)/.exec(request.url());
    if (via) relayed.add(hostOf(via[1]));
  });
  let seen;
  for (let round = 0; round < 3; round++) {
    const queue = [...pages];
    await Promise.all(Array.from({ length: 4 }, async () => {
      const tab = await context.newPage();
      for (let next = queue.shift(); next; next = queue.shift()) {
        // A page that sends the visitor away aborts its own load; that is one of the tests.
        await tab.goto(url + next, { waitUntil: 'load' }).catch(() => {});
        await quiet(tab);
        stored.push(...await keeps(tab, url));
      }
      // Leaving is an occasion to send something, closing is another.
      await tab.goto('about:blank').catch(() => {});
      await tab.close();
    }));
    await trackers.quiet();
    seen = sortOut(trackers.record.slice(mark));
    const missed = [...wanted].filter((h) => !seen.hosts.has(h) && !relayed.has(h));
    if (missed.length <= wanted.size * tolerated) break;
  }
  const cookies = (await context.cookies()).filter((c) => !/^(__Host-|__Secure-)?lychgate/.test(c.name));
  await browser.end();
  return { seen, cookies, stored, relayed };
}

// quiet waits until the page has asked for nothing for half a second, or three
// seconds: some pages here never stop asking.
function quiet(page) {
  return page.waitForLoadState('networkidle', { timeout: 3_000 }).catch(() => {});
}

// hostOf is the host of a URL as the relay writes it: one letter for the kind,
// and the URL.
function hostOf(url) {
  return new URL(Buffer.from(url, 'base64url').toString().slice(1)).hostname;
}

// keeps lists what the page's origin has stored, or where the page has gone.
async function keeps(page, url) {
  if (!page.url().startsWith(url)) return [`left the site for ${page.url()}`];
  try {
    return await page.evaluate(() => [...Object.keys(localStorage), ...Object.keys(sessionStorage)]);
  } catch (error) {
    if (/SecurityError|context was destroyed/.test(error)) return []; // without storage, or on its way elsewhere
    throw error;
  }
}

function sortOut(record) {
  const named = record.filter((e) => e.host);
  return {
    hosts: new Set(named.map((e) => e.host.toLowerCase())),
    handshakes: named.filter((e) => e.kind === 'handshake').length,
    requests: named.filter((e) => e.kind === 'request').length,
    paths: named.filter((e) => e.path).map((e) => `${e.host}${e.path}`),
  };
}

function assertNobody({ seen, cookies, stored }) {
  assert.deepEqual([...seen.hosts].sort(), [], 'hosts reached');
  assert.equal(seen.handshakes + seen.requests, 0, 'handshakes and requests');
  assert.deepEqual(cookies.map((c) => c.name), [], 'cookies');
  assert.deepEqual(stored, [], 'storage, or pages left');
}
