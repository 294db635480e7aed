// The question under hard conditions: no JavaScript, strict policies of the site,
// Global Privacy Control, quirks mode, AMP, XHTML, and a browser without what was
// new in the last years. What each visitor gets is printed as a table; whoever is
// not asked is told nothing, and whoever gets a link can answer behind it.
import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { startChromium, visitor } from './lib/chromium.mjs';
import { every } from './lib/combinations.mjs';
import { assertNothingStored, choicesLink, consentPath, decide, decision, isAsked, question } from './lib/consent.mjs';
import { serveFiles } from './lib/fileserver.mjs';
import { startGateway } from './lib/gateway.mjs';
import { assertUsable } from './lib/usable.mjs';
import { openWorkplace } from './lib/workplace.mjs';

const body = '<main><h1>Heading</h1><p>Text.</p></main></body></html>';
const page = (head = '') => `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Page</title>
<meta name="viewport" content="width=device-width,initial-scale=1">${head}</head><body>${body}`;
const policy = (...values) => ({ body: page(), headers: { 'Content-Security-Policy': values } });

// Each condition: the page, what its visitor is to get, and how the visitor comes.
const conditions = {
  'JavaScript off': { page: page(), gets: 'question', javaScript: false },
  "default-src 'self'": { page: { ...policy("default-src 'self'"), body: page('<link rel="stylesheet" href="/own.css">') }, gets: 'question', styled: true },
  "style-src 'unsafe-inline'": { page: { ...policy("style-src 'unsafe-inline'"), body: page('<style>h1{color:rgb(1,2,3)}</style>') }, gets: 'question', styled: true },
  "default-src 'none'": { page: policy("default-src 'none'"), gets: 'question' },
  'nonces only': { page: policy("default-src 'self'; script-src 'nonce-abc'; style-src 'nonce-abc'"), gets: 'question' },
  'hashes only': { page: policy("style-src 'sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='"), gets: 'question' },
  'style-src-elem, form-action none': { page: policy("style-src-elem 'self'; form-action 'none'"), gets: 'question' },
  'two policies at once': { page: policy("default-src 'self'", "style-src 'self'; form-action https://pay.example"), gets: 'question' },
  'policy in the page': { page: page(`<meta http-equiv="Content-Security-Policy" content="default-src 'self'">`), gets: 'question' },
  "require-trusted-types-for 'script'": { page: policy("require-trusted-types-for 'script'; default-src 'self'"), gets: 'question' },
  'sandbox without forms': { page: policy('sandbox allow-scripts allow-same-origin allow-top-navigation'), gets: 'link' },
  'Referrer-Policy: no-referrer': { page: { body: page(), headers: { 'Referrer-Policy': 'no-referrer' } }, gets: 'question' },
  'Global Privacy Control': { page: page(), gets: 'nothing', extraHTTPHeaders: { 'Sec-GPC': '1' } },
  'quirks mode': { page: `<title>Page</title>${body}`, gets: 'question', quirks: true },
  'no head, no body': { page: '<p>Text.', gets: 'question', quirks: true },
  AMP: { page: `<!doctype html><html amp lang="en"><head><meta charset="utf-8"><title>Page</title></head><body>${body}`, gets: 'link' },
  XHTML: {
    page: {
      headers: { 'Content-Type': 'application/xhtml+xml' },
      body: `<?xml version="1.0" encoding="utf-8"?><html xmlns="http://www.w3.org/1999/xhtml" lang="en"><head><title>Page</title></head><body><h1>Heading</h1></body></html>`,
    },
    gets: 'question',
  },
  'latin-1': { page: { headers: { 'Content-Type': 'text/html; charset=iso-8859-1' }, body: Buffer.from(page().replace('Text', 'T\u00e9xt'), 'latin1') }, gets: 'question' },
  'an old browser': { page: page(), gets: 'link', old: true },
  'an old browser without JavaScript': { page: page(), gets: 'link', old: true, javaScript: false },
};

