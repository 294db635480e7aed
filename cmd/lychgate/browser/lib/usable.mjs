// Whether a visitor could really read the question and press either answer.
import assert from 'node:assert/strict';
import { question } from './consent.mjs';

// assertUsable fails unless both answers are in sight, on top, big enough, alike
// and readable, and the words beside them can be read.
export async function assertUsable(page) {
  const { region, accept } = question(page);
  await accept.scrollIntoViewIfNeeded();
  const { answers, words } = await region.evaluate(inspect);
  assert.equal(answers.length, 2, 'two answers');
  for (const a of answers) {
    assert.ok(a.onTop, `"${a.text}" can be hit, not ${a.hit}`);
    assert.ok(a.height >= 44 && a.width >= 44, `"${a.text}" is ${a.width}x${a.height}, wants 44`);
    assert.ok(a.contrast >= 4.5, `"${a.text}" has contrast ${a.contrast.toFixed(2)}`);
    assert.ok(a.opacity > 0.99, `"${a.text}" has opacity ${a.opacity}`);
    assert.ok(a.fontSize >= 14, `"${a.text}" is ${a.fontSize}px`);
  }
  const [yes, no] = answers;
  assert.deepEqual(yes.style, no.style, 'both answers look alike');
  assert.equal(yes.height, no.height, 'and are of one height');
  const ratio = (yes.width * yes.height) / (no.width * no.height);
  assert.ok(ratio > 0.8 && ratio < 1.25, `areas of yes and no are ${ratio.toFixed(2)} : 1`);
  assert.ok(words.length > 0, 'the question has words');
  for (const w of words) assert.ok(w.seen && w.contrast >= 4.5 && w.fontSize >= 13, `unreadable: ${JSON.stringify(w)}`);
}

// inspect runs in the page, so everything it needs is within it. Contrast is
// that of WCAG 2.2.
function inspect(region) {
  const root = region.shadowRoot ?? region;
  const parent = (e) => e.parentElement ?? e.getRootNode().host;
  const rgb = (color) => (color.match(/[\d.]+/g) ?? []).map(Number);
  const luminance = (color) => color.slice(0, 3)
    .map((v) => v / 255)
    .map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const backdrop = (e) => {
    for (; e; e = parent(e)) {
      const c = rgb(getComputedStyle(e).backgroundColor);
      if (c.length === 3 || c[3] === 1) return c;
    }
    return [255, 255, 255];
  };
  const contrast = (e) => {
    const [dark, light] = [luminance(rgb(getComputedStyle(e).color)), luminance(backdrop(e))].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };
  const opacity = (e) => {
    let product = 1;
    for (; e; e = parent(e)) product *= Number(getComputedStyle(e).opacity);
    return product;
  };
  const styleOf = (e) => {
    const s = getComputedStyle(e);
    return Object.fromEntries(['color', 'backgroundColor', 'fontSize', 'fontWeight', 'fontFamily', 'borderTopColor', 'borderTopWidth',
      'borderTopStyle', 'borderRadius', 'paddingTop', 'textDecorationLine', 'boxShadow'].map((p) => [p, s[p]]));
  };

  const answers = [...root.querySelectorAll('button[name=decision]')].map((b) => {
    const box = b.getBoundingClientRect();
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    const outer = document.elementFromPoint(x, y);
    const hit = outer?.shadowRoot?.elementFromPoint(x, y) ?? outer;
    return {
      text: b.textContent.trim(), width: box.width, height: box.height, contrast: contrast(b), opacity: opacity(b),
      onTop: b.contains(hit), hit: hit ? `<${hit.localName} id=${hit.id} class=${hit.className}>` : 'nothing',
      fontSize: parseFloat(getComputedStyle(b).fontSize), style: styleOf(b),
    };
  });

  const words = [];
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const e = node.parentElement ?? region;
    if (!node.data.trim() || ['style', 'template'].includes(e.localName)) continue;
    const box = e.getBoundingClientRect();
    const s = getComputedStyle(e);
    words.push({
      text: node.data.trim().slice(0, 40), contrast: contrast(e), fontSize: parseFloat(s.fontSize),
      seen: box.width > 0 && box.height > 0 && s.visibility === 'visible' && opacity(e) > 0.99,
    });
  }
  return { answers, words };
}
