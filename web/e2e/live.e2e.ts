import { execFileSync } from 'node:child_process';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launch, open, ready } from './browser.ts';

/** The store of the server at `BRICOLA_URL`, in which another program edits: `sqlite3`. */
const store = process.env['BRICOLA_STORE'];
const url = process.env['BRICOLA_URL'] ?? '';

interface Fountain {
  id: number;
  name: string;
  lon: number;
  lat: number;
}

function sqlite(sql: string): string {
  return execFileSync('sqlite3', ['-cmd', '.timeout 20000', '-bail', store ?? '', sql], { encoding: 'utf8' }).trim();
}

/** Some fountain, where the server has it. */
async function someFountain(): Promise<Fountain> {
  const [id] = sqlite('SELECT fid FROM fountains ORDER BY fid LIMIT 1').split('\n');
  const feed = (await (await fetch(new URL('collections/fountains?f=json', url))).json()) as { extent?: { spatial?: { bbox: number[][] } } };
  const [w = 0, s = 0, e = 0, n = 0] = feed.extent?.spatial?.bbox[0] ?? [];
  const step = Math.max(e - w, n - s) / 40;
  for (let lon = w; lon <= e; lon += step) {
    for (let lat = s; lat <= n; lat += step) {
      const answer = (await (await fetch(new URL(`lookup?x=${lon}&y=${lat}&layers=fountains&radius=3000`, url))).json()) as {
        hits: { feature: { id: number; properties: { name: string }; geometry: { coordinates: [number, number] } } }[];
      };
      const hit = answer.hits.find(({ feature }) => feature.id === Number(id)) ?? answer.hits[0];
      if (hit) {
        const [x, y] = hit.feature.geometry.coordinates;
        return { id: hit.feature.id, name: hit.feature.properties.name, lon: x, lat: y };
      }
    }
  }
  throw new Error('no fountain');
}

/** In the page: whether a fountain is on the map, as wanted. */
function isDrawn([id, wanted]: readonly [number, boolean]): boolean {
  type Held = { cityMap: { map: { queryRenderedFeatures(options: object): { id?: number }[] } } };
  const held = [...document.querySelectorAll('*')].find((element) => 'cityMap' in element) as unknown as Held | undefined;
  const drawn = held?.cityMap.map.queryRenderedFeatures({ layers: ['fountains-icon'] });
  return drawn?.some((feature) => feature.id === id) === wanted;
}

describe.runIf(store)('a change by another program', () => {
  let browser: Browser;
  beforeAll(async () => {
    browser = await launch();
  });
  afterAll(() => browser.close());

  it('is in the answer and on the map by itself, and only its tiles are asked for', async () => {
    const fountain = await someFountain();
    const view = `#map=17/${fountain.lat}/${fountain.lon}&layers=fountains`;
    const { page, watch } = await open(browser, url, `${view}&at=${fountain.lat},${fountain.lon}`);
    // Without the pin, which would hide the fountain.
    const beside = await open(browser, url, view);
    try {
      for (const each of [page, beside.page]) {
        await ready(each);
        await each.waitForSelector('.position-live.is-live');
      }
      await beside.page.waitForFunction(isDrawn, [fountain.id, true] as const);
      const before = await beside.page.screenshot();
      const tiles: { z: number; x: number; y: number }[] = [];
      beside.page.on('request', (request) => {
        const [, z, x, y] = /\/tiles\/[^/]+\/(\d+)\/(\d+)\/(\d+)/.exec(request.url()) ?? [];
        if (z !== undefined) tiles.push({ z: Number(z), x: Number(x), y: Number(y) });
      });
      sqlite(`UPDATE fountains SET name = 'Fontana nuova' WHERE fid = ${fountain.id}`);
      const edited = Date.now();
      await page.waitForFunction(() => document.body.textContent?.includes('Fontana nuova'), undefined, { timeout: 2000 });
      console.log(`answer renewed after ${Date.now() - edited} ms`);
      sqlite(`DELETE FROM fountains WHERE fid = ${fountain.id}`);
      await page.waitForFunction(() => !document.body.textContent?.includes('Fontana nuova'), undefined, { timeout: 2000 });
      await beside.page.waitForFunction(isDrawn, [fountain.id, false] as const, { timeout: 3000 });
      expect(tiles.length, 'tiles asked for').toBeGreaterThan(0);
      for (const { z, x, y } of tiles) {
        const size = 2 ** z;
        const column = (fountain.lon / 360 + 0.5) * size;
        const row = ((1 - Math.asinh(Math.tan((fountain.lat * Math.PI) / 180)) / Math.PI) / 2) * size;
        expect(Math.abs(column - x - 0.5), `column of ${z}/${x}/${y}`).toBeLessThan(0.55);
        expect(Math.abs(row - y - 0.5), `row of ${z}/${x}/${y}`).toBeLessThan(0.55);
      }
      expect((await beside.page.screenshot()).equals(before), 'the map is as it was').toBe(false);
      expect([...watch.faults, ...beside.watch.faults]).toEqual([]);
    } finally {
      await page.context().close();
      await beside.page.context().close();
    }
  });
});
