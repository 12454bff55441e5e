// One page, hashed assets, no plug-in but our own: Vite's oxc compiles the JSX.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { defineConfig, type Plugin } from 'vite';
import { ICONS } from './src/ui/icon-names.ts';

/** Puts the icons in use into one SVG sprite and gives its address as `virtual:icons`. */
function icons(): Plugin {
  const file = new URL('./node_modules/@iconify-json/lucide/icons.json', import.meta.url);
  const set = JSON.parse(readFileSync(file, 'utf8')) as {
    icons: Record<string, { body: string }>;
    aliases: Record<string, { parent: string }>;
  };
  const symbols = ICONS.map((name) => {
    const icon = set.icons[set.aliases[name]?.parent ?? name];
    if (!icon) throw new Error(`no icon named ${name} in lucide`);
    // Stroke and fill are the page's to say (`svg.i` in base.css).
    const body = icon.body.replace(/ (?:fill="none"|stroke[a-z-]*="[^"]*")/g, '');
    return `<symbol id="${name}" viewBox="0 0 24 24">${body}</symbol>`;
  });
  const svg = `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join('')}</svg>`;
  const hash = createHash('sha256').update(svg).digest('base64url').slice(0, 8);
  const fileName = `assets/icons-${hash}.svg`;
  return {
    name: 'icons',
    resolveId: (id) => (id === 'virtual:icons' ? '\0virtual:icons' : null),
    load: (id) => (id === '\0virtual:icons' ? `export default ${JSON.stringify(`/${fileName}`)}` : null),
    generateBundle() {
      this.emitFile({ type: 'asset', fileName, source: svg });
    },
  };
}

/** A forced theme must be known before the first paint; inline script is forbidden by our policy. */
function earlyTheme(): Plugin {
  const code =
    'try{var d=document.documentElement.dataset,p=JSON.parse(localStorage.getItem("congvu.prefs"))||{};' +
    'if(p.theme&&p.theme!=="auto")d.theme=p.theme;if(p.density)d.density=p.density}catch(e){}';
  const hash = createHash('sha256').update(code).digest('base64url').slice(0, 8);
  const fileName = `assets/early-${hash}.js`;
  return {
    name: 'early-theme',
    generateBundle() {
      this.emitFile({ type: 'asset', fileName, source: code });
    },
    transformIndexHtml: () => [{ tag: 'script', attrs: { src: `/${fileName}` }, injectTo: 'head' }],
  };
}

export default defineConfig({
  plugins: [icons(), earlyTheme()],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    // Windows 7 machines stop at Chrome 109; es2022 runs there.
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});
