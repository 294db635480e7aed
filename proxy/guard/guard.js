// The third belt. It runs first on pages where something is held, and keeps the
// site's own scripts from asking for it at run time: no request, no connection,
// no error that stops the page. What gets past it meets the page's policy.
//
// names: for each purpose a pattern of the cookies and storage entries its
// services set. data-allow lists hosts with their sub-domains ("=host" without).
function guard(names) {
  const { allow, granted } = document.currentScript.dataset, win = window, doc = document;
  const words = s => (s || '').split(' '), hosts = words(allow), yes = words(granted);
  const heldName = new RegExp('^(' + Object.keys(names).filter(p => !yes.includes(p)).map(p => names[p]).join('|') + ')$');
  const DEAD = 'blob:' + location.origin + '/0', KEEP = 'data-lychgate-';
  const later = f => setTimeout(f);
  doc.currentScript.remove();

  // ok: may the page contact this URL?
  const ok = url => {
    let u;
    try { u = new URL(url, doc.baseURI); } catch { return true; }
    const h = u.hostname.replace(/\.$/, '');
    return !/^(http|ws)s?:$/.test(u.protocol) || u.host === location.host ||
      hosts.some(a => a && ('=' + h === a || ('.' + h).endsWith('.' + a)));
  };
  const LOADS = {
    SCRIPT: 'src href', IFRAME: 'src', FRAME: 'src', IMG: 'src srcset', IMAGE: 'href', SOURCE: 'src srcset', TRACK: 'src', AUDIO: 'src',
    VIDEO: 'src poster', EMBED: 'src', OBJECT: 'data', INPUT: 'src', LINK: 'href imageSrcset', USE: 'href', FEIMAGE: 'href'
  };
  const QUIET = /^(canonical|alternate|license|author|next|prev|me|shortlink|help|search)$/i;
  const bad = (el, attr, value) => {
    const tag = el.nodeName.toUpperCase();
    attr = ('' + attr).toLowerCase().replace('xlink:', '');
    if (value == null || !words((LOADS[tag] || '').toLowerCase()).includes(attr) || (tag === 'LINK' && QUIET.test(el.rel))) return;
    return !(/srcset/.test(attr) ? ('' + value).split(/,\s+|,(?=https?:|\/\/)/) : [value]).every(c => ok(('' + c).trim().split(/\s/)[0]));
  };
  const setAttr = Element.prototype.setAttribute;
  // hold keeps a URL where nothing loads it, and tells a waiting loader so.
  const hold = (el, attr, value) => {
    setAttr.call(el, KEEP + ('' + attr).replace(':', '-'), value);
    later(() => el.dispatchEvent(new Event('error')));
  };
  const clean = node => {
    if (node && node.querySelectorAll) [node, ...node.querySelectorAll(Object.keys(LOADS).join())].forEach(el =>
      // Rules a script makes may name any host, and no policy judges them.
      [...el.attributes || []].forEach(a => {
        if (a.name === 'type' && /^speculationrules$/i.test(a.value)) a.value = '';
        if (bad(el, a.name, a.value)) { el.removeAttribute(a.name); hold(el, a.name, a.value); }
      }));
    return node;
  };
  // cleanText renames the attributes in markup, which would load once parsed.
  // What a site's own Trusted Types policy made stays what it is.
  const cleanText = html => typeof html == 'object' ? html : ('' + html).replace(/<(\w+)((?:"[^"]*"|'[^']*'|[^>"'])*)/g, (tag, nodeName, rest) =>
    LOADS[nodeName.toUpperCase()] ? tag.replace(/([\s"'\/])([a-z:]+)(\s*=\s*)("[^"]*"|'[^']*'|[^\s>]+)/gi, (all, before, attr, is, value) => {
      const url = value.replace(/^["']|["']$/g, '').replace(/&amp;/g, '&')
        .replace(/&#(x?)([\da-f]+);?/gi, (_, x, n) => String.fromCharCode(parseInt(n, x ? 16 : 10)));
      const rel = (/\brel\s*=\s*["']?(\w+)/i.exec(rest) || [])[1];
      return bad({ nodeName, rel }, attr, url) ? before + KEEP + attr.replace(':', '-') + is + value : all;
    }) : tag);

  // wrap puts make(original) in the place of a method, fix changes its arguments.
  const wrap = (proto, list, make) => words(list).forEach(n => {
    if (proto && proto[n]) proto[n] = make(proto[n]);
  });
  const fix = (proto, list, how, at) => wrap(proto, list, was => function (...a) {
    return was.apply(this, a.map((x, i) => at === undefined || at === i ? how(x) : x));
  });
  const setter = (proto, n, make) => {
    const d = proto && Object.getOwnPropertyDescriptor(proto, n);
    if (d && d.set) Object.defineProperty(proto, n, { ...d, set: make(d.set) });
  };
  const proto = c => win[c] && win[c].prototype;
  const holding = attr => set => function (v) { return bad(this, attr, v) ? hold(this, attr, v) : set.call(this, v); };
  Object.keys(LOADS).forEach(tag => words(LOADS[tag]).forEach(attr =>
    setter(Object.getPrototypeOf(doc.createElement(tag)), attr, holding(attr))));
  setter(proto('HTMLMediaElement'), 'src', holding('src'));
  wrap(Element.prototype, 'setAttribute setAttributeNS', was => function (...a) {
    const [n, v] = a.slice(-2);
    return bad(this, n, v) ? hold(this, n, v) : was.apply(this, a);
  });
  fix(Node.prototype, 'appendChild insertBefore replaceChild', clean, 0);
  ['Element', 'Document', 'DocumentFragment', 'ShadowRoot'].forEach(c => {
    fix(proto(c), 'append prepend before after replaceWith replaceChildren', clean);
    fix(proto(c), 'setHTMLUnsafe', cleanText, 0);
    words('innerHTML outerHTML').forEach(n => setter(proto(c), n, set => function (v) { set.call(this, cleanText(v)); }));
  });
  setter(proto('HTMLIFrameElement'), 'srcdoc', set => function (v) { set.call(this, cleanText(v)); });
  fix(Element.prototype, 'insertAdjacentElement', clean, 1);
  fix(Element.prototype, 'insertAdjacentHTML', cleanText, 1);
  fix(Range.prototype, 'createContextualFragment', cleanText);
  fix(doc, 'write writeln', cleanText);

  // Requests: a held one fails as it would without a network, but asks nobody.
  const fails = () => Promise.reject(new TypeError('Failed to fetch'));
  wrap(win, 'fetch', was => (r, o) => ok(r && r.url || r) ? was.call(win, r, o) : fails());
  fix(proto('XMLHttpRequest'), 'open', u => ok(u) ? u : DEAD, 1);
  wrap(proto('Navigator'), 'sendBeacon', was => function (u, d) { return !ok(u) || was.call(this, u, d); });
  wrap(proto('ServiceWorkerContainer'), 'register', was => function (u, o) { return ok(u) ? was.call(this, u, o) : fails(); });
  wrap(win, 'WebSocket EventSource Worker SharedWorker Audio', was => new Proxy(was, {
    construct(t, args, self) {
      if (!args.length || ok(args[0])) return Reflect.construct(t, args, self);
      if (t.name !== 'WebSocket') return Reflect.construct(t, [DEAD, args[1]], self);
      const dead = Object.assign(new EventTarget(), { readyState: 3, send() {}, close() {} });
      later(() => words('error close').forEach(n => {
        const e = new Event(n);
        dead.dispatchEvent(e);
        if (dead['on' + n]) dead['on' + n](e);
      }));
      return dead;
    }
  }));

  // Servers that a call would ask for its way, of which no policy knows.
  wrap(win, 'RTCPeerConnection', was => new Proxy(was, {
    construct: (t, [c, ...a], self) => Reflect.construct(t, [c && { ...c, iceServers: c.iceServers?.filter(s =>
      [].concat(s.urls).every(u => ok(('' + u).replace(/^\w+:/, 'ws://')))) }, ...a], self)
  }));

  // A form that nobody has pressed is not the visitor's own act.
  wrap(proto('HTMLFormElement'), 'submit requestSubmit', was => function (...a) {
    const { userActivation: press } = navigator;
    if (!press || press.isActive || ok(this.getAttribute('action') || '')) was.apply(this, a);
  });

  // Cookies and storage entries of held services.
  setter(Document.prototype, 'cookie', set => function (v) { heldName.test(('' + v).split('=')[0].trim()) || set.call(this, v); });
  wrap(proto('CookieStore'), 'set', was => function (...a) { return heldName.test(a[0] && a[0].name || a[0]) ? Promise.resolve() : was.apply(this, a); });
  wrap(proto('Storage'), 'setItem', was => function (k, v) { heldName.test(k) || was.call(this, k, v); });

  // What pages call without asking whether it is there. A callback that waits
  // for the tracker is called, or links and forms would hang on it.
  const calm = (...args) => args.forEach(a => {
    if (typeof a === 'function') return later(a);
    for (const k in a || {}) if (/callback$/i.test(k) && typeof a[k] === 'function') later(a[k]);
  });
  words('push track page identify getAll').forEach(n => { calm[n] = calm; });
  const layer = win.dataLayer = win.dataLayer || [];
  layer.push = (...args) => { calm(...args); return Array.prototype.push.apply(layer, args); };
  words('gtag ga fbq _fbq hj clarity twq ttq lintrk pintrk snaptr rdt plausible umami fathom').forEach(n => { win[n] = win[n] || calm; });
  words('_gaq _paq _hsq _mtm uetq').forEach(n => { win[n] = win[n] || { push: calm }; });
}
