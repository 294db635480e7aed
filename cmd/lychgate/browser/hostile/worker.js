// A worker of the site's own that calls home. It obeys the policy of its own response.
const u = (name, ext) => 'https://' + name + '.tracker.test/t.' + ext;
const kind = /^\w*/.exec(location.search.slice(1))[0] || 'worker';
fetch(u('file-' + kind, 'json'), { mode: 'no-cors' }).catch(() => {});
try { importScripts(u('file-import-' + kind, 'js')); } catch (e) { /* stopped, as it should be */ }
