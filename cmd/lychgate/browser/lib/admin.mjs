// An admin of the dashboard, as a person at a browser.
import assert from 'node:assert/strict';

export const admin = '/_lychgate/admin/';
export const password = 'otter lantern gravel sixpence';

// signIn uses the one-time link of a first start up and chooses a password.
export async function signIn(page, gateway) {
  const link = new URL(await gateway.signIn());
  await page.goto(new URL(link.pathname, gateway.url).href);
  await page.getByRole('button', { name: 'Sign in now' }).click();
  await page.getByLabel('New password', { exact: true }).fill(password);
  await page.getByLabel('New password again').fill(password);
  await page.getByRole('button', { name: 'Save password' }).click();
  await page.getByText('Your password is saved').waitFor();
}

// signOut ends the session.
export async function signOut(page) {
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.waitForURL(/sign-in/);
}

// assertNoViolations asks axe about a page: WCAG 2.2 A and AA and best practice.
// axe runs through the debugger, so that no policy of the page is in its way.
export async function assertNoViolations(page, axe, what) {
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => axe.run(document, {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'], resultTypes: ['violations'],
  }));
  assert.deepEqual(violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.target.flat().join(' ')}: ${n.failureSummary}`)), [], what);
}
