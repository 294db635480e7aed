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
