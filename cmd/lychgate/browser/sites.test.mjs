// Real sites, every page, behind lychgate as upstream and as folder. As folder they
// are the same bytes, and the front pages are looked at, too.
//
// A visitor who said no sees the page as it is without lychgate, pixel for
// pixel, but for the one link to the consent page. A visitor who has not been
// asked yet sees every element where it was, moved down by the height of the
// question; what is fixed to the window, or placed from the top of the page by
// itself, stays. Third parties are out of reach for both sides.
//
// LYCHGATE_TEST_COMBINATIONS=all looks at every page as folder.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startChromium } from './lib/chromium.mjs';
import { every } from './lib/combinations.mjs';
import { choicesLink, decide, question } from './lib/consent.mjs';
import { serveFiles } from './lib/fileserver.mjs';
import { startGateway } from './lib/gateway.mjs';
import { difference } from './lib/pixels.mjs';
import { pagesOf, sites } from './lib/specimens.mjs';
import { openWorkplace } from './lib/workplace.mjs';

const work = await openWorkplace();
const browser = await startChromium(work);
const view = { viewport: { width: 1280, height: 800 }, reducedMotion: 'reduce' };

for (const site of sites) {
  describe(site.name, async () => {
    const without = await serveFiles(work, { dir: site.dir });
    const page = await browser.newPage(view);
    const reference = {};
    for (const path of await pagesOf(site.dir)) {
      await settle(page, without.url + path);
      reference[path] = { boxes: await boxes(page), picture: await picture(page) };
    }

    const gateways = {
      upstream: await startGateway(work, { upstream: without.url }),
      folder: await startGateway(work, { dir: site.dir }),
    };
    for (const [mode, gateway] of Object.entries(gateways)) {
      const undecided = await browser.newPage(view);
      const declined = await browser.newPage(view);
      await declined.goto(gateway.url);
      await decide(declined, 'decline');

      for (const [path, without] of Object.entries(reference)) {
        if (mode === 'folder') {
          test(`${path} is the same as folder`, async () => {
            for (const gpc of ['0', '1']) assert.equal(await source(gateways.folder, path, gpc), await source(gateways.upstream, path, gpc));
          });
          if (!every && path !== '/index.html') continue;
        }
        test(`${path} as ${mode}`, async () => {
          await Promise.all([settle(undecided, gateway.url + path), settle(declined, gateway.url + path)]);

          const shift = (await question(undecided).region.boundingBox()).height;
          assert.ok(shift > 0);
          assert.deepEqual(moved(await boxes(undecided), without.boxes, shift), [], `undecided: shifted by ${shift}`);

          assert.equal(await removeLink(declined), 1, 'one link to the consent page');
          assert.equal(await difference(page, await picture(declined), without.picture), null, 'declined: the same pixels');
        });
      }
    }
  });
}

// source is the text of a page, for somebody who is asked or, with Global Privacy
// Control, has said no. The key that signs what is relayed is each gateway's own.
async function source(gateway, path, gpc) {
  const answer = await fetch(gateway.url + path, { headers: { Accept: 'text/html', 'Accept-Language': 'en', 'Sec-GPC': gpc } });
  assert.equal(answer.status, 200);
  return (await answer.text()).replace(/(?<=\/relay\/)[\w-]+/g, 'signature');
}

async function settle(page, url) {
  await page.goto(url);
  await page.evaluate(() => document.fonts.ready);
}

const picture = (page) => page.screenshot({ fullPage: true, animations: 'disabled' });

// boxes lists every element of the body in document order with its place, but
// for what lychgate added. pinned tells that it is fixed to the window or
// absolute in a body that is not positioned, itself or by an ancestor.
function boxes(page) {
  return page.evaluate(() => {
    const list = [];
    const flowing = getComputedStyle(document.body).position === 'static';
    const visit = (element, inherited) => {
      if (['lychgate', 'lychgate-link'].includes(element.id || element.localName)) return;
      if (['SCRIPT', 'STYLE', 'NOSCRIPT', 'TEMPLATE'].includes(element.tagName)) return;
      const { position } = getComputedStyle(element);
      const pinned = inherited || position === 'fixed' || (position === 'absolute' && flowing && element.offsetParent === document.body);
      const b = element.getBoundingClientRect();
      list.push({ tag: element.tagName, class: element.className, x: b.x, y: b.y + scrollY, width: b.width, height: b.height, pinned });
      for (const child of element.children) visit(child, pinned);
    };
    for (const child of document.body.children) visit(child, false);
    return list;
  });
}

// moved lists the elements that are not where they should be.
function moved(got, want, shift) {
  if (got.length !== want.length) return [`${got.length} elements, want ${want.length}`];
  const close = (a, b) => Math.abs(a - b) < 0.51;
  return want.flatMap((w, i) => {
    const g = got[i];
    const y = w.pinned ? w.y : w.y + shift;
    const same = g.tag === w.tag && close(g.x, w.x) && close(g.width, w.width) && close(g.height, w.height)
      && (close(g.y, y) || (g.width === 0 && g.height === 0));
    return same ? [] : [`${w.tag}.${w.class}: ${JSON.stringify([g.x, g.y, g.width, g.height])}, want ${JSON.stringify([w.x, y, w.width, w.height])}`];
  });
}

// removeLink takes out the one line that decided pages get at their end and
// returns how many links to the consent page there were. No style could hide it:
// it is made to hold against the site's.
async function removeLink(page) {
  const links = await choicesLink(page).all();
  for (const link of links) await link.evaluate((a) => (a.getRootNode().host ?? a.parentElement).remove());
  return links.length;
}
