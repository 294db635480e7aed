// What a visitor sees and does, in the words of the contracts: the section
// #lychgate, its two buttons, and the consent page.
import assert from 'node:assert/strict';

export const consentPath = '/_lychgate/consent';

// question is the banner of a page: its region and the two answers.
export function question(page) {
  const region = page.locator('#lychgate');
  return {
    region,
    accept: region.locator('button[name=decision][value=accept]'),
    decline: region.locator('button[name=decision][value=decline]'),
  };
}

// isAsked says whether the page asks its visitor.
export async function isAsked(page) {
  return await question(page).accept.count() > 0;
}

// decide presses one of the two buttons and waits for the page to come back.
export async function decide(page, answer) {
  await pressAndReturn(page, question(page)[answer]);
}

// withdraw goes to the consent page by the link every decided page carries, and
// takes the yes back with one press.
export async function withdraw(page) {
  await Promise.all([
    page.waitForURL((url) => url.pathname === consentPath),
    choicesLink(page).first().click(),
  ]);
  await pressAndReturn(page, page.locator('button[name=decision][value=withdraw]'));
}

// choicesLink is the way back: the link to the consent page outside the banner.
export function choicesLink(page) {
  return page.locator(`a[href*="${consentPath}"]:visible`);
}

async function pressAndReturn(page, button) {
  const answered = page.waitForResponse((r) => r.request().method() === 'POST' && new URL(r.url()).pathname === consentPath);
  await Promise.all([page.waitForURL(/#lychgate$/, { waitUntil: 'load' }), button.click()]);
  assert.equal((await answered).status(), 303, 'the answer to a decision is 303');
}

// decision goes to the consent page of the site that is open and returns what it
// says about this visitor: accept, decline or none.
export async function decision(page) {
  await page.goto(new URL(consentPath, page.url()).href);
  return page.locator('main').getAttribute('data-decision');
}

// storage is everything the page's origin keeps in this browser.
export async function storage(page) {
  return page.evaluate(async () => ({
    document: document.cookie,
    local: Object.keys(localStorage),
    session: Object.keys(sessionStorage),
    indexed: (await indexedDB.databases()).map((d) => d.name),
    caches: window.caches ? await caches.keys() : [],
    workers: navigator.serviceWorker ? (await navigator.serviceWorker.getRegistrations()).length : 0,
    name: window.name,
  }));
}

// assertNothingStored fails unless the browser keeps nothing at all of this visit.
export async function assertNothingStored(context, page) {
  assert.deepEqual(await context.cookies(), [], 'no cookie');
  assert.deepEqual(await storage(page), {
    document: '', local: [], session: [], indexed: [], caches: [], workers: 0, name: '',
  }, 'no storage');
}
