// Comparing two pictures of a page.

// difference is null when two PNGs show the same pixels, else how many differ
// and the box they lie in. The page decodes them; its own content is untouched.
export async function difference(page, one, two) {
  if (one.equals(two)) return null;
  return page.evaluate(async (pictures) => {
    const [a, b] = await Promise.all(pictures.map(async (base64) => {
      const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
      const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
      const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
      context.drawImage(bitmap, 0, 0);
      return context.getImageData(0, 0, bitmap.width, bitmap.height);
    }));
    if (a.width !== b.width || a.height !== b.height) {
      return { sizes: [[a.width, a.height], [b.width, b.height]] };
    }
    const box = { left: Infinity, top: Infinity, right: -1, bottom: -1 };
    let pixels = 0;
    const [x, y] = [new Uint32Array(a.data.buffer), new Uint32Array(b.data.buffer)];
    for (let i = 0; i < x.length; i++) {
      if (x[i] === y[i]) continue;
      pixels++;
      const [col, row] = [i % a.width, Math.floor(i / a.width)];
      box.left = Math.min(box.left, col);
      box.right = Math.max(box.right, col);
      box.top = Math.min(box.top, row);
      box.bottom = Math.max(box.bottom, row);
    }
    return pixels ? { pixels, box } : null;
  }, [one.toString('base64'), two.toString('base64')]);
}

// contrastOf is the contrast, as WCAG counts it, between the darkest and the
// lightest pixel of a picture.
export async function contrastOf(page, picture) {
  return page.evaluate(async (base64) => {
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
    const context = new OffscreenCanvas(bitmap.width, bitmap.height).getContext('2d');
    context.drawImage(bitmap, 0, 0);
    const { data } = context.getImageData(0, 0, bitmap.width, bitmap.height);
    const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    let [dark, light] = [1, 0];
    for (let i = 0; i < data.length; i += 4) {
      const luminance = 0.2126 * linear(data[i] / 255) + 0.7152 * linear(data[i + 1] / 255) + 0.0722 * linear(data[i + 2] / 255);
      dark = Math.min(dark, luminance);
      light = Math.max(light, luminance);
    }
    return (light + 0.05) / (dark + 0.05);
  }, picture.toString('base64'));
}
