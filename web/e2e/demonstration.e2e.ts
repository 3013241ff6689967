import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { describe, expect, it, onTestFinished } from 'vitest';
import { launch, open, ready } from './browser.ts';
import { Psql } from './psql.ts';
import { sideBySide } from './sideBySide.ts';

/** Where the pictures go, and the server that the browser looks at; `scripts/demonstration` sets both. */
const PICTURES = process.env['BRICOLA_PICTURES'];
const SERVER = process.env['BRICOLA_URL'] ?? '';

const SIZE = { width: 900, height: 700 };
/** A block of houses in the demo city of 5,000 parcels and seed 1, with a place in its parcel 46. */
const PLACE = '?lang=en#map=16.6/45.49656/12.84413&at=45.49709,12.84409';
const BLOCK = `sheet = 53 AND number IN
  ('41','42','43','44','45','46','47','48','49','50','51','52')`;
const QUESTION = `SELECT count(*) AS parcels, sum(area_m2) AS m2 FROM city.parcels
  WHERE ${BLOCK};`;
const EDIT = `BEGIN;
INSERT INTO city.parks (code, name, kind, geom)
  SELECT 'PK53', 'Parco della Pace', 'park', ST_Multi(ST_Union(geom))
  FROM city.parcels WHERE ${BLOCK}
  RETURNING fid;
DELETE FROM city.buildings b USING city.parks p
  WHERE p.code = 'PK53' AND ST_Within(b.geom, p.geom);
DELETE FROM city.parcels c USING city.parks p
  WHERE p.code = 'PK53' AND ST_Within(c.geom, p.geom)
  AND number <> '46';
UPDATE city.parcels c SET geom = p.geom,
  area_m2 = round(ST_Area(p.geom)) FROM city.parks p
  WHERE p.code = 'PK53' AND sheet = 53 AND number = '46';`;

/** The page's own map, and what is kept on the page here: a reload would lose it. */
interface CityMap {
  idle(): Promise<void>;
  tileCount(): number;
  property(layer: string, id: number, name: string): unknown;
}
interface Kept {
  redrawn?: Promise<number>;
}

/** Waits until nothing moves on the map any more; how many tiles are in sight. */
function drawn(page: Page): Promise<number> {
  return page.evaluate(async () => {
    const { cityMap } = document.querySelector('#map') as unknown as { cityMap: CityMap };
    await cityMap.idle();
    return cityMap.tileCount();
  });
}

/** From now on looks for a park on the map, and keeps when it was drawn, in milliseconds of the clock. */
function lookFor(page: Page, park: number): Promise<void> {
  return page.evaluate((id) => {
    const { cityMap } = document.querySelector('#map') as unknown as { cityMap: CityMap };
    (globalThis as Kept).redrawn = new Promise((resolve) => {
      const look = (): void => {
        if (cityMap.property('parks', id, 'name') === undefined) setTimeout(look, 10);
        else void cityMap.idle().then(() => requestAnimationFrame(() => resolve(Date.now())));
      };
      look();
    });
  }, park);
}

describe.runIf(PICTURES !== undefined)('the demonstration', () => {
  it('shows a transaction of psql on the page of another server, which draws it by itself', async () => {
    const [browser, psql] = await Promise.all([launch(), Psql.open('psql -U clerk sit')]);
    onTestFinished(async () => {
      psql.close();
      await browser.close();
    });
    const { page, watch } = await open(browser, SERVER, PLACE, { viewport: SIZE });
    const map = page.locator('#map');
    const compose = async (file: string, title: string): Promise<void> => {
      const address = `${SERVER}   (the second of two servers over this database)`;
      const sides = { title, terminal: psql.text, address, page: await page.screenshot(), ...SIZE };
      writeFileSync(join(PICTURES!, file), await sideBySide(browser, sides));
    };

    await ready(page);
    await page.waitForSelector('.map-live[data-state=live]');
    await page.waitForSelector('.parcel-card');
    const inView = await drawn(page);
    await psql.type(QUESTION);
    const before = { map: await map.screenshot(), card: await page.textContent('.parcel-card') };
    await compose('before.png', 'Before: a block of houses, and the page of somebody who looks at it');

    const tiles = new Set<string>();
    page.on('request', (request) => {
      if (request.url().includes('/tiles/')) tiles.add(request.url());
    });
    await psql.type(EDIT);
    await lookFor(page, Number(/ fid \n-+\n +(\d+)/.exec(psql.text)?.[1]));
    await page.waitForTimeout(300);
    expect(tiles.size, 'tiles asked for before the commit').toBe(0);
    const committed = Date.now();
    await psql.type('COMMIT;');
    const redrawn = page.evaluate(() => (globalThis as Kept).redrawn);
    const took = ((await Promise.race([redrawn, page.waitForTimeout(20_000)])) ?? Number.NaN) - committed;
    expect(took, 'milliseconds from COMMIT to the drawn map, on a page that was not loaded again').toBeLessThan(5000);

    await page.waitForFunction((card) => ![null, undefined, card].includes(document.querySelector('.parcel-card')?.textContent), before.card);
    await drawn(page);
    expect((await map.screenshot()).equals(before.map), 'the map looks as before').toBe(false);
    expect(tiles.size, 'tiles asked for, of those in sight').toBeLessThan(inView);
    expect(watch.faults).toEqual([]);
    const facts = `${took} ms after COMMIT the page had drawn itself anew, asking for ${tiles.size} of its ${inView} tiles`;
    await compose('after.png', `After: ${facts}`);
    console.log(facts);
  });
});
