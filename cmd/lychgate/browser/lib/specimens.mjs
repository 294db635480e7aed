// The whole sites and the other banners that npm packages ship, as setup.sh
// puts them into the cache folder.
import { homedir } from 'node:os';
import path from 'node:path';
import { readdir } from 'node:fs/promises';

const modules = path.join(process.env.XDG_CACHE_HOME ?? path.join(homedir(), '.cache'), 'lychgate/specimens/node_modules');

// sites are the specimen sites by name, each with its folder.
export const sites = ['agency', 'clean-blog', 'sb-admin'].map((name) => ({
  name: `startbootstrap-${name}`,
  dir: path.join(modules, `startbootstrap-${name}/dist`),
}));

// packageFile is the path of one file of a specimen package.
export const packageFile = (...parts) => path.join(modules, ...parts);

// pagesOf lists the HTML pages of a site as URL paths.
export async function pagesOf(dir) {
  const files = await readdir(dir, { recursive: true });
  return files.filter((f) => f.endsWith('.html')).sort().map((f) => `/${f.split(path.sep).join('/')}`);
}
