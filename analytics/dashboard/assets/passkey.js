// Hands the options of a page to the browser, and the answer of the admin's
// device back to the form. Without it, and where browsers know no passkeys, the
// form stays hidden and the other ways in are complete.
'use strict';
for (const form of document.querySelectorAll('form[data-passkey]')) {
  if (!window.PublicKeyCredential || !navigator.credentials) continue;
  const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
  const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
  const known = (list) => (list || []).map((c) => ({ ...c, id: bytes(c.id) }));
  const make = form.dataset.passkey === 'make';
  const status = form.querySelector('[role=status]');
  form.hidden = false;
  for (const e of document.querySelectorAll('[data-without-passkey]')) e.hidden = true;
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const publicKey = JSON.parse(form.dataset.options);
    publicKey.challenge = bytes(publicKey.challenge);
    if (make) {
      publicKey.user.id = bytes(publicKey.user.id);
      publicKey.excludeCredentials = known(publicKey.excludeCredentials);
    } else {
      publicKey.allowCredentials = known(publicKey.allowCredentials);
    }
    try {
      status.textContent = 'Your device asks you now.';
      const c = await (make ? navigator.credentials.create({ publicKey }) : navigator.credentials.get({ publicKey }));
      const r = c.response;
      const response = { clientDataJSON: text(r.clientDataJSON) };
      if (make) {
        response.attestationObject = text(r.attestationObject);
        response.transports = r.getTransports ? r.getTransports() : [];
      } else {
        response.authenticatorData = text(r.authenticatorData);
        response.signature = text(r.signature);
        if (r.userHandle) response.userHandle = text(r.userHandle);
      }
      form.elements.answer.value = JSON.stringify({ id: c.id, rawId: text(c.rawId), type: c.type, response });
      form.submit();
    } catch (e) {
      status.textContent = e.name === 'InvalidStateError' ? 'This device has a passkey for you already.' : 'That did not work, or was cancelled. You can try again.';
    }
  });
}
