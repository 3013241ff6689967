import { mkdirSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DESK, PHONE, axe, launch } from './browser.ts';
import { type Target, target } from './target.ts';
import { visit } from './visit.ts';

// The stories of two clerks, in a browser at a real server.
const there = (process.env['BRICOLA_URL'] ?? '') !== '';
/** A folder for pictures, where they are wanted. */
const PICTURES = process.env['BRICOLA_PICTURES'] ?? '';

let browser: Browser;
let server: Target;

beforeAll(async () => {
  [server, browser] = await Promise.all([target(), launch()]);
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
});

interface Item {
  geometry: { coordinates: number[][][][] };
  properties: Record<string, unknown>;
}

async function items(path: string): Promise<Item[]> {
  const response = await fetch(new URL(`collections/${path}`, server.url));
  return ((await response.json()) as { features: Item[] }).features;
}

async function picture(page: Page, name: string): Promise<void> {
  if (PICTURES === '') return;
  mkdirSync(PICTURES, { recursive: true });
  await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true });
}

describe.runIf(there)('at the desks', () => {
  it('tariff: an outdoor café is drawn on the map, and its parcel, zone and fee are told', async () => {
    const [occupation] = await items('occupations/items?limit=1&water=false');
    const ring = occupation!.geometry.coordinates[0]![0]!.slice(0, -1);
    await visit(
      browser,
      server.url,
      'tariff?f=html&lang=it',
      async (page) => {
        await page.waitForFunction(() => 'cityMap' in (document.querySelector('.draw') ?? {}));
        const [x, y] = [0, 1].map((axis) => ring.reduce((sum, at) => sum + at[axis]!, 0) / ring.length) as [number, number];
        await page.evaluate(
          async ([lon, lat]) => {
            const { cityMap } = document.querySelector('.draw') as unknown as { cityMap: { jump(view: object): void; idle(): Promise<void> } };
            cityMap.jump({ lon, lat, zoom: 20 });
            await cityMap.idle();
          },
          [x, y] as [number, number],
        );
        await page.selectOption('#occupation', 'plateatico');
        await page.getByRole('button', { name: 'Superficie' }).click();
        const canvas = page.locator('.draw-map canvas');
        await canvas.scrollIntoViewIfNeeded();
        const box = (await canvas.boundingBox())!;
        const corners = [[-60, -40], [60, -40], [60, 40], [-60, 40]] as const;
        for (const [dx, dy] of corners) await page.mouse.click(box.x + box.width / 2 + dx, box.y + box.height / 2 + dy, { delay: 20 });
        await expect.poll(() => page.inputValue('#geometry')).toMatch(/^POLYGON \(\((.+, ){4}.+\)\)$/);
        await page.fill('#from', '2026-06-01');
        await page.fill('#to', '2026-06-30');
        await picture(page, 'tariff-drawn');
        await page.getByRole('button', { name: 'Chiedi' }).click();
        await page.waitForSelector('.fee');
        expect(await page.textContent('.fee')).toMatch(/\d+,\d{2} €/);
        expect(await page.textContent('.answer')).toContain('Città antica');
        // What was drawn is there still, and the address is the question.
        await page.waitForFunction(() => 'cityMap' in (document.querySelector('.draw') ?? {}));
        expect(await page.inputValue('#geometry')).toContain('POLYGON');
        expect(new URL(page.url()).searchParams.get('occupation')).toBe('plateatico');
        expect(await axe(page)).toEqual([]);
        await picture(page, 'tariff-answer');
        // The parcel at the same place.
        const drawn = await page.inputValue('#geometry');
        await page.goto(new URL(`zones?f=html&lang=it&geometry=${encodeURIComponent(drawn)}`, server.url).href);
        expect(await page.textContent('.answer')).toContain('Particelle');
        await picture(page, 'zones-answer');
      },
      DESK,
    );
  });

  it('tariff: a place is drawn by the keyboard alone', async () => {
    await visit(
      browser,
      server.url,
      'tariff?f=html&lang=en',
      async (page) => {
        await page.waitForFunction(() => 'cityMap' in (document.querySelector('.draw') ?? {}));
        await page.getByRole('button', { name: 'Line', exact: true }).focus();
        await page.keyboard.press('Enter');
        await page.locator('.draw-map canvas').focus();
        await page.keyboard.press('Enter');
        await page.keyboard.press('ArrowRight');
        await page.waitForTimeout(600);
        await page.keyboard.press('Enter');
        await expect.poll(() => page.inputValue('#geometry')).toMatch(/^LINESTRING \(.+, .+\)$/);
      },
      DESK,
    );
  });

  it('zones: an address is suggested while one types, and is the place', async () => {
    const [address] = await items('addresses/items?limit=1');
    const full = String(address!.properties['full']);
    await visit(
      browser,
      server.url,
      'zones?f=html&lang=it',
      async (page) => {
        await page.locator('#address').pressSequentially(full.slice(0, -2));
        const options = page.locator('#address-suggestions option');
        await expect.poll(() => options.count()).toBeGreaterThan(0);
        const values = await options.evaluateAll((all) => all.map((option) => (option as HTMLOptionElement).value));
        await page.fill('#address', values[0]!);
        await page.getByRole('button', { name: 'Chiedi' }).click();
        // The one house, or a list to choose it from.
        await page.waitForSelector('.answer, .notice-danger ul');
        if ((await page.locator('.answer').count()) === 0) await page.locator('.notice-danger ul a').first().click();
        expect(await page.textContent('.answer')).toContain('Particelle');
        expect(await axe(page)).toEqual([]);
      },
      DESK,
    );
  });

  it('zones: a stretch of a street between two house numbers is a place, and a number that is not there is named', async () => {
    const houses = (await items('addresses/items?limit=1000')).map((it) => it.properties as Record<string, string | null>);
    const number = (house: Record<string, string | null>): string => `${house['number']}${house['suffix'] ? `/${house['suffix']}` : ''}`;
    let question: { along: string; between: string } | undefined;
    for (const [place, house] of houses.entries()) {
      const other = houses.slice(place + 1).find((it) => it['street_code'] === house['street_code'] && number(it) !== number(house));
      if (!other) continue;
      const tried = { along: house['street_code']!, between: `${number(house)},${number(other)}` };
      if ((await fetch(new URL(`zones?${new URLSearchParams({ ...tried, layers: 'parcels' })}`, server.url))).ok) question = tried;
      if (question) break;
    }
    expect(question).toBeDefined();
    await visit(
      browser,
      server.url,
      'zones?f=html&lang=it',
      async (page) => {
        await page.fill('#along', question!.along);
        await page.fill('#between', question!.between);
        await page.getByRole('button', { name: 'Chiedi' }).click();
        await page.waitForSelector('.answer');
        expect(await page.inputValue('#between')).toBe(question!.between);
        expect(await axe(page)).toEqual([]);
        await picture(page, 'zones-stretch');
        await page.fill('#between', `${question!.between.split(',')[0]},99999`);
        await page.getByRole('button', { name: 'Chiedi' }).click();
        await page.waitForSelector('.notice-danger');
        expect(await page.textContent('.notice-danger')).toContain('99999');
      },
      DESK,
    );
  });

  it('rentals: listings are counted by area, and a blurred place means many addresses or none', async () => {
    const [address] = await items('addresses/items?limit=1');
    const [lon, lat] = (address as unknown as { geometry: { coordinates: number[] } }).geometry.coordinates;
    await visit(
      browser,
      server.url,
      'rentals?f=html&lang=it',
      async (page) => {
        expect(await page.textContent('.answer tfoot')).toMatch(/In tutto\s*\d+/);
        expect(await axe(page)).toEqual([]);
        await picture(page, 'rentals-answer');
        for (const path of [`rentals/candidates?f=html&lang=it&x=${lon}&y=${lat}`, 'units?f=html&lang=it&parcel=12/1', 'jobs?f=html&lang=it']) {
          await page.goto(new URL(path, server.url).href);
          expect(await page.textContent('h1')).toMatch(/annuncio|Unità|Lavori/);
          expect(await axe(page), path).toEqual([]);
        }
      },
      DESK,
    );
  });

  it('certificate: two parcels as of last 1 January, as a page and as a PDF', async () => {
    const parcels = (await items('parcels/items?limit=200')).filter((it) => it.properties['kind'] === 'parcel');
    const names = parcels.slice(0, 2).map((it) => String(it.properties['national_ref']));
    expect(names.length).toBe(2);
    await visit(
      browser,
      server.url,
      'certificate?f=html&lang=it',
      async (page) => {
        await page.fill('#parcels', names.join(', '));
        await page.fill('#datetime', '2026-01-01');
        await page.getByRole('button', { name: 'Chiedi' }).click();
        await page.waitForSelector('.certificate');
        expect(await page.locator('.certificate').count()).toBe(2);
        expect(await page.textContent('.certificate')).toContain('100,00');
        expect(await axe(page)).toEqual([]);
        await picture(page, 'certificate-answer');
        const address = await page.getByRole('link', { name: 'PDF' }).getAttribute('href');
        const pdf = await fetch(new URL(address!, page.url()));
        expect([pdf.status, pdf.headers.get('content-type')]).toEqual([200, 'application/pdf']);
      },
      DESK,
    );
  });

  /** A place inside a feature. */
  async function inside(feature: string): Promise<[string, string]> {
    const response = await fetch(new URL(`zones?feature=${feature}&layers=parcels`, server.url));
    const { place } = (await response.json()) as { place: { lon: number; lat: number } };
    return [String(place.lon), String(place.lat)];
  }

  it.each([['desk', DESK], ['phone', PHONE]] as const)('ztl: may this van enter here on Saturday at 19:00, and from when? (%s)', async (name, options) => {
    const response = await fetch(new URL('collections/ztl/items?code=ZTL1', server.url));
    const [zone] = ((await response.json()) as { features: { id: number }[] }).features;
    const [x, y] = await inside(`ztl/${zone!.id}`);
    await visit(
      browser,
      server.url,
      'ztl?f=html&lang=it',
      async (page) => {
        await page.fill('#x', x);
        await page.fill('#y', y);
        await page.fill('#datetime', '2026-07-18T19:00');
        await page.selectOption('#vehicle', 'van');
        await page.fill('#mass', '3500');
        await page.getByRole('button', { name: 'Chiedi' }).click();
        await page.waitForSelector('.fee');
        expect(await page.textContent('.fee')).toContain('solo con permesso');
        expect(await page.textContent('.answer')).toContain('18/07/2026, 20:00');
        expect(await page.getByRole('link', { name: 'Carico e scarico merci' }).count()).toBe(1);
        expect(await page.locator('svg.timeline rect').count()).toBeGreaterThan(14);
        // What was asked stands in the form and in the address.
        expect(await page.inputValue('#datetime')).toContain('2026-07-18T19:00');
        expect(await axe(page)).toEqual([]);
        await picture(page, `ztl-answer-${name}`);
      },
      options,
    );
  });

  it.each([['desk', DESK], ['phone', PHONE]] as const)('conflicts: which works collide with my dig, and when is it free? (%s)', async (name, options) => {
    const response = await fetch(new URL('collections/work-sites/items?limit=1', server.url));
    const [site] = ((await response.json()) as { features: { id: number; properties: Record<string, string> }[] }).features;
    const [x, y] = await inside(`work-sites/${site!.id}`);
    await visit(
      browser,
      server.url,
      'conflicts?f=html&lang=it',
      async (page) => {
        await page.fill('#x', x);
        await page.fill('#y', y);
        await page.fill('#from', site!.properties['from_date']!);
        await page.fill('#to', site!.properties['to_date']!);
        await page.getByRole('button', { name: 'Chiedi' }).click();
        await page.waitForSelector('.fee');
        expect(await page.textContent('.answer')).toContain(site!.properties['title']!);
        expect(await page.textContent('.answer')).toMatch(/periodo/);
        expect(await axe(page)).toEqual([]);
        await picture(page, `conflicts-answer-${name}`);
      },
      options,
    );
  });

  const SMALL = { ...PHONE, viewport: { width: 360, height: 740 } };

  /** Pixels by which the page is wider than its window. */
  function overflow(page: Page): Promise<number> {
    return page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  }

  it.each([['desk', DESK], ['phone', SMALL]] as const)('works: a citizen reads how they stand, by district (%s)', async (name, options) => {
    await visit(
      browser,
      server.url,
      'works?f=html&lang=it&by=district&level=quartiere&day=2026-06-30',
      async (page) => {
        await page.waitForSelector('.fee');
        expect(await page.textContent('.fee')).toMatch(/Opere \d+/);
        expect(await page.locator('figure.chart').count()).toBe(4);
        expect(await page.locator('.gantt-row rect.planned').count()).toBeGreaterThan(5);
        expect(await axe(page)).toEqual([]);
        expect(await overflow(page)).toBeLessThanOrEqual(0);
        await picture(page, `works-${name}`);
        const addresses = await page.getByRole('link', { name: /^CSV/ }).evaluateAll((links) => links.map((link) => (link as HTMLAnchorElement).href));
        expect(addresses.length).toBe(4);
        for (const address of addresses) expect((await fetch(address)).headers.get('content-type')).toContain('text/csv');
        // Tables that were closed are whole too.
        for (const summary of await page.locator('.as-table > summary').all()) await summary.click();
        expect(await axe(page)).toEqual([]);
        expect(await overflow(page)).toBeLessThanOrEqual(0);
        // On paper: no form, no links of the site.
        await page.emulateMedia({ media: 'print' });
        expect(await page.locator('form.question').isVisible()).toBe(false);
        await picture(page, `works-${name}-print`);
      },
      options,
    );
  });

  it.each([['desk', DESK], ['phone', SMALL]] as const)('works: a bar chooses what the map shows, the map a work (%s)', async (name, options) => {
    await visit(
      browser,
      server.url,
      'works?f=html&lang=it&day=2026-06-30',
      async (page) => {
        await page.waitForSelector('.works-map circle');
        const marks = page.locator('.works-map > svg > a');
        const all = await marks.count();
        await page.locator('.bars a', { hasText: 'esecuzione' }).first().click();
        await page.waitForSelector('.bars a[aria-current]');
        const some = await marks.count();
        expect(some).toBeGreaterThan(0);
        expect(some).toBeLessThan(all);
        expect(await page.locator('.works-map > svg > a.phase-execution').count()).toBe(some);
        expect(await page.locator('.bars').first().locator('li').count()).toBeGreaterThan(2);
        // Any mark that no other lies on.
        const title = await marks.last().locator('title').textContent();
        await marks.last().locator('circle').click();
        await page.waitForSelector('.work-record');
        expect(title).toContain((await page.textContent('.work-record h2'))!.trim());
        await page.locator('.work-record .as-table > summary').click();
        expect(await page.textContent('.work-record')).toContain('CPI = EV/AC');
        expect(await axe(page)).toEqual([]);
        expect(await overflow(page)).toBeLessThanOrEqual(0);
        await picture(page, `works-record-${name}`);
        // By keyboard: the list has the same links.
        const links = await page.locator('table').last().locator('tbody th a').count();
        expect(links).toBe(some);
        await page.locator('a.chip').first().click();
        await expect.poll(() => marks.count()).toBe(all);
      },
      options,
    );
  });

  it.each([['desk', DESK], ['phone', SMALL]] as const)('works: another site shows the dashboard in a frame, and no other page (%s)', async (name, options) => {
    const framed = (path: string): string => `<iframe src="${new URL(path, server.url).href}" width="100%" height="1500" title="opere"></iframe>`;
    const site = createServer((request, response) => {
      response.setHeader('content-type', 'text/html');
      response.end(`<!doctype html><html lang="it"><meta name="viewport" content="width=device-width"><title>Comune</title><h1>Comune</h1>${framed(request.url === '/other' ? 'zones?f=html' : 'works?f=html&embed=true&lang=it&day=2026-06-30')}`);
    });
    await new Promise<void>((resolve) => site.listen(0, 'localhost', resolve));
    const { port } = site.address() as AddressInfo;
    const context = await browser.newContext(options);
    try {
      const page = await context.newPage();
      await page.goto(`http://localhost:${port}/`);
      const frame = page.frameLocator('iframe');
      await frame.locator('.bars a').first().waitFor();
      expect(await frame.locator('.it-header-wrapper, form, .breadcrumb').count()).toBe(0);
      await frame.locator('.bars a').first().click();
      await frame.locator('.bars a[aria-current]').first().waitFor();
      await picture(page, `works-embedded-${name}`);
      await page.goto(`http://localhost:${port}/other`);
      await page.waitForLoadState('networkidle');
      expect(await frame.locator('form').count()).toBe(0);
    } finally {
      await context.close();
      await new Promise((resolve) => site.close(resolve));
    }
  });
});
