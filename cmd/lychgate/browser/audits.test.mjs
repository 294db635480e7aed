// What foreign audit tools say: Blacklight, which looks for trackers, and
// autoconsent, which says no for people. On a page full of well-known trackers
// they find nothing before a yes, and the no is heard. Without lychgate they do
// find them, which is the proof that they look.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { test } from 'node:test';
import { startChromium } from './lib/chromium.mjs';
import { decision, isAsked } from './lib/consent.mjs';
import { serveFiles } from './lib/fileserver.mjs';
import { root, startGateway } from './lib/gateway.mjs';
import { startTrackers } from './lib/trackers.mjs';
import { openWorkplace } from './lib/workplace.mjs';

const require = createRequire(import.meta.url);
const work = await openWorkplace();
const trackers = await startTrackers(work);
const dir = path.join(import.meta.dirname, 'hostile');
const start = '<!DOCTYPE html><html lang="en"><title>Start</title><a href="/loaders.html">in</a></html>';
const bare = await serveFiles(work, { dir, tls: true });
const upstream = await serveFiles(work, { dir, pages: { '/': start } });
const gateway = await startGateway(work, { upstream: upstream.url, https: true, trackers });

test('Blacklight finds the trackers without lychgate, and none behind it', async () => {
  const without = await blacklight(`${bare.url}/loaders.html`);
  assert.ok(without.hosts.length > 8 && without.trackers > 5, JSON.stringify(without));
  const mark = trackers.record.length;
  const behind = await blacklight(`${gateway.named}/loaders.html`);
  assert.deepEqual(behind, { hosts: [], trackers: 0, cookies: 0, canvas: 0, keys: 0, recorders: 0, pixels: 0 });
  assert.deepEqual(trackers.record.slice(mark).map((e) => e.host), []);
  console.table({ 'without lychgate': { ...without, hosts: without.hosts.length }, 'behind lychgate': { ...behind, hosts: behind.hosts.length } });
});

test('autoconsent says no by the rule that is shipped, and yes', async () => {
  const rule = JSON.parse(await readFile(path.join(root, 'deploy/autoconsent/lychgate.json'), 'utf8'));
  for (const [action, result, want] of [['optOut', 'optOutResult', 'decline'], ['optIn', 'optInResult', 'accept']]) {
    const browser = await startChromium(work, { trackers });
    const page = await browser.contexts()[0].newPage();
    const mark = trackers.record.length;
    await page.goto(`${gateway.named}/loaders.html`);
    const heard = await autoconsent(page, action, rule);
    assert.equal(heard.find((m) => m.type === 'cmpDetected')?.cmp, 'lychgate');
    assert.equal(heard.find((m) => m.type === result)?.result, true, JSON.stringify(heard));
    await page.waitForURL(/#lychgate$/);
    assert.equal(await decision(page), want);
    await page.goto(`${gateway.named}/loaders.html`);
    assert.equal(await isAsked(page), false);
    if (want === 'decline') assert.deepEqual(trackers.record.slice(mark).map((e) => e.host), []);
    await browser.end();
  }
});

// blacklight is what its collector reports of one page, in numbers.
async function blacklight(url) {
  const { collect } = require('@themarkup/blacklight-collector');
  const report = await collect(url, {
    outDir: await work.folder('blacklight'), numPages: 0, captureHar: false, saveScreenshots: false,
    puppeteerExecutablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    extraChromiumArgs: ['--disable-gpu', `--host-resolver-rules=MAP *.site.test 127.0.0.1, MAP * 127.0.0.1:${trackers.port}, EXCLUDE 127.0.0.1, EXCLUDE localhost`],
  });
  assert.equal(report.status, 'success', JSON.stringify(report).slice(0, 500));
  const { reports, hosts } = report;
  const count = (found) => (Array.isArray(found) ? found.length : Object.values(found ?? {}).flat().length);
  return {
    hosts: hosts.requests.third_party,
    trackers: count(reports.third_party_trackers),
    cookies: count(reports.cookies),
    canvas: count(reports.canvas_fingerprinters.fingerprinters) + count(reports.canvas_font_fingerprinters.canvas_font),
    keys: count(reports.key_logging),
    recorders: count(reports.session_recorders),
    pixels: count(reports.fb_pixel_events) + count(reports.twitter_pixel_events) + count(reports.tiktok_pixel_events) + count(reports.google_analytics_events),
  };
}

// autoconsent runs the content script as its browser extension does, with rule
// alone, and returns what it reports once it is done.
async function autoconsent(page, action, rule) {
  const script = await readFile(path.join(import.meta.dirname, 'node_modules/@duckduckgo/autoconsent/dist/autoconsent.playwright.js'), 'utf8');
  const heard = [];
  let done;
  const finished = new Promise((resolve) => { done = resolve; });
  await page.exposeBinding('autoconsentSendMessage', async ({ frame }, message) => {
    heard.push(message);
    if (message.type === 'init') {
      const config = { enabled: true, autoAction: action, disabledCmps: [], enablePrehide: false, detectRetries: 20, enableCosmeticRules: true, enableHeuristicDetection: false };
      await frame.evaluate(`autoconsentReceiveMessage({ type: 'initResp', config: ${JSON.stringify(config)}, rules: ${JSON.stringify({ autoconsent: [rule] })} })`);
    }
    if (message.type === 'optOutResult' || message.type === 'optInResult' || message.type === 'autoconsentError') done();
  });
  await page.evaluate(script);
  await finished;
  return heard;
}
