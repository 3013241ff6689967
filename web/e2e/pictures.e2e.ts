import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launch } from './browser.ts';
import { type Target, target } from './target.ts';

// Pictures that the server draws are held to what MapLibre draws of the same style; the mock has none.
const there = (process.env['BRICOLA_URL'] ?? '') !== '';

const MAPLIBRE = dirname(createRequire(import.meta.url).resolve('maplibre-gl/dist/maplibre-gl.css'));
const TYPES: Record<string, string> = { mjs: 'text/javascript', css: 'text/css', html: 'text/html' };
const PAGE = `<!doctype html><html lang="en"><head><link rel="stylesheet" href="maplibre-gl.css">
<style>html, body, #map { margin: 0; width: 512px; height: 384px }</style></head><body><div id="map"></div>
<script type="module">import * as maplibre from './maplibre-gl.mjs'; window.maplibre = maplibre;</script></body></html>`;
const SIZE = [512, 384] as const;
/** Pixels of a side of the blocks that are compared. */
const BLOCK = 16;

let browser: Browser;
let server: Target;

beforeAll(async () => {
  [server, browser] = await Promise.all([target(), launch()]);
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
});

interface View {
  center: [number, number];
  zoom: number;
}

interface MapLike {
  once(event: string, done: () => void): void;
}

/** What MapLibre draws of a style, as a PNG. */
async function drawn(page: Page, style: string, view: View): Promise<Buffer> {
  await page.evaluate(
    async ([style, view]) => {
      const { maplibre } = globalThis as unknown as { maplibre: { Map: new (options: object) => MapLike } };
      document.querySelector('#map')?.replaceChildren();
      const map = new maplibre.Map({ container: 'map', style, ...view, attributionControl: false, fadeDuration: 0, interactive: false });
      await new Promise<void>((done) => map.once('idle', done));
    },
    [style, view] as const,
  );
  return page.locator('#map').screenshot();
}

/** Blocks whose mean colours lie further apart than a share of the range, as a share of all; and the mean difference of all. */
function compare(page: Page, pictures: [string, string]): Promise<{ apart: number; mean: number }> {
  return page.evaluate(
    async ([pictures, [width, height], block]) => {
      const means = await Promise.all(
        pictures.map(async (url) => {
          const bitmap = await createImageBitmap(await (await fetch(url)).blob());
          const canvas = new OffscreenCanvas(width / block, height / block);
          const context = canvas.getContext('2d');
          if (!context) throw new Error('no canvas');
          context.imageSmoothingQuality = 'high';
          context.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
          return context.getImageData(0, 0, canvas.width, canvas.height).data;
        }),
      );
      const [own, other] = means as [Uint8ClampedArray, Uint8ClampedArray];
      let apart = 0;
      let sum = 0;
      for (let at = 0; at < own.length; at += 4) {
        const channels = [0, 1, 2].map((channel) => Math.abs((own[at + channel] ?? 0) - (other[at + channel] ?? 0)) / 255);
        const difference = Math.max(...channels);
        sum += difference;
        if (difference > 0.08) apart += 1;
      }
      return { apart: apart / (own.length / 4), mean: sum / (own.length / 4) };
    },
    [pictures, SIZE, BLOCK] as const,
  );
}

describe.runIf(there)('pictures of styles', () => {
  it('show what MapLibre draws', async () => {
    const page = await (await browser.newContext({ viewport: { width: 600, height: 450 } })).newPage();
    await page.route('**/compare/*', (route) => {
      const name = new URL(route.request().url()).pathname.split('/').pop() ?? '';
      const body = name === 'index.html' ? PAGE : readFileSync(join(MAPLIBRE, name));
      return route.fulfill({ body, contentType: TYPES[name.split('.').pop() ?? ''] ?? 'application/octet-stream' });
    });
    await page.goto(`${server.url}compare/index.html`);
    await page.waitForFunction(() => 'maplibre' in globalThis);
    const { extent } = (await (await fetch(`${server.url}collections/parcels?f=json`)).json()) as { extent: { spatial: { bbox: number[][] } } };
    const [west = 0, south = 0, east = 0, north = 0] = extent.spatial.bbox[0] ?? [];
    const center: [number, number] = [(west + east) / 2, (south + north) / 2];
    const figures: Record<string, { apart: number; mean: number }> = {};
    for (const [style, zoom] of [['city', 12], ['city', 14.5], ['city', 16], ['parcels', 16], ['zoning', 14], ['cycle-lanes', 14], ['schools', 14], ['ztl', 13]] as const) {
      const view = { center, zoom };
      const map = await drawn(page, `${server.url}styles/${style}`, view);
      const query = `center=${center.join(',')}&zoom=${zoom}&width=${SIZE[0]}&height=${SIZE[1]}`;
      const own = `${server.url}styles/${style}/thumbnail?${query}`;
      const folder = process.env['PICTURES'];
      if (folder !== undefined) {
        const { writeFileSync } = await import('node:fs');
        writeFileSync(join(folder, `${style}-${zoom}-maplibre.png`), map);
        writeFileSync(join(folder, `${style}-${zoom}-own.png`), Buffer.from(await (await fetch(own)).arrayBuffer()));
      }
      figures[`${style} ${zoom}`] = await compare(page, [own, `data:image/png;base64,${map.toString('base64')}`]);
    }
    console.log(figures);
    for (const [name, { apart, mean }] of Object.entries(figures)) {
      expect(mean, name).toBeLessThan(0.03);
      expect(apart, name).toBeLessThan(0.12);
    }
    await page.context().close();
  }, 180_000);
});
