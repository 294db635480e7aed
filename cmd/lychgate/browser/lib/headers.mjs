// A proxy in front of the gateway that takes headers away: the control that
// shows what would happen without them.
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';

// startWithout passes everything to the gateway and back, but for the response
// headers named. Cache-Control is replaced, since without any a browser guesses.
export async function startWithout(work, gateway, names, { tls = false } = {}) {
  const { request, createServer } = tls ? https : http;
  const { key, cert } = work.certificate;
  const server = createServer(tls ? { key, cert } : {}, (incoming, outgoing) => {
    const forward = request({
      host: '127.0.0.1', port: gateway.port, method: incoming.method, path: incoming.url,
      headers: incoming.headers, rejectUnauthorized: false,
    }, (answer) => {
      const headers = { ...answer.headers };
      for (const name of names) delete headers[name];
      if (names.includes('cache-control')) headers['cache-control'] = 'private, no-cache';
      outgoing.writeHead(answer.statusCode, headers);
      answer.pipe(outgoing);
    });
    forward.on('error', () => outgoing.destroy());
    incoming.pipe(forward);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  work.closeLast(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address();
  const scheme = tls ? 'https' : 'http';
  return {
    port,
    url: tls ? `https://www.site.test:${port}` : `http://127.0.0.1:${port}`,
    named: `${scheme}://www.site.test:${port}`,
  };
}
