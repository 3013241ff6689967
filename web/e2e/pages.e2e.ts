import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DESK, PHONE, axe, launch } from './browser.ts';
import { type Target, target } from './target.ts';
import { visit as visitAt } from './visit.ts';

// Pages that the server itself makes: the mock has none.
const there = (process.env['BRICOLA_URL'] ?? '') !== '';

let browser: Browser;
let server: Target;

beforeAll(async () => {
  [server, browser] = await Promise.all([target(), launch()]);
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
});

const visit = (path: string, steps: (page: Page) => Promise<void>, options = DESK): Promise<void> =>
  visitAt(browser, server.url, path, steps, options);

/** Waits until the page's map is drawn. */
async function drawn(page: Page): Promise<void> {
  await page.waitForFunction(() => 'cityMap' in (document.querySelector('.page-map') ?? {}));
  await page.evaluate(() => (document.querySelector('.page-map') as unknown as { cityMap: { idle(): Promise<void> } }).cityMap.idle());
}

const PATHS = [
  'collections',
  'collections/parcels',
  'collections/parcels/items',
  'collections/parcels/items/1',
  'collections/parcels/schema',
  'collections/parcels/queryables',
  'collections/parcels/sortables',
  'styles',
  'tiles',
  'tiles/WebMercatorQuad',
  'collections/parcels/tiles',
  'collections/parcels/tiles/ItalyRDN2008_UTM33NQuad',
  'tileMatrixSets',
  'tileMatrixSets/WorldCRS84Quad',
  'conformance',
  'processes',
  'processes/base-tariff',
  'parcel',
  'zones',
  'tariff',
  'certificate',
];

describe.runIf(there)('the pages of the server', () => {
  it.each(PATHS)('%s: axe finds nothing, in both languages, on a desk and on a phone', async (path) => {
    for (const lang of ['it', 'en']) {
      for (const options of [DESK, PHONE]) {
        await visit(
          `${path}?lang=${lang}`,
          async (page) => {
            expect(await page.getAttribute('html', 'lang')).toBe(lang);
            if (await page.$('.page-map')) await drawn(page);
            expect(await axe(page)).toEqual([]);
            expect(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'nothing sticks out').toBe(true);
          },
          options,
        );
      }
    }
  });

  it('lead from the list of layers by the keyboard to a feature and back', async () => {
    await visit('collections?lang=en', async (page) => {
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      expect(await page.evaluate(() => document.activeElement?.id)).toBe('content');
      await page.focus('a[href*="collections/parcels?"]');
      await page.keyboard.press('Enter');
      await page.waitForSelector('h1:has-text("arcel")');
      await drawn(page);
      await page.click('a.btn:has-text("All features")');
      await page.waitForSelector('table');
      await page.click('th a:has-text("Sheet")');
      await page.waitForSelector('th[aria-sort=ascending]');
      await page.click('a[rel=next]');
      await page.waitForSelector('a:has-text("First page")');
      expect(await page.getAttribute('th[aria-sort]', 'aria-sort')).toBe('ascending');
      await page.click('tbody th a');
      await drawn(page);
      await page.click('.breadcrumb a:has-text("Features")');
      await page.waitForSelector('table');
      await page.click('.languages a[hreflang=it]');
      await page.waitForSelector('html[lang=it] table');
    });
  });

  it('copy a snippet', async () => {
    await visit('collections/parcels?lang=en', async (page) => {
      await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
      await page.click('summary:has-text("curl")');
      await page.click('.snippet[open] .copy');
      await page.waitForSelector('.copied:has-text("Copied")');
      expect(await page.evaluate(() => navigator.clipboard.readText())).toContain('/collections/parcels/items?f=fgb');
    });
  });

  it('can be read without scripts', async () => {
    const context = await browser.newContext({ ...DESK, javaScriptEnabled: false });
    const page = await context.newPage();
    await page.goto(new URL('collections/parcels', server.url).href);
    expect(await page.textContent('table')).not.toBe('');
    expect(await page.isVisible('.page-map')).toBe(false);
    await context.close();
  });
});
