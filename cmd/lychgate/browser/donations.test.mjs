// Gifts come in, whatever a visitor answers. Payment and donation widgets work
// before any answer, after a no and after a yes, beside a tracker that hears of
// nobody until the yes. The widgets are stand-ins of our own that do what the real
// ones do: load by script, frame a form, ask their own server, send the browser on.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { startChromium, visitor } from './lib/chromium.mjs';
import { consentPath, decide, isAsked } from './lib/consent.mjs';
import { serveFiles } from './lib/fileserver.mjs';
import { startGateway } from './lib/gateway.mjs';
import { startTrackers } from './lib/trackers.mjs';
import { openWorkplace } from './lib/workplace.mjs';

const script = (body) => ({ type: 'text/javascript', body });
const html = (body) => ({ type: 'text/html', body: `<!doctype html><html lang="en"><title>Pay</title>${body}</html>` });

const services = {
  // A script that frames a card field, and pays through its own server.
  'js.stripe.com/v3/': script(`window.Stripe = () => ({
    mount(box) {
      const frame = Object.assign(document.createElement('iframe'), { src: 'https://js.stripe.com/v3/card.html', name: 'card', title: 'Card', width: 300, height: 60 });
      box.append(frame);
    },
    pay: () => fetch('https://api.stripe.com/v1/payment.json', { method: 'POST', body: 'amount=5' }).then((r) => r.json()),
  });`),
  'js.stripe.com/v3/card.html': html('<input aria-label="Card number">'),
  'api.stripe.com/v1/payment.json': { type: 'application/json', body: '{"paid":true}' },
  // A script that makes an element of its own, with pictures and styles.
  'widgets.givebutter.com/latest.umd.cjs': script(`customElements.define('givebutter-widget', class extends HTMLElement {
    connectedCallback() {
      this.attachShadow({ mode: 'open' }).innerHTML = '<style>@import "https://widgets.givebutter.com/widget.css"</style><iframe title="Give" src="https://givebutter.com/embed/c/zero.html" width="300" height="80"></iframe>';
    }
  });`),
  'givebutter.com/embed/c/zero.html': html('<button onclick="this.textContent = \'Thank you\'">Give</button>'),
  // A plain frame, which needs no script of the page.
  'donorbox.org/embed/zero': html('<form action="https://donorbox.org/thanks.html" method="post"><button>Give</button></form>'),
  'donorbox.org/thanks.html': html('<h1>Thank you</h1>'),
  'www.paypal.com/donate': html('<h1>Give by PayPal</h1>'),
  // Asked for by the site's own script only.
  'gateway.sumup.com/gateway/ecom/card/v2/sdk.js': script('document.getElementById("sumup").textContent = "ready";'),
};

const give = `<!DOCTYPE html><html lang="en"><head><title>Give</title>
<script src="https://www.googletagmanager.com/gtm.js?id=GTM-0"></script>
<script src="https://js.stripe.com/v3/"></script></head><body><h1>Give</h1>
<div id="card"></div><button id="pay">Pay</button><p id="said"></p>
<script>
  const stripe = window.Stripe && Stripe('pk');
  if (stripe) stripe.mount(document.getElementById('card'));
  document.getElementById('pay').onclick = () => stripe.pay().then((r) => { document.getElementById('said').textContent = r.paid ? 'paid' : 'failed'; });
</script>
<givebutter-widget id="zero"></givebutter-widget><script src="https://widgets.givebutter.com/latest.umd.cjs" async></script>
<iframe id="donorbox" title="Donorbox" src="https://donorbox.org/embed/zero" width="300" height="80" allow="payment"></iframe>
<p id="sumup"></p><script src="/pay.js"></script>
<form id="paypal" action="https://www.paypal.com/donate" method="post"><input type="hidden" name="hosted_button_id" value="0"><button>PayPal</button></form>
</body></html>`;
const own = { headers: { 'Content-Type': 'text/javascript' }, body: `(() => { const s = document.createElement('script'); s.src = 'https://gateway.sumup.com/gateway/ecom/card/v2/sdk.js'; document.body.append(s); })();` };
const start = '<!DOCTYPE html><html lang="en"><title>Start</title><h1>Start</h1><a href="/give.html">Give</a></html>';

const work = await openWorkplace();
const others = await startTrackers(work, { pages: services });
const upstream = await serveFiles(work, { pages: { '/': start, '/give.html': give, '/pay.js': own } });

const browser = await startChromium(work, { trackers: others });

for (const https of [true, false]) {
  describe(https ? 'https' : 'http', async () => {
    const gateway = await startGateway(work, { upstream: upstream.url, https, trackers: others });
    for (const answer of https ? ['none', 'decline', 'accept'] : ['none']) {
      test(`with JavaScript, answer ${answer}`, async (t) => {
        const { page, trackers } = await visit(t, gateway, { answer });
        await page.frame({ name: 'card' }).getByLabel('Card number').fill('4242');
        await page.locator('#pay').click();
        await page.locator('#said', { hasText: 'paid' }).waitFor();
        await page.locator('#sumup', { hasText: 'ready' }).waitFor();
        const butter = page.frameLocator('iframe[title=Give]');
        await butter.getByRole('button').click();
        await butter.getByText('Thank you').waitFor();
        await givesByForms(page);
        assert.equal((await trackers()).length > 0, answer === 'accept', 'the tracker');
      });
    }
    test('without JavaScript, unanswered', async (t) => {
      const { page, trackers } = await visit(t, gateway, { javaScript: false });
      await givesByForms(page);
      assert.deepEqual(await trackers(), []);
    });
  });
}

test('the page of choices names them', async (t) => {
  const gateway = await startGateway(work, { upstream: upstream.url, trackers: others });
  const { page } = await visitor(t, browser);
  await page.goto(gateway.url + consentPath);
  for (const name of ['Stripe', 'Donorbox', 'Givebutter', 'SumUp']) assert.ok(await page.getByText(name).count() > 0, name);
});

// visit opens the page of gifts as somebody new who has answered. trackers lists
// what was asked of the tracker since.
async function visit(t, gateway, { answer = 'none', javaScript = true }) {
  const { page } = await visitor(t, browser, { javaScript });
  const mark = others.record.length;
  await page.goto(`${gateway.named}/give.html`);
  if (answer !== 'none') await decide(page, answer);
  assert.equal(await isAsked(page), answer === 'none');
  return {
    page,
    trackers: async () => {
      await others.quiet();
      return others.record.slice(mark).filter((e) => /googletagmanager/.test(e.host));
    },
  };
}

// givesByForms gives in the frame, then by the form that leaves the site.
async function givesByForms(page) {
  const frame = page.frameLocator('#donorbox');
  await frame.getByRole('button').click();
  await frame.getByRole('heading', { name: 'Thank you' }).waitFor();
  await Promise.all([page.waitForURL('https://www.paypal.com/donate'), page.locator('#paypal button').click()]);
  await page.getByRole('heading', { name: 'Give by PayPal' }).waitFor();
}
