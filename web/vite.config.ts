import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { defineConfig, type Plugin } from 'vite';

/** A running server, for `npm run dev`: every path that is not the viewer's own goes there. */
const server = process.env['BRICOLA_URL'] ?? 'http://127.0.0.1:8080';
const api = '^/(collections|lookup|parcels|styles|tiles|fonts|sprites|status|events|changes)';

/** The font's licence travels with the font (SIL OFL, clause 2). */
function fontLicence(): Plugin {
  const path = createRequire(import.meta.url).resolve('bootstrap-italia/src/fonts/Titillium_Web/OFL.txt');
  return {
    name: 'font-licence',
    apply: 'build',
    generateBundle() {
      this.emitFile({ type: 'asset', fileName: 'assets/titillium-web-OFL.txt', source: readFileSync(path) });
    },
  };
}

export default defineConfig({
  // Relative, so that the same build works at `/` and under a tenant's path.
  base: './',
  build: {
    target: 'es2022',
    // Never a data: URL where a file will do: the page's content security policy stays short.
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 1500,
    modulePreload: { polyfill: false },
    // Where the server finds what its own pages need (`server/src/web.rs`).
    manifest: 'manifest.json',
    rolldownOptions: { input: { index: 'index.html', pages: 'src/pages/main.ts' } },
    license: { fileName: 'assets/licences.txt' },
  },
  css: {
    preprocessorOptions: {
      // bootstrap-italia is still written with @import; its warnings are not ours to act on.
      scss: { loadPaths: ['node_modules'], quietDeps: true, silenceDeprecations: ['import'] },
    },
  },
  plugins: [fontLicence()],
  server: { proxy: { [api]: { target: server, changeOrigin: true } } },
  test: { include: ['test/**/*.test.ts'] },
} as Parameters<typeof defineConfig>[0]);
