// The question is visible and usable wherever a site's own CSS would put it, and
// the site stays as it was: fixed headers, flex and grid bodies, hostile resets,
// narrow windows.
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { describe, test } from 'node:test';
import { startChromium, visitor } from './lib/chromium.mjs';
import { every } from './lib/combinations.mjs';
import { decide, isAsked, question } from './lib/consent.mjs';
import { serveFiles } from './lib/fileserver.mjs';
import { root, startGateway } from './lib/gateway.mjs';
import { assertUsable } from './lib/usable.mjs';
import { openWorkplace } from './lib/workplace.mjs';

const text = '<p>Play mornings, somebody to talk to, and a table with room for one more.</p>'.repeat(12);

// Each layout is a style sheet over the same small page.
const layouts = {
  plain: '',
  'fixed header': 'header{position:fixed;top:0;left:0;right:0;height:80px;background:#222;color:#fff;z-index:1030}body{padding-top:80px}',
  'fixed header at the highest z-index': 'header{position:fixed;inset:0 0 auto 0;height:90px;background:#222;z-index:2147483647}body{padding-top:90px}',
  'fixed header over an unpadded body': 'header{position:fixed;inset:0 0 auto 0;height:64px;background:#222;z-index:999}body{margin:0}',
  'sticky header': 'header{position:sticky;top:0;background:#222;z-index:1020}',
  'absolute header': 'body{position:relative}header{position:absolute;top:0;left:0;width:100%;height:70px;background:#222;z-index:10}',
  'flex column body': 'body{display:flex;flex-direction:column;min-height:100vh;margin:0}main{flex:1 0 auto}',
  'flex column body, centred': 'body{display:flex;flex-direction:column;align-items:center;justify-content:center;min-height:100vh}',
  'grid body': 'body{display:grid;grid-template:auto 1fr auto/200px 1fr;margin:0}header,footer{grid-column:1/-1}',
  'grid body by areas': 'body{display:grid;grid-template-areas:"h h" "m m" "f f"}header{grid-area:h}main{grid-area:m}footer{grid-area:f}',
  'body of fixed height': 'html,body{height:100%;overflow:hidden}main{height:100%;overflow:auto}',
  'reset of everything': '*{margin:0;padding:0;border:0;font:inherit;color:inherit;background:none;list-style:none;appearance:none}',
  'important reset': '*{margin:0!important;padding:0!important;border:0!important;font-size:10px!important;line-height:1!important}',
  'buttons undone': 'button{all:unset!important;display:none!important}',
  'forms and sections hidden': 'form,section,[role=region],[aria-label]{display:none!important}',
  'first child hidden': 'body>:first-child{display:none!important}',
  'ids faded': '[id]{opacity:0!important;visibility:hidden!important;pointer-events:none!important}',
  'transparent text': '*{color:transparent!important;background:transparent!important}',
  'shrunk and moved': 'body>*{transform:scale(.1) translate(-900px)!important;max-height:1px!important;overflow:hidden!important}',
  'off the page': 'section{position:absolute!important;left:-9999px!important}body>*{clip-path:inset(100%)!important}',
  filtered: 'body>*{filter:blur(20px) opacity(.05)!important;mix-blend-mode:difference!important}',
  animated: 'body>*{animation:x 60s infinite!important}@keyframes x{from{opacity:0;transform:translateX(4000px)}to{opacity:0;transform:translateX(4000px)}}',
  'tiny root': 'html{font-size:4px!important}',
  'vertical and mirrored': 'body>*{writing-mode:vertical-rl!important;direction:rtl!important}',
  'dark and loud': 'body{background:#000;color:#ff0}button{background:#000!important;color:#000!important;font-size:3px!important}',
  'custom properties poisoned': ':root{--a:none;--b:#fff;--fg:#fff;--bg:#fff;--lychgate:none}',
  'flex row body': 'body{display:flex;margin:0}main{flex:1}',
  columns: 'body{columns:3}',
  'grid body, centred': 'body{display:grid;place-items:center;min-height:100vh}',
  'right to left': 'html{direction:rtl}',
  'right to left flex row': 'html{direction:rtl}body{display:flex}',
  floats: 'header,main{float:left;width:50%}',
};

