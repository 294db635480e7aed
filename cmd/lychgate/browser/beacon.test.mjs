// The optional script counts what no request tells, and only for visitors who
// said yes: not before, not after a no, and not after a withdrawal, whatever
// pages are still open.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startChromium, startUnwatched, visitor } from './lib/chromium.mjs';
import { decide, withdraw } from './lib/consent.mjs';
import { serveFiles } from './lib/fileserver.mjs';
import { startGateway, until } from './lib/gateway.mjs';
import { openWorkplace } from './lib/workplace.mjs';

const work = await openWorkplace();
const browser = await startChromium(work);

const page = (title, body) => `<!doctype html><html lang=en><head><title>${title}</title></head><body><h1>${title}</h1>${body}</body></html>`;
const pages = {
  '/': page('Home', `<a id=out href="http://partner.site.test/deep/page?token=secret">Partner</a>
    <button id=known data-lychgate-event="signed up">Sign up</button> <button id=unknown data-lychgate-event="jane">No</button>
    <script src="/gone.js?v=1"></script>`),
  '/app': page('App', `<button id=go onclick="history.pushState({}, '', '/app/second')">Go</button>
    <button id=twice onclick="history.replaceState({}, '', location.pathname + '#x')">Stay</button>`),
  // Goes on once the next page has been rendered ahead, which it tells by storage.
  '/ahead': page('Ahead', `<script>
    addEventListener('storage', () => { location.href = '/next'; });
    const rules = document.createElement('script'); rules.type = 'speculationrules';
    rules.textContent = JSON.stringify({ prerender: [{ urls: ['/next'] }] }); document.head.append(rules);
    </script>`),
  '/next': page('Next', `<p>There<script>
    if (document.prerendering) {
      document.addEventListener('prerenderingchange', () => fetch('/shown'));
      addEventListener('load', () => localStorage.setItem('ahead', Date.now()));
    }</script>`),
};

