// Accept, decline, withdraw, reload: with and without JavaScript, over https
// and over plain http, by address and by name.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startChromium, visitor } from './lib/chromium.mjs';
import { every } from './lib/combinations.mjs';
import { assertNothingStored, choicesLink, decide, decision, isAsked, question, withdraw } from './lib/consent.mjs';
import { exampleSite, startGateway } from './lib/gateway.mjs';
import { openWorkplace } from './lib/workplace.mjs';

const work = await openWorkplace();
const plain = await startGateway(work, { dir: exampleSite });
const secure = await startGateway(work, { dir: exampleSite, https: true });
const browser = await startChromium(work);

const worlds = [
  { name: 'http on loopback', url: plain.url, cookie: 'lychgate', secure: false, javaScript: [false] },
  { name: 'http by name', url: plain.named, cookie: 'lychgate', secure: false, javaScript: [true] },
  { name: 'https', url: secure.url, cookie: '__Host-lychgate', secure: true, javaScript: [true] },
];

for (const world of worlds) {
  for (const javaScript of every ? [true, false] : world.javaScript) {
    describe(`${world.name}, JavaScript ${javaScript ? 'on' : 'off'}`, () => stories(world, javaScript));
  }
}

function stories(world, javaScript) {
  const arrive = async (t, path = '/index.html') => {
    const v = await visitor(t, browser, { javaScript });
    const response = await v.page.goto(world.url + path);
    return { ...v, response };
  };

  test('a first visit is asked and leaves nothing behind', async (t) => {
    const { context, page, response } = await arrive(t);
    assert.equal(response.status(), 200);
    assert.equal((await response.headersArray()).filter((h) => h.name.toLowerCase() === 'set-cookie').length, 0);
    const { accept, decline, region } = question(page);
    assert.ok(await accept.isVisible() && await decline.isVisible(), 'both answers are visible');
    assert.ok(await region.getAttribute('aria-label'), 'the region has a name');
    await assertNothingStored(context, page);

    await page.mouse.wheel(0, 2000);
    await page.locator('a[href="about.html"]').first().click();
    await page.waitForURL(/about\.html/);
    assert.ok(await isAsked(page), 'scrolling and following a link is no answer');
    await page.reload();
    assert.ok(await isAsked(page), 'nor is a reload');
    await assertNothingStored(context, page);
  });

  for (const answer of ['accept', 'decline']) {
    test(`${answer} is kept, confirmed once, and not asked again`, async (t) => {
      const { context, page } = await arrive(t, '/services.html');
      await decide(page, answer);
      assert.equal(new URL(page.url()).pathname, '/services.html', 'back on the same page');
      assert.ok(!await isAsked(page));
      assert.ok(await page.locator('#lychgate').isVisible(), 'the choice is confirmed');

      await page.locator('#lychgate a[href$="#"]').click();
      assert.ok(!await page.locator('#lychgate').isVisible(), 'and the confirmation can be hidden');

      await page.goto(`${world.url}/about.html`);
      assert.ok(!await isAsked(page), 'the next page does not ask');
      assert.ok(!await page.locator('#lychgate').isVisible(), 'nor confirm');
      assert.equal(await choicesLink(page).count(), 1, 'it links to the consent page');
      await page.reload();
      assert.ok(!await isAsked(page), 'nor does it ask after a reload');
      assert.equal(await decision(page), answer);

      const kept = (await context.cookies()).find((c) => c.name === world.cookie);
      assert.ok(kept, `cookie ${world.cookie}`);
      assert.deepEqual(
        { httpOnly: kept.httpOnly, secure: kept.secure, sameSite: kept.sameSite, path: kept.path },
        { httpOnly: true, secure: world.secure, sameSite: 'Lax', path: '/' },
      );
      if (answer === 'decline') assert.equal((await context.cookies()).length, 1, 'a no leaves one cookie only');
    });
  }

  test('withdrawing undoes an accept and leaves only the no', async (t) => {
    const { context, page } = await arrive(t);
    await decide(page, 'accept');
    const accepted = await context.cookies();
    await page.goto(`${world.url}/about.html`);
    await withdraw(page);

    assert.equal(await decision(page), 'decline');
    const left = await context.cookies();
    assert.deepEqual(left.map((c) => c.name), [world.cookie], 'receipt and count are gone');
    assert.notEqual(left[0].value, accepted.find((c) => c.name === world.cookie).value);
    await page.goto(`${world.url}/index.html`);
    assert.ok(!await isAsked(page), 'a withdrawal is an answer: no second question');
    await page.reload();
    assert.ok(!await isAsked(page));
  });

  test('the mind can be changed as often as one likes', async (t) => {
    const { page } = await arrive(t);
    await decide(page, 'decline');
    await choicesLink(page).first().click();
    await Promise.all([
      page.waitForURL(/#lychgate$/),
      page.locator('button[name=decision][value=accept]').click(),
    ]);
    assert.equal(await decision(page), 'accept');
    await page.goto(`${world.url}/index.html`);
    await withdraw(page);
    assert.equal(await decision(page), 'decline');
  });

  test('Global Privacy Control is a no, is not asked and sets nothing', async (t) => {
    const { context, page } = await visitor(t, browser, { javaScript, extraHTTPHeaders: { 'Sec-GPC': '1' } });
    await page.goto(`${world.url}/index.html`);
    assert.ok(!await isAsked(page));
    assert.equal(await decision(page), 'decline');
    assert.deepEqual(await context.cookies(), []);
  });
}