// With banner = "bottom" the owner of a site laid out in a row or in columns
// gets the question fixed to the bottom.
const bottomLayouts = {
  plain: '',
  'flex row body': 'body{display:flex;margin:0}main{flex:1}',
  'columns': 'body{columns:3}',
  'full-page fixed main': 'main{position:fixed;inset:0;background:#fff;overflow:auto;z-index:50}',
  'fixed footer': 'footer{position:fixed;bottom:0;left:0;right:0;height:70px;background:#222;z-index:9999}',
  'grid body': layouts['grid body'],
  'last child hidden': 'body>:last-child{display:none!important}',
};

const page = (css) => `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Layout</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><style>${css}</style></head>
<body><header><a href="/elsewhere">Home</a></header><main><h1>Heading</h1>${text}</main><footer>Foot</footer></body></html>`;

const slug = (name) => `/${name.replace(/\W+/g, '-')}.html`;
const site = (all) => Object.fromEntries(Object.entries(all).map(([name, css]) => [slug(name), page(css)]));

const work = await openWorkplace();
const upstream = await serveFiles(work, {
  pages: { ...site(bottomLayouts), ...site(layouts), [slug('no language')]: page('').replace(' lang="en"', '') },
});
const top = await startGateway(work, { upstream: upstream.url });
const bottom = await startGateway(work, { upstream: upstream.url, site: 'banner = "bottom"' });
const browser = await startChromium(work);

for (const [place, url, all] of [['first in the body', top.url, layouts], ['at the bottom', bottom.url, bottomLayouts]]) {
  describe(`the question ${place} is usable`, async () => {
    // One window for all: a new one costs more than the page.
    const page = await browser.newPage();
    for (const name of Object.keys(all)) {
      test(name, async () => {
        await page.context().clearCookies();
        await page.setViewportSize({ width: 1280, height: 800 });
        await page.goto(url + slug(name));
        await assertWithin(page, 1280);
        await assertUsable(page);

        await page.setViewportSize({ width: 320, height: 640 });
        const box = await assertWithin(page, 320);
        if (place === 'at the bottom') assert.ok(box.height <= 640 * 0.4 + 1, `it is ${box.height} of 640 high`);
        await assertUsable(page);

        // No style keeps a form from being sent once its button is hit.
        if (!every && name !== 'plain') return;
        await decide(page, 'decline');
        assert.ok(!await isAsked(page));
      });
    }
  });
}

test('both answers are in sight where the window is low', async (t) => {
  const { page } = await visitor(t, browser);
  for (const [width, height] of [[740, 360], [320, 256]]) {
    await page.setViewportSize({ width, height });
    await page.goto(bottom.url + slug('plain'));
    const { accept, decline } = question(page);
    for (const button of [accept, decline]) {
      const box = await button.boundingBox();
      assert.ok(box.y + box.height <= height, `at ${width}x${height} a button ends at ${box.y + box.height}`);
      assert.ok(await button.evaluate((b) => {
        const { x, y, width, height } = b.getBoundingClientRect();
        return [y + 2, y + height - 2].every((at) => b.getRootNode().elementFromPoint(x + width / 2, at) === b);
      }), `at ${width}x${height} a button is cut off`);
    }
  }
});

test('on the smallest screen the site is in sight under the question, in every language', async (t) => {
  const { context, page } = await visitor(t, browser, { viewport: { width: 320, height: 640 } });
  await page.goto(top.url + slug('plain'));
  for (const file of await readdir(path.join(root, 'banner/locales'))) {
    const lang = path.basename(file, '.json');
    const answer = await context.request.get(top.url + slug('no language'), { headers: { Accept: 'text/html', 'Accept-Language': lang } });
    const piece = /<section id="lychgate".*?<\/section>/s.exec(await answer.text())[0];
    assert.match(piece, new RegExp(` lang="${lang}"`));
    // Parsing the piece into the open page is many times faster than loading one.
    const height = await page.evaluate((html) => {
      document.body.setHTMLUnsafe(html);
      return document.querySelector('#lychgate').getBoundingClientRect().height;
    }, piece);
    assert.ok(height > 0 && height <= 640 * 0.3, `${lang}: it covers ${height} of 640`);
  }
});