// counts reads the lists of the dashboard, as its owner sees them.
async function counts(t, gateway) {
  const { page: admin } = await visitor(t, browser);
  await admin.goto(await gateway.signIn());
  const enter = admin.locator('form[method=post] button, form[method=post] input[type=submit]');
  if (await enter.count()) await enter.first().click();
  await admin.waitForURL(/\/_lychgate\/admin\//);
  return async (list) => {
    await admin.goto(`${gateway.url}/_lychgate/admin/sites/default/list/${list}?period=last-7-days`);
    return (await admin.locator('main').innerText()).replace(/\s+/g, ' ');
  };
}

// watch lists what a page asks of lychgate for the script's sake.
function watch(p) {
  const asked = [];
  p.on('request', (r) => {
    if (/\/_lychgate\/(event|assets\/beacon)/.test(r.url())) asked.push(`${r.method()} ${new URL(r.url()).pathname} ${r.postData() ?? ''}`);
  });
  return asked;
}

describe('the optional script', async () => {
  const upstream = await serveFiles(work, { pages });
  const site = 'beacon = true\nevents = ["signed up"]';

  test('is not there before a yes, after a no, or under Global Privacy Control', async (t) => {
    const gateway = await startGateway(work, { upstream: upstream.url, site });
    const newcomer = async (options) => (await visitor(t, browser, options)).page;
    for (const [who, answer] of [[await newcomer(), ''], [await newcomer(), 'decline'], [await newcomer({ extraHTTPHeaders: { 'Sec-GPC': '1' } }), '']]) {
      const asked = watch(who);
      await who.goto(`${gateway.url}/app`);
      if (answer) await decide(who, answer);
      await who.click('#go');
      assert.notEqual(await who.evaluate(() => typeof window.lychgate), 'function');
      // What a page might send by itself is counted for nobody either.
      const status = await who.evaluate(() => fetch('/_lychgate/event', { method: 'POST', body: new URLSearchParams({ kind: 'view', page: '/app' }) }).then((r) => r.status));
      assert.equal(status, 204);
      assert.deepEqual(asked.filter((a) => !a.includes('kind=view&page=%2Fapp')), []);
    }
    const { page: last } = await visitor(t, browser);
    await last.goto(`${gateway.url}/next`);
    await decide(last, 'accept');
    assert.equal((await until(gateway.totals, (now) => now.pageviews > 0)).pageviews, 1);
  });

  test('counts pages shown by script, links out, named events, missing files, time and width', async (t) => {
    const gateway = await startGateway(work, { upstream: upstream.url, site });
    const list = await counts(t, gateway);
    const { page: p, context } = await visitor(t, browser, { viewport: { width: 800, height: 600 } });
    const script = p.waitForResponse((r) => /assets\/beacon/.test(r.url()));
    await p.goto(`${gateway.url}/`);
    await decide(p, 'accept');
    assert.ok((await (await script).body()).length <= 2048, 'at most 2 KB');
    await p.waitForFunction(() => typeof window.lychgate === 'function');

    await p.click('#known');
    await p.click('#unknown');
    await p.evaluate(() => { window.lychgate('signed up'); window.lychgate('someone@example.org'); });
    await p.evaluate(() => document.querySelector('#out').addEventListener('click', (e) => e.preventDefault()));
    await p.click('#out');
    await until(gateway.totals, (now) => now.events === 2);

    await p.goto(`${gateway.url}/app`);
    await p.waitForFunction(() => typeof window.lychgate === 'function');
    await p.click('#go'); // the second page, without a request for it
    await p.click('#twice'); // stays where it is
    await p.goBack();
    await until(gateway.totals, (now) => now.pageviews === 4); // /, /app, /app/second, /app again

    // The last page is looked at, and left.
    await p.waitForFunction((shown) => performance.now() > shown + 1500, await p.evaluate(() => performance.now()));
    const told = p.waitForRequest((r) => /kind=time/.test(r.postData() ?? ''));
    await p.evaluate(() => {
      Object.defineProperty(document, 'visibilityState', { get: () => 'hidden' });
      document.dispatchEvent(new Event('visibilitychange'));
    });
    assert.match((await told).postData(), /value=\d/);

    for (const [name, want] of [
      ['pages.all', /\/app\/second 1/], ['pages.not-found', /\/gone\.js 1/], ['goals.outbound', /partner\.site\.test 1/],
      ['goals.events', /signed up 2/], ['devices.widths', /medium 1/i],
    ]) {
      assert.match(await until(() => list(name), (text) => want.test(text)), want);
    }
    for (const name of ['goals.events', 'goals.outbound']) assert.doesNotMatch(await list(name), /jane|someone|secret/);
    await context.close();
  });

  test('is heard no more after a withdrawal, from whatever page is open', async (t) => {
    const gateway = await startGateway(work, { upstream: upstream.url, site });
    const { page: open, context } = await visitor(t, browser);
    await open.goto(`${gateway.url}/app`);
    await decide(open, 'accept');
    await open.waitForFunction(() => typeof window.lychgate === 'function');
    await until(gateway.totals, (now) => now.pageviews === 1);
    const other = await context.newPage();
    await other.goto(`${gateway.url}/next`);
    await withdraw(other);
    const answered = open.waitForResponse((r) => /\/_lychgate\/event/.test(r.url()) && /kind=view/.test(r.request().postData() ?? ''));
    await open.click('#go');
    assert.equal((await answered).status(), 204);
    assert.deepEqual((await context.cookies()).filter((c) => c.name.includes('count')), [], 'no counting cookie');
    const { page: last } = await visitor(t, browser);
    await last.goto(`${gateway.url}/next`);
    await decide(last, 'accept');
    assert.equal((await until(gateway.totals, (now) => now.pageviews > 2)).pageviews, 3, '/app, /next, and the last one');
  });

  test('counts a page that was rendered ahead when it is shown, and not before', async (t) => {
    const gateway = await startGateway(work, { upstream: upstream.url, site });
    const profile = await work.folder('profile');
    const agrees = await startChromium(work, { profile });
    const p = await agrees.contexts()[0].newPage();
    await p.goto(`${gateway.url}/app`);
    await decide(p, 'accept');
    assert.equal((await until(gateway.totals, (now) => now.pageviews > 0)).pageviews, 1);
    await agrees.quit();

    await startUnwatched(work, { profile, page: `${gateway.url}/ahead` });
    const shown = () => new Promise((tell) => { setImmediate(() => tell(upstream.requests.some((r) => r.url === '/shown'))); });
    await until(shown, Boolean);
    const ahead = upstream.requests.filter((r) => r.url === '/next' && /prerender/.test(r.headers['sec-purpose'] ?? ''));
    assert.equal(ahead.length, 1, 'it was rendered ahead');
    assert.equal((await until(gateway.totals, (now) => now.pageviews > 2)).pageviews, 3, '/app, /ahead and /next');
    const list = await counts(t, gateway);
    assert.match(await list('pages.all'), /\/next 1/);
  });
});
