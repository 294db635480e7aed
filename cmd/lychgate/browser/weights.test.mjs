// What a banner costs the visitor's page: lychgate beside the libraries that
// sites put in by script, each in the setting its manual shows, on the same page
// in the same run. Bytes are those on the wire, gzip for everybody.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { startChromium, visitor } from './lib/chromium.mjs';
import { serveFiles } from './lib/fileserver.mjs';
import { startGateway } from './lib/gateway.mjs';
import { packageFile } from './lib/specimens.mjs';
import { openWorkplace } from './lib/workplace.mjs';

const text = '<p>Play mornings, somebody to talk to, and a table with room for one more.</p>'.repeat(30);
const page = (head = '', end = '') => `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Weights</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><link rel="icon" href="data:,">${head}</head><body><h1>Heading</h1>${text}${end}</body></html>`;

const banners = {
  'vanilla-cookieconsent': {
    files: ['vanilla-cookieconsent/dist/cookieconsent.css', 'vanilla-cookieconsent/dist/cookieconsent.umd.js'],
    page: page('<link rel="stylesheet" href="/vanilla-cookieconsent/dist/cookieconsent.css">', `<script src="/vanilla-cookieconsent/dist/cookieconsent.umd.js"></script>
<script>CookieConsent.run({hideFromBots:false,categories:{necessary:{readOnly:true},analytics:{}},language:{default:'en',translations:{en:{consentModal:{title:'Cookies',description:'We count visits.',acceptAllBtn:'Accept',acceptNecessaryBtn:'Decline'},preferencesModal:{sections:[]}}}}})</script>`),
    shown: '#cc-main .cm',
  },
  klaro: {
    files: ['klaro/dist/klaro.js'],
    page: page('', `<script>var klaroConfig={version:1,mustConsent:false,acceptAll:true,lang:'en',translations:{en:{consentNotice:{description:'We count visits.'},purposes:{analytics:'Analytics'}}},services:[{name:'a',purposes:['analytics']}]}</script><script defer src="/klaro/dist/klaro.js"></script>`),
    shown: '.klaro .cookie-notice',
  },
  tarteaucitronjs: {
    files: ['tarteaucitronjs/tarteaucitron.js', 'tarteaucitronjs/tarteaucitron.services.js', 'tarteaucitronjs/lang/tarteaucitron.en.js', 'tarteaucitronjs/css/tarteaucitron.css'],
    page: page('<script src="/tarteaucitronjs/tarteaucitron.js"></script><script>tarteaucitron.init({orientation:"bottom",googleConsentMode:false})</script>',
      '<script>(tarteaucitron.job=tarteaucitron.job||[]).push("gajs")</script>'),
    shown: '#tarteaucitronAlertBig',
  },
  cookieconsent: {
    files: ['cookieconsent/build/cookieconsent.min.css', 'cookieconsent/build/cookieconsent.min.js'],
    page: page('<link rel="stylesheet" href="/cookieconsent/build/cookieconsent.min.css">',
      '<script src="/cookieconsent/build/cookieconsent.min.js" data-cfasync="false"></script><script>window.cookieconsent.initialise({type:"opt-in",palette:{popup:{background:"#000"},button:{background:"#f1d600"}}})</script>'),
    shown: '.cc-window',
  },
};

// Times are those of the machine and its other work; LYCHGATE_TEST_ROUNDS loads
// every page that often, in turns, and takes the middle.
const rounds = Number(process.env.LYCHGATE_TEST_ROUNDS ?? 1);

