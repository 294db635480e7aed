// What one test file shares: a scratch folder, a certificate, and the list of
// things to close when the file is through.
import { execFile } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { after } from 'node:test';

const run = promisify(execFile);

// elsewhere are hosts of others from which the gateway fetches what it relays; it
// looks at their certificates as it does anywhere.
const elsewhere = ['*.tracker.test', '*.pictures.test', 'fonts.googleapis.com', 'fonts.gstatic.com'];

// openWorkplace makes the scratch folder and removes it after the file's tests,
// having closed everything that was handed to use, the last first.
export async function openWorkplace() {
  const dir = await mkdtemp(path.join(tmpdir(), 'lychgate-browser-'));
  const closers = [];
  after(async () => {
    for (const close of closers.reverse()) await close();
    await rm(dir, { recursive: true, force: true, maxRetries: 5 });
  });
  return {
    dir,
    closeLast: (close) => closers.push(close),
    folder: (name) => mkdtemp(path.join(dir, `${name}-`)),
    certificate: await makeCertificate(dir),
  };
}

// makeCertificate makes a key and a certificate signed by itself. Chromium is
// told to trust the key by the hash of its SubjectPublicKeyInfo: with errors
// merely ignored it keeps nothing in its HTTP cache, and Back tests would lie.
async function makeCertificate(dir) {
  const keyFile = path.join(dir, 'key.pem');
  const certFile = path.join(dir, 'cert.pem');
  await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
    '-keyout', keyFile, '-out', certFile, '-days', '30', '-subj', '/CN=site.test',
    '-addext', `subjectAltName=${['site.test', '*.site.test', 'localhost', ...elsewhere].map((h) => `DNS:${h}`).join(',')},IP:127.0.0.1`]);
  const [key, cert] = await Promise.all([readFile(keyFile), readFile(certFile)]);
  const spki = new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' });
  return { keyFile, certFile, key, cert, spki: createHash('sha256').update(spki).digest('base64') };
}
