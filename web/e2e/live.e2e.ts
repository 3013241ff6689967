import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { axe, focused, launch, open, ready } from './browser.ts';
import { type Target, someParcel, target } from './target.ts';

let browser: Browser;
let server: Target;
let parcel: Awaited<ReturnType<typeof someParcel>>;
/** The GeoPackage of the real server, which other programs edit. */
const STORE = process.env['BRICOLA_STORE'];
/** The program itself, for what is done by its command line. */
const PROGRAM = process.env['BRICOLA_PROGRAM'];

beforeAll(async () => {
  server = await target();
  [browser, parcel] = await Promise.all([launch(), someParcel(server.url)]);
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
});

const ZOOM = 16.5;
const at = (): string => `#map=${ZOOM}/${parcel.lat}/${parcel.lon}&at=${parcel.lat},${parcel.lon}`;
const LIVE = '.map-live[data-state=live]';
const LOST = '.map-live[data-state=lost]';

/** Waits until nothing moves on the map any more. */
function drawn(page: Page): Promise<void> {
  return page.evaluate(() => (document.querySelector('#map') as unknown as { cityMap: { idle(): Promise<void> } }).cityMap.idle());
}

/** Names of the tiles that the page asks for from now on, as `layers/z/x/y`. */
function tilesOf(page: Page): string[] {
  const asked: string[] = [];
  page.on('request', (request) => {
    const tile = /\/tiles\/(.+\/\d+\/\d+\/\d+)$/.exec(new URL(request.url()).pathname);
    if (tile?.[1] !== undefined) asked.push(tile[1]);
  });
  return asked;
}

/** Takes a layer out of the store, as `Store::drop_layer` does. */
function drop(layer: string): void {
  const of = (table: string): string => `DELETE FROM ${table} WHERE table_name = '${layer}';`;
  const sql = `BEGIN IMMEDIATE; DROP TABLE ${layer}; DROP TABLE bricola_history_${layer}; ${['gpkg_geometry_columns', 'gpkg_contents', 'bricola_layers'].map(of).join(' ')}
    INSERT INTO bricola_changes (layer, operation) VALUES ('${layer}', 'replace'); COMMIT;`;
  execFileSync('sqlite3', ['-bail', '-cmd', '.timeout 20000', STORE!, sql]);
}

/** Loads one point as a layer, which is made where it is not there. */
function load(layer: string, properties: object, { lon, lat }: { lon: number; lat: number }): void {
  const folder = mkdtempSync(join(tmpdir(), 'bricola-e2e-'));
  const file = join(folder, 'points.geojson');
  writeFileSync(file, JSON.stringify({ type: 'Feature', geometry: { type: 'Point', coordinates: [lon, lat] }, properties }));
  execFileSync(PROGRAM!, ['load', file, '--layer', layer, '--data', dirname(STORE!)], { stdio: 'ignore' });
  rmSync(folder, { recursive: true });
}

/** Ids of the style's layers that draw a layer and are shown. */
function shown(page: Page, layer: string): Promise<string[]> {
  return page.evaluate((id) => {
    const { map } = (document.querySelector('#map') as unknown as { cityMap: { map: { getStyle(): { layers: { id: string; 'source-layer'?: string; layout?: { visibility?: string } }[] } } } }).cityMap;
    return map.getStyle().layers.flatMap((l) => (l['source-layer'] === id && l.layout?.visibility !== 'none' ? [l.id] : []));
  }, layer);
}

/** Whether a tile with its buffer touches a box. */
function touches(tile: string, [west, south, east, north]: [number, number, number, number]): boolean {
  const [z = 0, x = 0, y = 0] = tile.split('/').slice(-3).map(Number);
  const lon = (column: number): number => (column / 2 ** z) * 360 - 180;
  const lat = (row: number): number => (Math.atan(Math.sinh(Math.PI * (1 - (2 * row) / 2 ** z))) * 180) / Math.PI;
  const buffer = 64 / 4096 + 0.001;
  return lon(x - buffer) <= east && lon(x + 1 + buffer) >= west && lat(y + 1 + buffer) <= north && lat(y - buffer) >= south;
}

