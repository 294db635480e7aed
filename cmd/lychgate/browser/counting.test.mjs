// A page view is counted after a yes and at no other time: not before, not after
// a no, not under Global Privacy Control, not after a withdrawal. What is
// counted shows on the dashboard.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startChromium, visitor } from './lib/chromium.mjs';
import { every } from './lib/combinations.mjs';
import { decide, withdraw } from './lib/consent.mjs';
import { exampleSite, startGateway, until } from './lib/gateway.mjs';
import { openWorkplace } from './lib/workplace.mjs';

const work = await openWorkplace();
const browser = await startChromium(work);

for (const https of [false, true]) {
  for (const javaScript of every ? [true, false] : [!https]) {
    describe(`${https ? 'https' : 'http'}, JavaScript ${javaScript ? 'on' : 'off'}`, () => {
      test('only what is seen after a yes is counted', async (t) => {
        const gateway = await startGateway(work, { dir: exampleSite, https });
        const see = async (page, ...names) => {
          for (const name of names) await page.goto(`${gateway.url}/${name}.html`);
        };
        const newcomer = async (options) => (await visitor(t, browser, { javaScript, ...options })).page;
        assert.deepEqual(await gateway.totals(), { pageviews: 0, events: 0, consents: { accept: 0, decline: 0, withdraw: 0 } });

        await see(await newcomer(), 'index', 'about', 'services'); // never answers

        const says = await newcomer();
        await see(says, 'index');
        await decide(says, 'decline');
        await see(says, 'about', 'donate');

        await see(await newcomer({ extraHTTPHeaders: { 'Sec-GPC': '1' } }), 'index', 'about');

        const changes = await newcomer();
        await see(changes, 'index');
        await decide(changes, 'accept'); // the page that comes back is the first view
        await see(changes, 'about', 'book');
        await withdraw(changes);
        await see(changes, 'index', 'about', 'services');

        const counted = { pageviews: 3, events: 0, consents: { accept: 1, decline: 1, withdraw: 1 } };
        await until(gateway.totals, (now) => now.pageviews >= counted.pageviews);

        // One more view by somebody else: when it has reached the disk, everything
        // before it has, so what is not there now was never counted.
        const last = await newcomer();
        await see(last, 'donate');
        await decide(last, 'accept');
        const total = await until(gateway.totals, (now) => now.pageviews > counted.pageviews);
        assert.deepEqual(total, { pageviews: 4, events: 0, consents: { accept: 2, decline: 1, withdraw: 1 } });
      });
    });
  }
}

test('the dashboard shows the page view that was agreed to', async (t) => {
  const gateway = await startGateway(work, { dir: exampleSite });
  const { page: admin } = await visitor(t, browser);
  await admin.goto(await gateway.signIn());
  const enter = admin.locator('form[method=post] button, form[method=post] input[type=submit]');
  if (await enter.count()) await enter.first().click(); // the one-time link asks for a press, so that no preview spends it
  await admin.waitForURL(/\/_lychgate\/admin\//);
  const dashboard = `${gateway.url}/_lychgate/admin/sites/default/?period=last-7-days`; // whatever midnight does
  const text = async () => {
    await admin.goto(dashboard);
    return admin.locator('main').innerText();
  };
  assert.ok(!/\/services\.html/.test(await text()), 'nothing is counted yet');

  const { page } = await visitor(t, browser);
  await page.goto(`${gateway.url}/services.html`);
  assert.ok(!/\/services\.html/.test(await text()), 'a visit without an answer does not show');
  await decide(page, 'accept');
  await until(gateway.totals, (now) => now.pageviews === 1);
  assert.match(await until(text, (now) => now.includes('/services.html')), /\/services\.html/);
});
