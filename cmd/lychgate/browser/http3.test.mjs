// A browser that comes by HTTP/3.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startChromium, visitor } from './lib/chromium.mjs';
import { decide, decision, isAsked } from './lib/consent.mjs';
import { exampleSite, startGateway } from './lib/gateway.mjs';
import { openWorkplace } from './lib/workplace.mjs';

const work = await openWorkplace();
const gateway = await startGateway(work, { dir: exampleSite, https: true, http3: true });
const browser = await startChromium(work, { quic: new URL(gateway.url).host });

test('a visitor by HTTP/3 is asked, says yes, and is not asked again', async (t) => {
  const { page } = await visitor(t, browser);
  const cameBy = () => page.evaluate(() => performance.getEntriesByType('navigation')[0].nextHopProtocol);
  await page.goto(`${gateway.url}/index.html`);
  assert.equal(await cameBy(), 'h3');
  assert.ok(await isAsked(page));
  await decide(page, 'accept');
  assert.equal(await cameBy(), 'h3', 'the page after the answer too');
  assert.ok(!await isAsked(page));
  assert.equal(await decision(page), 'accept');
});
