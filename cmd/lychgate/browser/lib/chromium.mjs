// A real Chromium, started by ourselves.
//
// Playwright's own launcher switches the back/forward cache off, and that cache
// is part of what is tested. So the browser is started here with flags that only
// silence its background traffic, and Playwright connects to it over CDP.
import { chromium } from 'playwright-core';
import { until } from './gateway.mjs';
import { start } from './program.mjs';

// Silent, and still: without partial raster and sub-pixel text the same page is
// always the same picture. The suggestions below the address bar, which nobody
// sees, are a page too: each window would load and run it in a process of its own.
// Nor does it keep a process ready for a page that may come.
const flagsAlways = [
  '--headless', '--no-sandbox', '--disable-gpu', '--no-first-run', '--no-default-browser-check',
  '--disable-background-networking', '--disable-component-update', '--disable-domain-reliability', '--disable-sync',
  '--metrics-recording-only', '--password-store=basic', '--disable-dev-shm-usage', '--hide-scrollbars',
  '--font-render-hinting=none', '--disable-partial-raster', '--disable-lcd-text', '--force-device-scale-factor=1',
  '--disable-features=OptimizationHints,MediaRouter,DialMediaRouteProvider,Translate,AutofillServerCommunication,WebUIOmniboxPopup,WebUIOmniboxFullPopup,WebUIOmniboxAimPopup,SpareRendererForSitePerProcess',
];

// startProgram starts the browser, on a page if one is given. Every *.site.test is
// this machine at the port in the URL, and every other host is the recording
// server, or nowhere when there is none. It speaks HTTP/3 with the one host and
// port in quic, which it would not with a certificate that it does not know.
async function startProgram(work, { trackers, flags = [], profile, quic, page = 'about:blank' }) {
  const elsewhere = trackers ? `127.0.0.1:${trackers.port}` : '~NOTFOUND';
  return start(process.env.CHROMIUM ?? 'chromium', [
    ...flagsAlways,
    `--user-data-dir=${profile ?? await work.folder('profile')}`,
    `--ignore-certificate-errors-spki-list=${work.certificate.spki}`,
    `--host-resolver-rules=MAP *.site.test 127.0.0.1, MAP * ${elsewhere}, EXCLUDE 127.0.0.1, EXCLUDE localhost`,
    '--remote-debugging-port=0',
    ...(quic ? ['--enable-quic', `--origin-to-force-quic-on=${quic}`] : ['--disable-quic']),
    ...flags,
    page,
  ], { ready: /DevTools listening on (ws:\S+)/ });
}

// startUnwatched shows a page in a browser that no debugger is joined to: what a
// debugger switches off, such as rendering ahead, works there. It must do by
// itself what is to be tested.
export async function startUnwatched(work, options) {
  const program = await startProgram(work, options);
  work.closeLast(() => program.stop());
}

// startChromium starts a browser that is driven.
export async function startChromium(work, options = {}) {
  const program = await startProgram(work, options);
  const browser = await chromium.connectOverCDP(program.match[1]);
  browser.debugger = program.match[1];
  // Closing only parts company with a browser that was joined over CDP; it would
  // live on and send what it has put off.
  browser.end = async () => {
    await browser.close();
    await program.stop();
  };
  // quit has it end by itself, so that it first writes the profile's cookies.
  browser.quit = async () => {
    await (await browser.newBrowserCDPSession()).send('Browser.close');
    await program.exited;
    await browser.close();
  };
  work.closeLast(browser.end);
  return browser;
}

// visitor opens a fresh context, a visitor nobody has seen before, with one page.
export async function visitor(t, browser, { javaScript = true, ...options } = {}) {
  const context = await browser.newContext({
    javaScriptEnabled: javaScript,
    viewport: { width: 1280, height: 800 },
    ...options,
  });
  t.after(() => context.close());
  context.setDefaultTimeout(90_000);
  return { context, page: await context.newPage() };
}

// backTo goes back in the tab's history to the newest entry of a path, as a long
// press on Back does, and returns when that page is shown: loaded anew, or alive
// as it was left. page.goBack fails now and then while the process of a page
// changes; going to an entry can be asked for again without going too far.
export async function backTo(page, pathname) {
  const goes = async () => {
    const session = await page.context().newCDPSession(page);
    try {
      const { entries } = await session.send('Page.getNavigationHistory');
      const entry = entries.findLast((e) => new URL(e.url).pathname === pathname);
      await session.send('Page.navigateToHistoryEntry', { entryId: entry.id });
      return true;
    } catch (error) {
      if (/Not attached to an active page/.test(error)) return false;
      throw error;
    } finally {
      await session.detach();
    }
  };
  await until(goes, (gone) => gone);
  await page.waitForURL((url) => url.pathname === pathname, { waitUntil: 'commit' });
}
