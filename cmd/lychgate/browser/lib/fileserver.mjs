// A plain file server: the site as it is without lychgate, and the upstream
// behind it. Pages can also be given as text.
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { createServer as createTLSServer } from 'node:https';
import path from 'node:path';

const types = {
  '.html': 'text/html; charset=utf-8', '.css': 'text/css; charset=utf-8', '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8', '.json': 'application/json', '.svg': 'image/svg+xml', '.png': 'image/png',
  '.jpg': 'image/jpeg', '.gif': 'image/gif', '.ico': 'image/x-icon', '.woff': 'font/woff', '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8', '.xml': 'application/xml', '.xhtml': 'application/xhtml+xml',
};

// serveFiles serves dir, and before it pages: a map from path to text, or to
// {body, headers, status}. It records every request it sees.
export async function serveFiles(work, { dir, pages = {}, tls = false }) {
  const requests = [];
  const answer = async (request, response) => {
    requests.push({ method: request.method, url: request.url, headers: request.headers });
    const pathname = decodeURIComponent(new URL(request.url, 'http://x').pathname);
    if (pathname in pages) return sendPage(response, pathname, pages[pathname]);
    return sendFile(response, dir, pathname);
  };
  const { key, cert } = work.certificate;
  const server = tls ? createTLSServer({ key, cert }, answer) : createServer(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  work.closeLast(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address();
  return { port, requests, url: tls ? `https://www.site.test:${port}` : `http://127.0.0.1:${port}` };
}

function sendPage(response, pathname, page) {
  const { body, headers = {}, status = 200 } = typeof page === 'object' && !Buffer.isBuffer(page) ? page : { body: page };
  const type = types[path.extname(pathname)] ?? 'text/html; charset=utf-8';
  response.writeHead(status, { 'Content-Type': type, ...headers });
  response.end(body);
}

async function sendFile(response, dir, pathname) {
  let file = dir && path.join(dir, pathname);
  let info = file && await stat(file).catch(() => null);
  if (info?.isDirectory()) {
    file = path.join(file, 'index.html');
    info = await stat(file).catch(() => null);
  }
  if (!info) {
    response.writeHead(404, { 'Content-Type': 'text/html; charset=utf-8' });
    return response.end('<!doctype html><title>Not found</title><h1>Not found</h1>');
  }
  response.writeHead(200, {
    'Content-Type': types[path.extname(file)] ?? 'application/octet-stream',
    'Content-Length': info.size,
  });
  createReadStream(file).pipe(response);
}
