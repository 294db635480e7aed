// Nothing before yes, on pages made to get past it.
//
// First the site is visited as it is, and everything that then arrives at third
// parties is noted: that is the control, and the proof that the pages do load.
// Behind lychgate the same pages must reach nobody before a choice, after a no,
// after a withdrawal and under Global Privacy Control, and everybody again after
// a yes. What the gateway fetches for everybody comes from an address of its own,
// and is shown to carry nothing of the visitor.
//
// LYCHGATE_TEST_COMBINATIONS=all tours every page in every phase over https and
// plain http, with JavaScript on and off. Without it what only repeats what another
// tour has shown is left out: what the gateway sends does not depend on JavaScript,
// nor on the scheme once a visitor has answered; nor does how it reads an answer of
// the site's, encoded one way or another, depend on the visitor's.
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { backTo, startChromium } from './lib/chromium.mjs';
import { every } from './lib/combinations.mjs';
import { choicesLink, decide, isAsked, withdraw } from './lib/consent.mjs';
import { serveFiles } from './lib/fileserver.mjs';
import { startGateway } from './lib/gateway.mjs';
import { startTrackers } from './lib/trackers.mjs';
import { openWorkplace } from './lib/workplace.mjs';
import { ownPages, serverPages } from './hostile/server.mjs';

const folder = path.join(import.meta.dirname, 'hostile');
const subresources = new Set(['/away.gif', '/away.js', '/away.html', '/away.css', '/local.gif', '/js/spy.js', '/matomo.js']);
const work = await openWorkplace();
const trackers = await startTrackers(work);
const served = { ...serverPages, ...ownPages(trackers.port) };
const written = readdirSync(folder).filter((f) => /\.(html|xhtml|svg)$/.test(f)).map((f) => `/${f}`);
const pages = [...written, ...Object.keys(served).filter((p) => !subresources.has(p))].sort();
// The pages that reach out in ways of their own; the others differ in how they are sent.
const telling = every ? pages : [...written, '/calls.html', '/own.html', '/cookies.html', '/reports.html', '/redirects.html',
  '/link-header.html', '/refresh-header.html', '/refresh-meta.html'];
// What the site's owner says about the site's own: a sub-domain that is a
// tracker's under another name, a script, a snippet, and where it counts itself.
const owner = `hold = ["metrics.site.test", "/js/spy.js", "inline:mySpy.start"]
analytics_paths = ["/collect"]`;
// staysShut are the hosts that a yes does not bring back, with the reason.
const staysShut = {
  'svg-style-img.tracker.test': 'markup in a style in a drawing: readers part ways there, so the text is left out for everybody',
  'one-slash.tracker.test': 'names a host on plain http only, and the list of hosts is made as if over https: held until it is met again',
  '2f': 'no address of the page: Chromium looks ahead for @import and misreads an escape',
  'sandboxed.pictures.test': 'brought by the gateway, but the driver does not report what sandboxed frames load; its picture is looked at below',
};
// ignorable are hints that a browser follows when it likes, not when it is short
// of memory: HTML section 7.6.
const ignorable = new Set(['speculation.tracker.test', 'made-speculation.tracker.test']);
const start = '/start.html';
// The page where the tours start holds nothing from elsewhere and links to every
// other, so that lychgate, looking the site over when it starts, finds them all:
// a host it has not seen then is held from everybody, accepted or not.
const calm = `<!DOCTYPE html><html lang="en"><title>Start</title><h1>Start</h1><input aria-label="i">${pages.map((p) => `<a href="${p}">${p}</a>`).join(' ')}</html>`;

const table = [];
after(() => console.table(Object.fromEntries(table)));

// reachedBare are the hosts each kind of visitor reaches without lychgate.
const reachedBare = new Map();
// secureOnly are those of them that plain http does not reach: what needs a
// connection that browsers trust, the coding br, and names that depend on the scheme.
const secureOnly = new Set(['file-service.tracker.test', 'file-import-service.tracker.test', 'paint-worklet.tracker.test',
  'brotli.tracker.test', 'preconnect-relative.tracker.test', 'ssl.google-analytics.com']);

