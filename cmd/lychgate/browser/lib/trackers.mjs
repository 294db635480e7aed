// The rest of the internet: one port that plays every third-party host, plain
// and TLS, and writes down every ClientHello, request and datagram it gets.
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createTLSServer } from 'node:https';
import { connect, createServer as createTCPServer } from 'node:net';
import { setTimeout } from 'node:timers/promises';

const pixel = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64');

// A tracker's script does what trackers do: a first-party cookie, storage, and
// a beacon home.
const script = `
if (typeof document === 'object') {
  document.cookie = '_trk=' + Math.random() + '; path=/; max-age=31536000';
  try { localStorage.setItem('_trk', 'script'); sessionStorage.setItem('_trk', 'script'); } catch (e) {}
  navigator.sendBeacon('https://beacon.tracker.test/b.gif', 'x');
}
`;

const answers = {
  js: { type: 'text/javascript', body: script },
  mjs: { type: 'text/javascript', body: 'globalThis.__module = true; export default 1;' },
  css: { type: 'text/css', body: 'body{--tracked:1}' },
  json: { type: 'application/json', body: '{}' },
  html: { type: 'text/html', body: '<!doctype html><title>third party</title><p>third party</p>' },
  woff2: { type: 'font/woff2', body: '' },
  vtt: { type: 'text/vtt', body: 'WEBVTT\n' },
  svg: { type: 'image/svg+xml', body: '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>' },
};

// pictures are what a host answers that only shows: cached, without a cookie.
const pictures = {
  gif: { type: 'image/gif', body: Buffer.from('R0lGODlhKAAeAIAAAP///wAAACwAAAAAKAAeAAACHoSPqcvtD6OctNqLs968+w+G4kiW5omm6sq27gvH8gUAOw==', 'base64') },
  css: { type: 'text/css', body: '@font-face{font-family:Lato;src:url(https://fonts.gstatic.com/s/lato.woff2)} @font-face{font-family:nice;src:url(nice.woff2)} .relayed{color:rgb(1, 2, 3);font-family:nice;background:url("https://behind.pictures.test/b.gif")}' },
  woff2: { type: 'font/woff2', body: Buffer.from('wOF2') },
};

// browsersOwn are hosts that Chromium itself calls now and then, whatever the
// page. They are answered and not recorded.
const browsersOwn = new Set(['accounts.google.com', 'update.googleapis.com', 'clients2.google.com',
  'optimizationguide-pa.googleapis.com', 'content-autofill.googleapis.com', 'safebrowsing.googleapis.com']);

// gatewaysOwn is the address from which the gateway fetches what it relays.
const gatewaysOwn = '127.0.0.2';

