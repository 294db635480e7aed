// Everything by keyboard alone: the question, the confirmation, the way back.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startChromium, visitor } from './lib/chromium.mjs';
import { consentPath, decision, isAsked } from './lib/consent.mjs';
import { exampleSite, startGateway } from './lib/gateway.mjs';
import { openWorkplace } from './lib/workplace.mjs';

const work = await openWorkplace();
const gateway = await startGateway(work, { dir: exampleSite });
const browser = await startChromium(work);

for (const javaScript of [true, false]) {
  describe(`JavaScript ${javaScript ? 'on' : 'off'}`, () => {
    test('the page does not take the focus, and the answers are the first stops', async (t) => {
      const { page } = await visitor(t, browser, { javaScript });
      await page.goto(`${gateway.url}/index.html`);
      assert.equal((await focused(page)).tag, 'body', 'nothing is focused at first');
      const stops = [];
      for (let i = 0; i < 4; i++) stops.push(await tab(page));
      const values = stops.map((s) => s.value);
      assert.ok(values.includes('accept') && values.includes('decline'), `first stops: ${JSON.stringify(stops)}`);
      for (const s of stops.filter((s) => s.value)) assert.ok(s.ring, `focus shows on ${s.text}`);
    });

    for (const [answer, key] of [['accept', 'Enter'], ['decline', 'Space']]) {
      test(`${answer} with ${key}, hide, and take it back`, async (t) => {
        const { page } = await visitor(t, browser, { javaScript });
        await page.goto(`${gateway.url}/services.html`);
        await tabTo(page, (s) => s.value === answer);
        await Promise.all([page.waitForURL(/services\.html#lychgate$/), page.keyboard.press(key)]);
        assert.ok(!await isAsked(page));

        // The confirmation is the target of the URL, so the next stops are in it:
        // the consent page, and hide.
        await tabTo(page, (s) => s.href?.endsWith('#'), 2);
        await page.keyboard.press('Enter');
        assert.ok(!await page.locator('#lychgate').isVisible());

        await page.keyboard.press('End');
        await tabTo(page, (s) => s.href?.startsWith(consentPath), 80);
        await Promise.all([page.waitForURL((u) => u.pathname === consentPath), page.keyboard.press('Enter')]);
        const change = answer === 'accept' ? 'withdraw' : 'accept';
        await tabTo(page, (s) => s.value === change, 80);
        await Promise.all([page.waitForURL(/#lychgate$/), page.keyboard.press('Enter')]);
        assert.equal(await decision(page), answer === 'accept' ? 'decline' : 'accept');
      });
    }
  });
}

// tab presses Tab and says where the focus went, looking into shadow roots.
async function tab(page) {
  await page.keyboard.press('Tab');
  return focused(page);
}

async function tabTo(page, wanted, most = 15) {
  const seen = [];
  for (let i = 0; i < most; i++) {
    const stop = await tab(page);
    if (wanted(stop)) return;
    seen.push(stop);
  }
  assert.fail(`not reached in ${most} stops: ${JSON.stringify(seen.map((s) => s.value ?? s.href ?? s.tag))}`);
}

function focused(page) {
  return page.evaluate(() => {
    let e = document.activeElement;
    while (e?.shadowRoot?.activeElement) e = e.shadowRoot.activeElement;
    const s = getComputedStyle(e);
    return {
      tag: e.localName,
      value: e.getAttribute('value') ?? undefined,
      href: e.getAttribute('href') ?? undefined,
      text: e.textContent.trim().slice(0, 40),
      ring: s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2,
    };
  });
}
