// The back button never shows another state. Each story is told twice: through
// the gateway as it is, and as a control through a proxy that takes its cache
// headers away, where the old page must come back alive. If the control does not
// fail, the browser kept nothing and the story proves nothing.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { backTo, startChromium, visitor } from './lib/chromium.mjs';
import { every } from './lib/combinations.mjs';
import { decide, isAsked, withdraw } from './lib/consent.mjs';
import { exampleSite, startGateway, until } from './lib/gateway.mjs';
import { startWithout } from './lib/headers.mjs';
import { openWorkplace } from './lib/workplace.mjs';

const cacheHeaders = ['cache-control', 'clear-site-data', 'vary', 'etag'];

const work = await openWorkplace();
const plain = await startGateway(work, { dir: exampleSite });
const secure = await startGateway(work, { dir: exampleSite, https: true });
const bare = await startWithout(work, plain, cacheHeaders);
const bareSecure = await startWithout(work, secure, cacheHeaders, { tls: true });
const browser = await startChromium(work);

const loopback = { name: 'http on loopback', url: plain.url, control: bare.url };
const https = { name: 'https', url: secure.url, control: bareSecure.url };
// Plain http by name is where browsers ignore Clear-Site-Data, which matters to
// a withdrawal only.
const byName = { name: 'http by name', url: plain.named, control: bare.named };
const both = ['accept', 'decline'];

const tellings = every
  ? [loopback, byName, https].flatMap((world) => [true, false].map((javaScript) => ({ world, javaScript, answers: world === byName ? [] : both })))
  : [
    { world: loopback, javaScript: true, answers: ['accept'] },
    { world: byName, javaScript: true, answers: [] },
    { world: https, javaScript: true, answers: both },
    { world: https, javaScript: false, answers: ['decline'] },
  ];

for (const { world, javaScript, answers } of tellings) {
  describe(`${world.name}, JavaScript ${javaScript ? 'on' : 'off'}`, () => {
    for (const answer of answers) {
      test(`${answer} on the second page: back on the first nothing is asked`, async (t) => {
        const control = await backAfterDeciding(t, world.control, javaScript, answer);
        assert.deepEqual(control, { asked: true, alive: true }, 'control: without the headers the old page comes from the cache');
        const real = await backAfterDeciding(t, world.url, javaScript, answer);
        assert.deepEqual(real, { asked: false, alive: false });
      });
    }

    test('after a withdrawal the accepted page does not come back', async (t) => {
      const control = await backAfterWithdrawing(t, world.control, javaScript);
      assert.ok(control.alive, 'control: without the headers the accepted page comes back alive');
      const real = await backAfterWithdrawing(t, world.url, javaScript);
      assert.ok(!real.alive, 'the accepted page is gone');
      assert.equal(real.shown, real.fresh, 'Back shows what a fresh request shows');
    });
  });
}

async function backAfterDeciding(t, url, javaScript, answer) {
  const { page } = await visitor(t, browser, { javaScript });
  await page.goto(`${url}/index.html`);
  await mark(page);
  await follow(page, 'about.html');
  await decide(page, answer);
  await back(page, '/index.html');
  return { asked: await isAsked(page), alive: await isMarked(page) };
}

async function backAfterWithdrawing(t, url, javaScript) {
  const { page } = await visitor(t, browser, { javaScript });
  await page.goto(`${url}/index.html`);
  await decide(page, 'accept');
  await follow(page, 'about.html');
  await mark(page);
  await withdraw(page);
  await back(page, '/about.html');
  const alive = await isMarked(page);
  const shown = await page.locator('#lychgate').innerHTML();
  await page.reload();
  return { alive, shown, fresh: await page.locator('#lychgate').innerHTML() };
}

async function follow(page, href) {
  await Promise.all([page.waitForURL(new RegExp(`${href}$`)), page.locator(`a[href="${href}"]`).first().click()]);
}

// back goes back to the page of a path.
async function back(page, pathname) {
  await backTo(page, pathname);
  // A page that comes back alive fires no second load event.
  await until(() => page.evaluate(() => document.readyState), (state) => state === 'complete');
}

// A mark lives in the document, not in its source: whoever finds it again was
// given the same document, kept alive, and not a new copy.
const mark = (page) => page.evaluate(() => { document.documentElement.dataset.mark = 'kept'; });
const isMarked = (page) => page.evaluate(() => document.documentElement.dataset.mark === 'kept');