describe('a page that hears of changes', () => {
  it('says so, in words that axe accepts, and says when it does not', async () => {
    const { page, watch } = await open(browser, server.url, '?lang=it');
    await ready(page);
    await page.waitForSelector(LIVE);
    expect(await page.textContent('.map-live')).toBe('In diretta');
    expect(await axe(page)).toEqual([]);
    if (server.mock) {
      server.mock.failEvents = true;
      server.mock.hangUp();
      await page.waitForSelector(LOST);
      expect(await page.textContent('.map-live')).toBe('Non collegata');
      expect(await axe(page)).toEqual([]);
      server.mock.failEvents = false;
      // A refusal with 503 ends the browser's own attempts; the page goes on.
      await page.waitForSelector(LIVE, { timeout: 20_000 });
    }
    expect(watch.faults).toEqual([]);
    await page.context().close();
  });

  it.runIf(STORE !== undefined)('draws what another program edits within two seconds, and asks for no other tile', async () => {
    const { page, watch } = await open(browser, server.url, `?lang=it${at()}`);
    await ready(page);
    await page.waitForSelector(LIVE);
    await page.waitForSelector('.parcel-card');
    await drawn(page);
    const lookup = await fetch(new URL(`lookup?x=${parcel.lon}&y=${parcel.lat}&layers=parcels`, server.url));
    const { hits } = (await lookup.json()) as { hits: { feature: { id: number; bbox: [number, number, number, number] } }[] };
    const feature = hits[0]!.feature;
    const inView = await page.evaluate(
      () => (document.querySelector('#map') as unknown as { cityMap: { tileCount(): number } }).cityMap.tileCount(),
    );
    const asked = tilesOf(page);
    const started = Date.now();
    execFileSync('sqlite3', ['-cmd', '.timeout 20000', STORE!, `UPDATE parcels SET number = '9999' WHERE fid = ${feature.id}`]);
    await page.waitForFunction(
      (id) =>
        (document.querySelector('#map') as unknown as { cityMap: { property(layer: string, id: number, name: string): unknown } }).cityMap.property(
          'parcels',
          id,
          'number',
        ) === '9999',
      feature.id,
      { timeout: 10_000, polling: 50 },
    );
    const took = Date.now() - started;
    expect(took, 'milliseconds from the edit to the drawn tile').toBeLessThan(2000);
    // The answer beside the map is renewed too.
    await page.waitForFunction(() => document.querySelector('.parcel-numbers')?.textContent?.includes('9999'));
    await page.waitForTimeout(1500);
    await drawn(page);
    expect(asked.length).toBeGreaterThan(0);
    expect(asked.filter((tile) => !tile.includes('parcels') || !touches(tile, feature.bbox))).toEqual([]);
    expect(new Set(asked).size, 'tiles asked for, of those in view').toBeLessThan(inView);
    expect(watch.faults).toEqual([]);
    await page.context().close();
  });

  it.runIf(STORE !== undefined && PROGRAM !== undefined)('lists layers that come and takes away those that go, and leaves the rest as it was', async () => {
    const { page, watch } = await open(browser, server.url, `?lang=it${at()}`);
    await ready(page);
    await page.waitForSelector(LIVE);
    await page.waitForSelector('.parcel-card');
    await page.click('#tab-layers');
    const theme = page.locator('#open-green');
    if ((await theme.getAttribute('aria-expanded')) === 'false') await theme.click();
    // What the user chose: toilets on, parks the other way round; and where the keyboard is.
    if (!(await page.isChecked('#layer-toilets'))) await page.click('label[for=layer-toilets]');
    const parks = !(await page.isChecked('#layer-parks'));
    await page.click('label[for=layer-parks]');
    await page.click('#more-fountains');
    await page.focus('#layer-fountains');
    const kept = await page.$('#layer-fountains');
    const total = await page.locator('.layer').count();
    // All that is said: what is said of the answer beside the map may follow at once.
    await page.evaluate(() => {
      const said = ((globalThis as unknown as { said: string[] }).said = []) as string[];
      const live = document.querySelector('#live')!;
      new MutationObserver(() => live.textContent && said.push(live.textContent)).observe(live, { childList: true });
    });
    const heard = (text: string): Promise<unknown> =>
      page.waitForFunction((wanted) => (globalThis as unknown as { said: string[] }).said.includes(wanted), text, { timeout: 10_000 });
    expect(await shown(page, 'toilets')).not.toEqual([]);

    drop('toilets');
    await page.waitForSelector('#layer-toilets', { state: 'detached', timeout: 10_000 });
    await heard('Non più nella mappa: Bagni pubblici.');
    expect(await page.locator('.layer').count()).toBe(total - 1);
    expect(await focused(page)).toBe('layer-fountains');
    expect(await page.evaluate((box) => box === document.activeElement, kept), 'the row is the one that it was').toBe(true);
    expect(await page.isVisible('#details-fountains')).toBe(true);
    expect(await page.isChecked('#layer-parks')).toBe(parks);
    expect(await shown(page, 'toilets')).toEqual([]);
    expect(await axe(page)).toEqual([]);

    load('toilets', { code: 'WC1', name: 'Alla prova' }, parcel);
    await page.waitForSelector('#layer-toilets', { timeout: 10_000 });
    await heard('Nuovi nella mappa: Bagni pubblici.');
    expect(await page.isChecked('#layer-toilets'), 'switched on, as the user left it').toBe(true);
    expect(await focused(page)).toBe('layer-fountains');
    // In the tiles that the map has: as a symbol it may give way to others.
    await page.waitForFunction(
      () => {
        interface Map {
          getStyle(): { sources: Record<string, { type: string }> };
          querySourceFeatures(source: string, of: { sourceLayer: string }): { properties: { name?: string } }[];
        }
        const { map } = (document.querySelector('#map') as unknown as { cityMap: { map: Map } }).cityMap;
        const sources = Object.entries(map.getStyle().sources).filter(([, { type }]) => type === 'vector');
        const features = sources.flatMap(([source]) => map.querySourceFeatures(source, { sourceLayer: 'toilets' }));
        return features.some(({ properties }) => properties.name === 'Alla prova');
      },
      undefined,
      { timeout: 20_000 },
    );
    await page.click('#tab-here');
    await page.waitForFunction(() => document.querySelector('#body-here')?.textContent?.includes('Alla prova'));

    // Where the keyboard was in a row that goes, it is in one beside it.
    await page.click('#tab-layers');
    await page.focus('#layer-toilets');
    drop('toilets');
    await page.waitForSelector('#layer-toilets', { state: 'detached' });
    expect(await focused(page)).toMatch(/^layer-/);
    await drawn(page);
    expect(watch.faults).toEqual([]);
    await page.context().close();
  });
});