for (const scheme of ['https', 'http']) {
  const tls = scheme === 'https';
  const site = { dir: folder, pages: { ...served, [start]: calm, '/': calm } };
  const bare = await serveFiles(work, { ...site, tls });
  const upstream = await serveFiles(work, site);
  const gateway = await startGateway(work, { upstream: upstream.url, https: tls, trackers, site: owner });
  // Plain http is visited by name: by address browsers trust it like https.
  const urls = { bare: tls ? bare.url : `http://www.site.test:${bare.port}`, gateway: gateway.named };
  const fetchedAtStart = trackers.relayed.length;

  for (const javaScript of tls || every ? [true, false] : [true]) {
    const kind = `${scheme}, JavaScript ${javaScript ? 'on' : 'off'}`;
    const most = javaScript ? pages : telling;
    const row = (phase, { pages, seen, cookies, relayed, own }) => table.push([`${kind}: ${phase}`, {
      pages, hosts: seen.hosts.size, handshakes: seen.handshakes, requests: seen.requests, cookies: cookies.length,
      'own counter': own, 'by the gateway': relayed.size,
    }]);

    describe(kind, () => {
      if (tls || every) {
        test('without lychgate the third parties are reached', async () => {
          const got = await tour(urls.bare, javaScript, bare, { pages: most });
          row('without lychgate', got);
          assert.ok(got.seen.hosts.size > 160, `${got.seen.hosts.size} hosts`);
          assert.ok(got.seen.hosts.has('metrics.site.test') && got.own > 0, 'the site counts by itself');
          reachedBare.set(kind, got.seen.hosts);
        });
      }

      const phases = [
        { phase: 'before a choice', always: true, pages: most },
        { phase: 'after a no', always: tls && javaScript, prepare: (page) => decide(page, 'decline') },
        {
          phase: 'after a withdrawal',
          always: tls && javaScript,
          prepare: async (page) => {
            await decide(page, 'accept');
            await page.goto(urls.gateway + start);
            await withdraw(page);
          },
        },
        { phase: 'with Global Privacy Control', always: tls && javaScript, extraHTTPHeaders: { 'Sec-GPC': '1' } },
      ];
      for (const { phase, always, ...options } of phases) {
        if (!always && !every) continue;
        test(`${phase} nobody is reached`, async () => {
          const got = await tour(urls.gateway, javaScript, upstream, options);
          row(phase, got);
          assertNobody(got);
        });
      }

      if (!tls && !every) return;
      test('after a yes everybody is reached', async () => {
        const known = reachedBare.get(kind) ?? [...reachedBare.get('https, JavaScript on')].filter((h) => !secureOnly.has(h));
        const wanted = new Set([...known].filter((h) => !(h in staysShut) && !ignorable.has(h)));
        const got = await tour(urls.gateway, javaScript, upstream, { pages: most, prepare: (page) => decide(page, 'accept'), wanted });
        row('after a yes', got);
        assert.deepEqual([...wanted].filter((h) => !got.seen.hosts.has(h) && !got.relayed.has(h)), [], 'neither reached nor brought by the gateway');
        assert.ok(got.own > 0, 'the site counts by itself');
      });
    });
  }

  test(`${scheme}: what the gateway fetches carries nothing of the visitor`, () => {
    assert.ok(trackers.relayed.some((r) => r.host.endsWith('pictures.test')), 'nothing was relayed');
    for (const { host, headers } of trackers.relayed) {
      for (const name of ['cookie', 'referer', 'origin', 'accept-language', 'x-forwarded-for', 'forwarded', 'via', 'sec-fetch-dest', 'sec-ch-ua', 'dnt', 'sec-gpc']) {
        assert.equal(headers[name], undefined, `${host} gets ${name}`);
      }
      assert.match(headers['user-agent'], /lychgate relay/, host);
    }
    assert.ok(fetchedAtStart > 0, 'the crawl at the start fetches, not the first visitor');
  });
}

// What shows is there before any answer, though its servers hear of no visitor.
test('what only shows is shown', async () => {
  const upstream = await serveFiles(work, { dir: folder, pages: { [start]: calm, '/': calm } });
  const gateway = await startGateway(work, { upstream: upstream.url, trackers });
  const browser = await startChromium(work, { trackers });
  const page = await browser.newPage();
  const mark = trackers.record.length;
  await page.goto(`${gateway.named}/relayed.html`);
  assert.equal(await page.locator('#direct').evaluate((img) => img.naturalWidth), 40);
  assert.equal(await page.locator('.relayed').evaluate((p) => getComputedStyle(p).color), 'rgb(1, 2, 3)');
  for (const name of ['sandboxed', 'data']) {
    assert.equal(await page.frameLocator(`#${name}`).locator('img').evaluate((img) => img.naturalWidth), 40, name);
  }
  assert.deepEqual(trackers.record.slice(mark), []);
  await browser.end();
});

// Nothing but a press is an answer: GDPR Art. 4(11).
test('scrolling, typing and following links is no yes', async () => {
  const upstream = await serveFiles(work, { dir: folder, pages: { ...served, [start]: calm, '/': calm } });
  const gateway = await startGateway(work, { upstream: upstream.url, trackers });
  const browser = await startChromium(work, { trackers });
  const page = await browser.newPage();
  const mark = trackers.record.length;
  await page.goto(gateway.named + start);
  await page.mouse.wheel(0, 2000);
  await page.getByLabel('i', { exact: true }).fill('accept');
  await page.keyboard.press('Enter');
  for (const link of ['/elements.html', '/loaders.html']) {
    await Promise.all([page.waitForURL((url) => url.pathname === link), page.locator(`a[href="${link}"]`).click()]);
    await quiet(page);
    assert.ok(await isAsked(page), `${link} still asks`);
    await page.goto(gateway.named + start);
  }
  assert.deepEqual(trackers.record.slice(mark).map((e) => e.host), []);
  assert.deepEqual((await browser.contexts()[0].cookies()).map((c) => c.name), []);
  await browser.end();
});

