// axe-core finds nothing on the question, the confirmation, the consent page and
// the visitor's own record: WCAG 2.2 A and AA and best practice, in six
// languages, two of them from right to left, light, dark and in forced colours.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';
import { startChromium, visitor } from './lib/chromium.mjs';
import { every } from './lib/combinations.mjs';
import { consentPath, decide, question } from './lib/consent.mjs';
import { serveFiles } from './lib/fileserver.mjs';
import { startGateway } from './lib/gateway.mjs';
import { contrastOf } from './lib/pixels.mjs';
import { openWorkplace } from './lib/workplace.mjs';

const axe = await readFile(path.join(import.meta.dirname, 'node_modules/axe-core/axe.min.js'), 'utf8');
const languages = { en: 'ltr', cy: 'ltr', pl: 'ltr', ar: 'rtl', ur: 'rtl', bn: 'ltr' };
const looks = [
  { name: 'light', colorScheme: 'light' },
  { name: 'dark', colorScheme: 'dark' },
  { name: 'forced colours', colorScheme: 'dark', forcedColors: 'active' },
];

// Colours do not depend on the words: English has them all, Arabic one more.
const looksIn = (lang) => every || lang === 'en' ? looks : looks.filter(({ name }) => name === (lang === 'ar' ? 'dark' : 'light'));

const page = (lang, dir) => `<!doctype html><html lang="${lang}" dir="${dir}"><head><meta charset="utf-8"><title>Page</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><style>:root{color-scheme:light dark}</style></head>
<body><main><h1>Page</h1><p>Text.</p><iframe src="https://www.youtube.com/embed/zero" width="400" height="225" title="A film"></iframe></main><script src="https://www.googletagmanager.com/gtag/js?id=G-1"></script></body></html>`;

const work = await openWorkplace();
const pages = Object.fromEntries(Object.entries(languages).map(([lang, dir]) => [`/${lang}.html`, page(lang, dir)]));
const upstream = await serveFiles(work, { pages: { ...pages, '/': pages['/en.html'] } });
const gateway = await startGateway(work, { upstream: upstream.url, site: 'name = "Wrenfield Families"' });
const browser = await startChromium(work);

for (const [lang, dir] of Object.entries(languages)) {
  describe(lang, () => {
    for (const { name, ...look } of looksIn(lang)) {
      test(name, async (t) => {
        const { page } = await visitor(t, browser, { locale: lang, viewport: { width: 390, height: 800 }, ...look });
        await page.goto(`${gateway.url}/${lang}.html`);
        assert.equal(await question(page).region.getAttribute('lang'), lang, 'the question speaks the language of the page');
        assert.equal(await question(page).accept.evaluate((b) => getComputedStyle(b).direction), dir);
        await assertAccessible(page, 'question', look);
        if (look.forcedColors) {
          const edges = await question(page).accept.evaluate((b) => parseFloat(getComputedStyle(b).borderTopWidth));
          assert.ok(edges >= 1, 'buttons keep an edge in forced colours');
          const contrast = await contrastOf(page, await question(page).accept.screenshot());
          assert.ok(contrast >= 4.5, `and a contrast of ${contrast.toFixed(1)}`);
        }

        await decide(page, 'accept');
        await assertAccessible(page, 'confirmation', look);

        await page.goto(`${gateway.url}${consentPath}?lang=${lang}`);
        assert.equal(await page.locator('html').getAttribute('lang'), lang);
        assert.equal(await page.locator('html').getAttribute('dir'), dir);
        await assertAccessible(page, 'consent page', look);

        await page.locator(`a[href*="${consentPath}/receipt"]`).first().click();
        await page.waitForURL(/receipt/);
        await assertAccessible(page, 'record', look);
      });
    }
  });
}

test('the consent page fits 320 px, and twice the text', async (t) => {
  const { page } = await visitor(t, browser, { viewport: { width: 320, height: 640 } });
  await page.goto(`${gateway.url}/en.html`);
  await decide(page, 'accept');
  for (const size of [16, 32]) {
    const client = await page.context().newCDPSession(page);
    await client.send('Page.setFontSizes', { fontSizes: { standard: size, fixed: size } });
    for (const lang of ['en', 'es']) { // of longer words
      await page.goto(`${gateway.url}${consentPath}?lang=${lang}`);
      const wide = await page.evaluate(() => {
        for (const d of document.querySelectorAll('details')) d.open = true;
        return document.documentElement.scrollWidth;
      });
      assert.ok(wide <= 320, `${lang}: at ${size}px text it is ${wide} wide`);
    }
  }
});

// assertAccessible runs axe in the page, through the debugger, so that no policy
// of the page is in its way. In forced colours the browser paints other colours
// than its computed styles say, so there contrast is measured in the picture.
async function assertAccessible(page, what, { forcedColors }) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate((rules) => axe.run(document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
    resultTypes: ['violations'],
    rules,
  }), forcedColors ? { 'color-contrast': { enabled: false } } : {});
  const found = violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.flat().join(' ')}: ${n.failureSummary}`));
  assert.deepEqual(found, [], what);
}