test('what stands for a film on a phone shows all it says, and the press also where a player is low, in every language', async (t) => {
  const film = '<!doctype html><title>Film</title><iframe width="320" height="180" src="https://www.youtube.com/embed/zero"></iframe>';
  const site = await serveFiles(work, { pages: { '/': film } });
  const gateway = await startGateway(work, { upstream: site.url });
  const { context, page } = await visitor(t, browser, { viewport: { width: 360, height: 640 } });
  await page.goto(gateway.url);
  for (const file of await readdir(path.join(root, 'banner/locales'))) {
    const lang = path.basename(file, '.json');
    const answer = await context.request.get(gateway.url, { headers: { Accept: 'text/html', 'Accept-Language': lang } });
    const overflow = await page.evaluate((html) => new Promise((resolve) => {
      const held = new DOMParser().parseFromString(html, 'text/html').querySelector('iframe');
      const frame = document.querySelector('iframe');
      frame.onload = () => {
        const { documentElement: shown } = frame.contentDocument;
        const film = { height: shown.scrollHeight - frame.clientHeight, links: frame.contentDocument.links.length };
        frame.height = 80;
        const press = frame.contentDocument.querySelector('.show').getBoundingClientRect();
        frame.height = 180;
        resolve({ lang: shown.lang, ...film, sound: press.top >= 0 && press.bottom <= 80 && press.height >= 44 });
      };
      frame.srcdoc = held.srcdoc;
    }), await answer.text());
    // Two links, and the press to show it, which over plain http is a button.
    assert.deepEqual(overflow, { lang, height: 0, links: 2, sound: true });
  }
});

// assertWithin fails unless the question takes the width of the window, no more.
async function assertWithin(page, width) {
  const box = await question(page).region.boundingBox();
  assert.ok(box.x >= -0.5 && box.x + box.width <= width + 0.5, `at ${width} px it reaches from ${box.x} to ${box.x + box.width}`);
  assert.ok(box.width > width * 0.8, `at ${width} px it is ${box.width} wide`);
  return box;
}

test('text at twice the size stays readable and does not overflow', async (t) => {
  const { page } = await visitor(t, browser, { viewport: { width: 640, height: 800 } });
  await page.goto(top.url + slug('plain'));
  const before = await question(page).accept.evaluate((b) => parseFloat(getComputedStyle(b).fontSize));
  const client = await page.context().newCDPSession(page);
  await client.send('Page.setFontSizes', { fontSizes: { standard: 32, fixed: 26 } });
  await page.reload();
  await assertUsable(page);
  const after = await question(page).accept.evaluate((b) => parseFloat(getComputedStyle(b).fontSize));
  assert.ok(after >= before * 1.9, `button text grows from ${before} to ${after}`);
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
});

test('scripts that swallow clicks and submits do not swallow the answer', async (t) => {
  const swallow = `<script>
    document.addEventListener('submit', (e) => e.preventDefault(), true);
    addEventListener('submit', (e) => { e.preventDefault(); e.stopImmediatePropagation(); }, true);
    document.addEventListener('click', (e) => { if (e.target.closest('button,form,a')) e.preventDefault(); });
  </script>`;
  const hostile = await serveFiles(work, { pages: { '/swallow.html': page('').replace('</head>', `${swallow}</head>`) } });
  const gateway = await startGateway(work, { upstream: hostile.url });
  for (const answer of ['accept', 'decline']) {
    const { page } = await visitor(t, browser);
    await page.goto(`${gateway.url}/swallow.html`);
    await decide(page, answer);
    assert.ok(!await isAsked(page));
  }
});

test('the question is not printed', async (t) => {
  const { page } = await visitor(t, browser);
  await page.goto(top.url + slug('plain'));
  await page.emulateMedia({ media: 'print' });
  assert.ok(!await question(page).region.isVisible());
});
