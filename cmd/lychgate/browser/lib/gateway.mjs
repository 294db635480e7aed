// The program under test, as an operator starts it.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { promisify } from 'node:util';
import { start } from './program.mjs';

const run = promisify(execFile);

// root is the top of the repository.
export const root = path.resolve(import.meta.dirname, '../../../..');

// exampleSite is the folder of the shipped example.
export const exampleSite = path.join(root, 'deploy/example-site');

let built;

// binary is the lychgate to test: LYCHGATE_BIN, or one built now.
export function binary() {
  built ??= process.env.LYCHGATE_BIN
    ? Promise.resolve(process.env.LYCHGATE_BIN)
    : (async () => {
      const out = path.join(root, 'lychgate');
      await run('go', ['build', '-tags', 'browsersuite', '-o', out, './cmd/lychgate'], { cwd: root });
      return out;
    })();
  return built;
}

// startGateway runs `lychgate serve` in front of a folder or an upstream URL.
// site holds further lines of the [[site]] table, config lines before it. What it
// relays it fetches from trackers; without them from nowhere.
export async function startGateway(work, { dir, upstream, https = false, http3 = false, site = '', config = '', trackers }) {
  const folder = await work.folder('gateway');
  const configFile = path.join(folder, 'lychgate.toml');
  const { certFile, keyFile } = work.certificate;
  await writeFile(configFile, `data = ${JSON.stringify(path.join(folder, 'data'))}
${config}
[listen]
${https ? 'https' : 'http'} = "127.0.0.1:0"
http3 = ${http3}
${https ? `[tls]\ncert_file = ${JSON.stringify(certFile)}\nkey_file = ${JSON.stringify(keyFile)}` : ''}
[[site]]
${dir ? `dir = ${JSON.stringify(dir)}` : `upstream = ${JSON.stringify(upstream)}`}
${site}
`);
  const bin = await binary();
  const env = trackers && { LYCHGATE_SUITE_INTERNET: `127.0.0.1:${trackers.port}`, SSL_CERT_FILE: certFile };
  const program = await start(bin, ['serve', '-config', configFile], { env, ready: /^ *site +(https?:\/\/\S+)/m });
  work.closeLast(async () => {
    await program.stop();
    // It goes on after a panic; to a visitor one answer is broken off.
    assert.doesNotMatch(program.output, /panic in a request/);
  });
  const scheme = https ? 'https' : 'http';
  const { port } = new URL(program.match[1]);
  return {
    program, port, folder, configFile,
    // url is where visitors find it: by address, which browsers trust even over
    // plain http, or by name, which they do not.
    url: https ? `https://www.site.test:${port}` : `http://127.0.0.1:${port}`,
    named: `${scheme}://www.site.test:${port}`,
    // signIn is the one-time link to the dashboard.
    signIn: async () => (await program.printed(/^ *sign in +(https?:\/\/\S+)/m))[1],
    // totals is what the gateway has counted, read beside the running program.
    totals: async () => JSON.parse((await run(bin, ['totals', '-config', configFile])).stdout),
  };
}

// until asks again and again until the answer satisfies, and returns it. It is
// for things that reach the disk in their own time, like sums; patience in ms.
// Between the questions it leaves the processor to those it waits for.
export async function until(ask, satisfies, patience = 60_000) {
  const deadline = Date.now() + patience;
  for (let pause = 10; ; pause = Math.min(2 * pause, 250)) {
    const answer = await ask();
    if (satisfies(answer)) return answer;
    if (Date.now() > deadline) throw new Error(`still ${JSON.stringify(answer)} after ${patience} ms`);
    await setTimeout(pause);
  }
}