const work = await openWorkplace();
const zipped = (body, type) => ({ body: gzipSync(body, { level: 6 }), headers: { 'Content-Encoding': 'gzip', 'Content-Type': type } });
const html = 'text/html; charset=utf-8';
const pages = { '/none.html': zipped(page(), html) };
for (const [name, b] of Object.entries(banners)) {
  pages[`/${name}.html`] = zipped(b.page, html);
  for (const file of b.files) pages[`/${file}`] = zipped(await readFile(packageFile(file)), file.endsWith('.css') ? 'text/css' : 'text/javascript');
}
const server = await serveFiles(work, { pages });
const upstream = await serveFiles(work, { pages: { '/none.html': page() } });
const gateway = await startGateway(work, { upstream: upstream.url });
const browser = await startChromium(work);

test('lychgate is the lightest, and adds nothing but markup', async (t) => {
  const pages = { 'no banner': [`${server.url}/none.html`, 'h1'] };
  for (const [name, { shown }] of Object.entries(banners)) pages[name] = [`${server.url}/${name}.html`, shown];
  pages.lychgate = [`${gateway.url}/none.html`, '#lychgate'];
  const weighed = Object.fromEntries(Object.keys(pages).map((name) => [name, []]));
  for (let i = 0; i < rounds; i++) {
    for (const [name, [url, shown]] of Object.entries(pages)) weighed[name].push(await weigh(t, url, shown));
  }
  const none = middle(weighed['no banner']);
  const added = Object.fromEntries(Object.entries(weighed).map(([name, all]) => [name, less(middle(all), none)]));
  const ours = added.lychgate;
  console.table(added);

  assert.ok(ours.bytes <= 3 * 1024, `${ours.bytes} bytes on the wire`);
  assert.equal(ours.requests, 0);
  assert.equal(ours.scriptBytes, 0);
  assert.equal(ours.layoutShift, 0);
  for (const name of Object.keys(banners)) assert.ok(added[name].bytes > ours.bytes, `${name} adds ${added[name].bytes}`);
});

// middle is the median of every figure of several loads.
function middle(loads) {
  const of = (key) => loads.map((l) => l[key]).sort((a, b) => a - b)[Math.floor(loads.length / 2)];
  return Object.fromEntries(Object.keys(loads[0]).map((key) => [key, of(key)]));
}

// less is what one page has more than another; the blocked time is its own.
function less(one, other) {
  return {
    ...one, laterPaintMs: one.firstPaintMs - other.firstPaintMs, bytes: one.bytes - other.bytes, requests: one.requests - other.requests,
    scriptBytes: one.scriptBytes - other.scriptBytes, layoutShift: one.layoutShift - other.layoutShift,
  };
}

// weigh loads a page cold and waits until what is to be shown is seen.
async function weigh(t, url, shown) {
  const { context, page } = await visitor(t, browser, { viewport: { width: 412, height: 823 } });
  const client = await context.newCDPSession(page);
  await client.send('Network.enable');
  const kinds = {};
  const sums = { bytes: 0, requests: 0, scriptBytes: 0 };
  client.on('Network.responseReceived', ({ requestId, type }) => { kinds[requestId] = type; });
  client.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    if (!(requestId in kinds)) return;
    sums.requests++;
    sums.bytes += encodedDataLength;
    if (kinds[requestId] === 'Script') sums.scriptBytes += encodedDataLength;
  });
  await page.addInitScript(() => {
    globalThis.measured = { layoutShift: 0, blockedMs: 0 };
    new PerformanceObserver((list) => list.getEntries().forEach((e) => { measured.layoutShift += e.hadRecentInput ? 0 : e.value; }))
      .observe({ type: 'layout-shift', buffered: true });
    new PerformanceObserver((list) => list.getEntries().forEach((e) => { measured.blockedMs += Math.max(0, e.duration - 50); }))
      .observe({ type: 'longtask', buffered: true });
  });
  await page.goto(url, { waitUntil: 'networkidle' });
  await page.locator(shown).first().waitFor({ state: 'visible' });
  const seen = await page.evaluate(() => ({
    ...measured, firstPaintMs: Math.round(performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? -1),
  }));
  return { ...sums, ...seen, blockedMs: Math.round(seen.blockedMs) };
}