// startTrackers starts the server. Its record is a list of
// {kind: 'handshake' | 'request' | 'datagram', host, path, ...}; relayed has the
// requests of the gateway. A connection on which nothing is ever said is not in
// it: Chromium opens some for itself, for no known host. pages maps a host and path,
// such as "pay.test/form.html", to {type, body} where a host is to say more.
export async function startTrackers(work, { pages = {} } = {}) {
  const record = [];
  const relayed = [];
  const note = (entry) => browsersOwn.has(entry.host) || record.push(entry);

  const answerFor = (own) => (request, response) => {
    const host = (request.headers.host ?? '').replace(/:\d+$/, '');
    if (browsersOwn.has(host)) return response.writeHead(204).end();
    const entry = { kind: 'request', host, path: request.url, method: request.method, headers: request.headers };
    if (own) relayed.push(entry);
    else note(entry);
    const extension = /\.(\w+)(?:\?|$)/.exec(request.url)?.[1];
    if (host.endsWith('pictures.test') || host.startsWith('fonts.g')) {
      const { type, body } = pictures[extension ?? (/css/.test(request.url) ? 'css' : 'gif')] ?? pictures.gif;
      response.writeHead(200, { 'Content-Type': type, 'Cache-Control': 'max-age=86400' });
      return response.end(body);
    }
    const { type, body } = pages[host + request.url.replace(/\?.*/, '')] ?? answers[extension] ?? { type: 'image/gif', body: pixel };
    response.writeHead(200, {
      'Content-Type': type,
      'Access-Control-Allow-Origin': request.headers.origin ?? '*',
      'Access-Control-Allow-Credentials': 'true',
      'Set-Cookie': '_third=1; Path=/; Max-Age=31536000; SameSite=None; Secure',
      'Cache-Control': 'no-store',
      'Timing-Allow-Origin': '*',
    });
    return response.end(body);
  };
  // Whoever asks is known by the address of the connection, so browsers and the
  // gateway are answered by servers of their own.
  const { key, cert } = work.certificate;
  const servers = [];
  const inner = async (own) => {
    const plain = createServer(answerFor(own));
    const tls = createTLSServer({ key, cert }, answerFor(own));
    tls.on('tlsClientError', () => {}); // A page going away mid-handshake; the ClientHello is on record.
    servers.push(plain, tls);
    return { plain: await listen(plain), tls: await listen(tls) };
  };
  const behind = { browsers: await inner(false), gateway: await inner(true) };

  const sockets = new Set();
  const server = createTCPServer((socket) => {
    keep(socket);
    const own = socket.remoteAddress === gatewaysOwn;
    socket.once('data', (first) => {
      const isTLS = first[0] === 0x16;
      const host = isTLS ? serverName(first) : '';
      if (isTLS && !own) note({ kind: 'handshake', host });
      else if (!own && !/^[A-Z]+ /.test(first)) note({ kind: 'handshake', host: 'a call over TCP' });
      const { plain, tls } = own ? behind.gateway : behind.browsers;
      const onward = connect(isTLS ? tls : plain, '127.0.0.1');
      keep(onward);
      onward.write(first);
      socket.pipe(onward).pipe(socket);
    });
  });
  // A page that goes away cuts its connections; both ends of a pipe go together.
  function keep(socket) {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
  }
  const calls = await listenForBoth(server);
  calls.on('message', () => note({ kind: 'datagram', host: 'a call over UDP' }));
  work.closeLast(() => {
    sockets.forEach((s) => s.destroy());
    calls.close();
    for (const s of [server, ...servers]) s.close();
  });
  return {
    port: server.address().port,
    record,
    relayed,
    // quiet waits until nothing has arrived for most of a second.
    quiet: async () => {
      for (let seen = -1; seen !== record.length; await setTimeout(700)) seen = record.length;
    },
    // since returns what came after a mark made by record.length, sorted out.
    since: (mark = 0) => {
      const news = record.slice(mark);
      return {
        handshakes: news.filter((e) => e.kind === 'handshake'),
        requests: news.filter((e) => e.kind === 'request'),
      };
    },
  };
}

// listenForBoth has server listen on a port that is free for UDP as well, and
// returns the socket that has it there.
async function listenForBoth(server) {
  for (;;) {
    const calls = createSocket('udp4');
    try {
      calls.bind(await listen(server), '127.0.0.1');
      await once(calls, 'listening');
      return calls;
    } catch (error) {
      if (error.code !== 'EADDRINUSE') throw error;
      calls.close();
      server.close();
      await once(server, 'close');
    }
  }
}

async function listen(server) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server.address().port;
}

// serverName reads the SNI of a ClientHello (RFC 8446 section 4.1.2, RFC 6066
// section 3), or '' when there is none in the first segment.
export function serverName(hello) {
  try {
    let at = 5 + 4 + 2 + 32; // record header, handshake header, version, random
    at += 1 + hello[at]; // session id
    at += 2 + hello.readUInt16BE(at); // cipher suites
    at += 1 + hello[at]; // compression methods
    const end = at + 2 + hello.readUInt16BE(at);
    at += 2;
    while (at + 4 <= end) {
      const type = hello.readUInt16BE(at);
      const size = hello.readUInt16BE(at + 2);
      if (type === 0) return hello.toString('ascii', at + 9, at + 9 + hello.readUInt16BE(at + 7));
      at += 4 + size;
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return '';
}