// The strict form closes what a page's policy cannot: early connections, blocked
// frames', calls. Links of the page still work.
test('strict connections: scripts open none, links do', async () => {
  const strict = `<!DOCTYPE html><html lang="en"><title>Strict</title><a id="out" href="https://friend.tracker.test/t.html">a friend</a><script>
    for (const rel of ['preconnect', 'dns-prefetch', 'prefetch']) document.head.append(Object.assign(document.createElement('link'), { rel, href: 'https://strict-' + rel + '.tracker.test' }));
    document.body.insertAdjacentHTML('beforeend', '<iframe src="https://strict-frame.tracker.test/t.html"></iframe>');
  </script></html>`;
  const upstream = await serveFiles(work, { pages: { '/': strict } });
  const reached = async (site) => {
    const gateway = await startGateway(work, { upstream: upstream.url, https: true, trackers, site });
    const browser = await startChromium(work, { trackers });
    const page = await browser.contexts()[0].newPage();
    const mark = trackers.record.length;
    await page.goto(`${gateway.named}/`);
    await quiet(page);
    await trackers.quiet();
    const hosts = new Set(trackers.record.slice(mark).map((e) => e.host));
    await Promise.all([page.waitForURL(/friend/), page.locator('#out').click()]);
    await browser.end();
    return hosts;
  };
  assert.ok((await reached('')).size > 0, 'the test proves something');
  assert.deepEqual([...await reached('strict_connections = true')], []);
});

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

// tour visits pages as one visitor, in a few tabs at once, and returns what
// third parties and the browser saw. prepare answers the question on a page that
// holds nothing, or does not. The visitor is the browser's own profile, fresh for
// each tour: private windows open no early connections. With wanted, pages are
// visited again until all those hosts were reached; a loaded machine is slow.
async function tour(url, javaScript, server, { pages = telling, prepare = async () => {}, extraHTTPHeaders, wanted = new Set() } = {}) {
  const browser = await startChromium(work, { trackers, flags: javaScript ? [] : ['--blink-settings=scriptEnabled=false'] });
  const context = browser.contexts()[0];
  if (extraHTTPHeaders) await context.setExtraHTTPHeaders(extraHTTPHeaders);
  const page = await context.newPage();
  await page.goto(url + start);
  await prepare(page);
  const mark = trackers.record.length;
  const before = server.requests.length;
  const stored = [];
  // What the gateway fetches for everybody it goes on fetching after a yes.
  const relayed = new Set();
  context.on('response', (response) => {
    const via = /\/_lychgate\/relay\/[^/]+\/([\w-]+)/.exec(response.url());
    if (via && response.ok()) relayed.add(hostOf(via[1]));
  });
  let seen;
  for (let round = 0; round < 3; round++) {
    const queue = [...pages];
    const { tabs, patience } = round === 0 ? { tabs: 6, patience: 3_000 } : { tabs: 3, patience: 6_000 };
    await Promise.all(Array.from({ length: tabs }, async () => {
      const tab = await context.newPage();
      for (let next = queue.shift(); next; next = queue.shift()) {
        // A page that sends the visitor away aborts its own load; that is one of the tests.
        await tab.goto(url + next, { waitUntil: 'load' }).catch(() => {});
        await quiet(tab, patience);
        stored.push(...await keeps(tab, url));
      }
      // Leaving is an occasion to send something, closing is another.
      await tab.goto('about:blank').catch(() => {});
      await tab.close();
    }));
    await trackers.quiet();
    seen = sortOut(trackers.record.slice(mark));
    const missed = [...wanted].filter((h) => !seen.hosts.has(h) && !relayed.has(h));
    if (missed.length === 0) break;
    console.log('not reached in round', round, missed);
  }
  const cookies = (await context.cookies()).filter((c) => !/^(__Host-|__Secure-)?lychgate/.test(c.name));
  await browser.end();
  const own = server.requests.slice(before).filter((r) => r.url.startsWith('/collect')).length;
  return { pages: pages.length, seen, cookies, stored, relayed, own };
}

// quiet waits until the page has asked for nothing for half a second, or as long
// as patience lasts, in ms: some pages here never stop asking.
function quiet(page, patience = 3_000) {
  return page.waitForLoadState('networkidle', { timeout: patience }).catch(() => {});
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
  };
}

function assertNobody({ seen, cookies, stored, own }) {
  assert.deepEqual([...seen.hosts].sort(), [], 'hosts reached');
  assert.equal(seen.handshakes + seen.requests, 0, 'handshakes and requests');
  assert.deepEqual(cookies.map((c) => c.name), [], 'cookies');
  assert.deepEqual(stored, [], 'storage, or pages left');
  assert.equal(own, 0, "the site's own counter");
}