const slug = (name) => `/${name.replace(/\W+/g, '-')}.${name === 'XHTML' ? 'xhtml' : 'html'}`;
const work = await openWorkplace();
const pages = Object.fromEntries(Object.entries(conditions).map(([name, c]) => [slug(name), c.page]));
const upstream = await serveFiles(work, { pages: { ...pages, '/own.css': 'h1{color:rgb(1,2,3)}', '/': page() } });
const gateway = await startGateway(work, { upstream: upstream.url });
const browser = await startChromium(work);

const table = {};
after(() => console.table(table));

describe('the question', { concurrency: 2 }, () => {
  for (const [i, [name, condition]] of Object.entries(conditions).entries()) {
    test(name, async (t) => {
      const { gets } = condition;
      const row = { gets };
      // Both answers go the same way: without every combination they take turns.
      const answers = every ? ['accept', 'decline'] : [['accept', 'decline'][i % 2]];
      for (const answer of gets === 'nothing' ? [''] : answers) {
        const { context, page, violations } = await arrive(t, name, condition);
        await assertNothingStored(context, page);
        assert.equal(await isAsked(page), gets === 'question');
        assert.ok(await choicesLink(page).count() > 0, 'the way to the choices is there');
        if (condition.styled) assert.equal(await page.locator('h1').evaluate((h) => getComputedStyle(h).color), 'rgb(1, 2, 3)', 'the site keeps its own style');
        if (condition.quirks) assert.equal(await page.evaluate(() => document.compatMode), 'BackCompat');
        if (gets === 'question') {
          await assertUsable(page);
          await decide(page, answer);
          assert.ok(await page.locator('#lychgate').isVisible(), 'the answer is confirmed');
        } else if (gets === 'link') {
          await answerBehindTheLink(page, answer);
        }
        if (answer) {
          row[answer] = await decision(page);
          assert.equal(row[answer], answer);
          await page.goto(gateway.url + slug(name));
          assert.ok(!await isAsked(page), 'and is not asked for again');
        }
        assert.deepEqual(violations, [], 'no policy is violated');
      }
      table[name] = row;
    });
  }
});

// arrive is a first visit under a condition, on an old phone's screen.
async function arrive(t, name, { javaScript, extraHTTPHeaders, old }) {
  const v = await visitor(t, browser, { javaScript, extraHTTPHeaders, viewport: { width: 360, height: 740 } });
  if (old) await beOld(v.page);
  v.violations = [];
  v.page.on('console', (m) => { if (/violates the following Content Security Policy/.test(m.text())) v.violations.push(m.text()); });
  await v.page.goto(gateway.url + slug(name));
  return v;
}

// answerBehindTheLink goes to the consent page and presses a button there.
async function answerBehindTheLink(page, answer) {
  await Promise.all([page.waitForURL((u) => u.pathname === consentPath), choicesLink(page).first().click()]);
  const button = page.locator(`button[name=decision][value=${answer}]`);
  const box = await button.boundingBox();
  assert.ok(box.height >= 44 && box.x >= 0 && box.x + box.width <= 360, `the button is ${JSON.stringify(box)}`);
  await Promise.all([page.waitForURL(/#lychgate$/), button.click()]);
}

// What a browser of 2019 ignores: declarative shadow roots, and in style sheets
// the names and functions that came later. It keeps what it knows.
const unknown = [
  [/ shadowrootmode="open"/g, ''],
  [/(?<=[{;])(?:inset|gap|place-self|accent-color|color-scheme|overflow-wrap|margin-inline-end|padding-inline[a-z-]*|padding-block|border-inline-start|content-visibility)\s*:[^;}]*;?/g, ''],
  [/(?<=[{;])[a-z-]+:[^;{}]*\b(?:min|max|clamp)\([^;{}]*;?/g, ''],
  [/[^{}]*:focus-visible[^{}]*\{[^{}]*\}/g, ''],
];

// beOld makes the pages of a visitor what an old browser would make of them.
// Their policies would refuse the changed styles, which no old browser changes.
async function beOld(page) {
  await page.route('**/*', async (route) => {
    if (!route.request().isNavigationRequest() || route.request().method() !== 'GET') return route.continue();
    const response = await route.fetch({ maxRedirects: 0 });
    const headers = response.headers();
    delete headers['content-security-policy'];
    const text = unknown.reduce((s, [pattern, by]) => s.replace(pattern, by), await response.text());
    return route.fulfill({ response, headers, body: text });
  });
}
