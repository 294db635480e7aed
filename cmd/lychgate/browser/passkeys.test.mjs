// A passkey is made, signs in by itself and after the password, and is taken
// away, on a device that Chromium plays; without JavaScript the other ways in
// are complete. No page runs any script but our own one.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { admin, password, signIn, signOut } from './lib/admin.mjs';
import { startChromium, visitor } from './lib/chromium.mjs';
import { exampleSite, startGateway } from './lib/gateway.mjs';
import { openWorkplace } from './lib/workplace.mjs';

const work = await openWorkplace();
const gateway = await startGateway(work, { dir: exampleSite, https: true });
const browser = await startChromium(work);
const at = (path) => gateway.url + admin + path;

test('a passkey is added, used and removed', async (t) => {
  const { page } = await visitor(t, browser);
  const device = await addDevice(page);
  await signIn(page, gateway);

  await page.goto(at('account/passkeys'));
  await page.getByLabel('What do you call this device?').fill('Sam’s phone');
  await page.getByLabel('Your password, once more').fill(password);
  await page.getByRole('button', { name: 'Add a passkey' }).click();
  await page.getByText('not used yet').waitFor();
  const { credentials } = await device.client.send('WebAuthn.getCredentials', { authenticatorId: device.authenticatorId });
  assert.equal(credentials.length, 1);
  assert.equal(credentials[0].rpId, 'www.site.test');
  assert.equal(credentials[0].isResidentCredential, true);

  await t.test('a second one on the same device is refused by the device', async () => {
    await page.getByLabel('What do you call this device?').fill('again');
    await page.locator('form[data-passkey] input[name=password]').fill(password);
    await page.getByRole('button', { name: 'Add a passkey' }).click();
    await page.getByText('This device has a passkey for you already').waitFor();
  });
  await t.test('it signs in by itself, and leads on', async () => {
    await signOut(page);
    await page.goto(at('sites/default/gate'));
    await page.waitForURL(/sign-in/);
    await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
    await page.getByRole('heading', { name: 'The gate', exact: true }).waitFor();
  });
  await t.test('it is asked for after the password', async () => {
    await signOut(page);
    await page.getByLabel('Name').fill('owner');
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.getByRole('button', { name: 'Use your passkey' }).click();
    await page.locator('.sentence').waitFor();
  });
  await t.test('a device that cannot make sure of its owner does not sign in', async () => {
    await signOut(page);
    await device.client.send('WebAuthn.setUserVerified', { authenticatorId: device.authenticatorId, isUserVerified: false });
    await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
    await page.getByText('That did not work, or was cancelled').waitFor();
    await device.client.send('WebAuthn.setUserVerified', { authenticatorId: device.authenticatorId, isUserVerified: true });
    await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
    await page.locator('.sentence').waitFor();
  });
  await t.test('without JavaScript it is not offered, and nothing is missing', async (t) => {
    const { page: plain } = await visitor(t, browser, { javaScript: false });
    await plain.goto(at('sign-in'));
    assert.equal(await plain.getByRole('button', { name: 'Sign in with a passkey' }).count(), 0);
    await plain.getByLabel('Name').fill('owner');
    await plain.getByLabel('Password').fill(password);
    await plain.getByRole('button', { name: 'Sign in' }).click();
    await plain.getByText('Your passkey needs a browser with JavaScript').waitFor();
  });
  await t.test('removed, the password is enough again', async () => {
    await page.goto(at('account/passkeys'));
    await page.getByText('Remove').first().click();
    await page.locator('.people input[name=password]').fill(password);
    await page.getByRole('button', { name: 'Remove' }).click();
    await page.waitForLoadState();
    await signOut(page);
    await page.getByRole('button', { name: 'Sign in with a passkey' }).click();
    await page.getByText('This passkey is not known here').waitFor();
    await page.getByLabel('Name').fill('owner');
    await page.getByLabel('Password').fill(password);
    await page.getByRole('button', { name: 'Sign in', exact: true }).click();
    await page.locator('.sentence').waitFor();
  });
});

test('the policy lets our one script run and no other', async (t) => {
  const { page } = await visitor(t, browser);
  await page.goto(at('sign-in'));
  const ran = await page.evaluate(async () => {
    const add = (fill) => new Promise((done) => {
      const s = document.createElement('script');
      fill(s);
      s.onload = () => done('ran');
      s.onerror = () => done('refused');
      document.head.append(s);
      if (!s.src) done(window.leaked ?? 'refused'); // it runs as it is put in, or never
    });
    return Promise.all([
      add((s) => { s.src = document.querySelector('script[src]').src; }),
      add((s) => { s.src = '/anything.js'; }), // of the website on the same origin
      add((s) => { s.textContent = 'window.leaked = "ran"'; }),
    ]);
  });
  assert.deepEqual(ran, ['ran', 'refused', 'refused']);
});

// addDevice gives the browser a device with a sensor that knows its owner.
async function addDevice(page) {
  const client = await page.context().newCDPSession(page);
  await client.send('WebAuthn.enable');
  const { authenticatorId } = await client.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true,
      isUserVerified: true, automaticPresenceSimulation: true,
    },
  });
  return { authenticatorId, client };
}
