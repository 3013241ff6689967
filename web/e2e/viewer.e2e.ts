import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DESK, PHONE, axe, focused, launch, ready } from './browser.ts';
import { type Target, someParcel, someStreet, target } from './target.ts';
import { visit as visitAt } from './visit.ts';

let browser: Browser;
let server: Target;
let parcel: Awaited<ReturnType<typeof someParcel>>;

beforeAll(async () => {
  server = await target();
  [browser, parcel] = await Promise.all([launch(), someParcel(server.url)]);
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
});

const visit = (path: string, steps: (page: Page) => Promise<void>, options = DESK): Promise<void> =>
  visitAt(browser, server.url, path, steps, options);

const at = (): string => `#map=17.5/${parcel.lat}/${parcel.lon}&at=${parcel.lat},${parcel.lon}`;

describe.each(['it', 'en'] as const)('in %s', (lang) => {
  const here = lang === 'it' ? 'Cosa c’è qui' : 'What is here';

  it.each([
    ['desk', DESK],
    ['phone', PHONE],
  ] as const)('axe finds nothing on a %s: layers, answer, results', async (_, options) => {
    await visit(
      `?lang=${lang}`,
      async (page) => {
        await ready(page);
        expect(await page.getAttribute('html', 'lang')).toBe(lang);
        expect(await axe(page)).toEqual([]);
        await page.click('#tab-layers');
        await page.click('.layer .icon-button >> nth=0');
        expect(await axe(page)).toEqual([]);
        await page.fill('#search-input', `${parcel.sheet}/${parcel.number}`);
        await page.waitForSelector('#search-results [role=option]');
        expect(await axe(page)).toEqual([]);
        await page.click('#search-results [role=option]');
        await page.waitForSelector('.parcel-card');
        await page.waitForTimeout(400);
        expect(await axe(page)).toEqual([]);
      },
      options,
    );
  });

  it('a shared link opens the place, in its language', async () => {
    await visit(`?lang=${lang}${at()}`, async (page) => {
      await page.waitForSelector('.parcel-card');
      expect(await page.textContent('#tab-here')).toBe(here);
      expect(await page.textContent('.parcel-numbers')).toContain(parcel.number);
      expect(await page.textContent('.parcel-card')).toContain(parcel.ref);
    });
  });
});

describe('the language', () => {
  it('is Italian at first, changes with the link, keeps the map, and is remembered', async () => {
    await visit(at(), async (page) => {
      await page.waitForSelector('.parcel-card');
      expect(await page.getAttribute('html', 'lang')).toBe('it');
      await page.click('.languages a[hreflang=en]');
      await page.waitForSelector('html[lang=en] .parcel-card');
      expect(page.url()).toContain(`at=${parcel.lat}`);
      await page.goto(server.url);
      await page.waitForSelector('html[lang=en] .layer-tree');
    });
  });
});

describe('the keyboard alone', () => {
  it('skips to the map, asks about its centre, and comes to the answer', async () => {
    await visit(`#map=17.5/${parcel.lat}/${parcel.lon}`, async (page) => {
      await ready(page);
      await page.keyboard.press('Tab');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      expect(await page.evaluate(() => document.activeElement?.classList.contains('maplibregl-canvas'))).toBe(true);
      await page.keyboard.press('Enter');
      await page.waitForSelector('.parcel-card');
      await page.waitForFunction(() => document.activeElement?.id === 'here-title');
      expect(await page.textContent('.parcel-numbers')).toContain(parcel.number);
      await page.waitForFunction(() => (document.getElementById('live')?.textContent ?? '') !== '');
    });
  });

  it('searches a parcel, moves through the results and chooses', async () => {
    await visit('', async (page) => {
      await ready(page);
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      expect(await focused(page)).toBe('search-input');
      await page.keyboard.type(`foglio ${parcel.sheet} particella ${parcel.number}`);
      await page.waitForSelector('#search-input[aria-expanded=true]');
      await page.keyboard.press('ArrowDown');
      expect(await page.getAttribute('#search-input', 'aria-activedescendant')).toBe('search-option-0');
      await page.keyboard.press('Escape');
      expect(await page.getAttribute('#search-input', 'aria-expanded')).toBe('false');
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('Enter');
      await page.waitForSelector('.parcel-card');
      expect(await page.textContent('.parcel-numbers')).toContain(parcel.number);
      await page.waitForFunction(() => document.activeElement?.id === 'here-title');
    });
  });

  it('suggests streets while they are typed, flies to the chosen one and shows what is there', async () => {
    const name = (await someStreet(server.url)).split(' ').slice(0, 3).join(' ');
    await visit('', async (page) => {
      await ready(page);
      const before = new URL(page.url()).hash;
      await page.focus('#search-input');
      await page.keyboard.type(name.slice(0, -1));
      await page.waitForSelector('#search-results [role=option]');
      expect((await page.textContent('#search-option-0 .result-title'))?.toLowerCase()).toContain(name.slice(0, -1).toLowerCase());
      await page.keyboard.type(name.slice(-1));
      await page.waitForFunction(() => document.querySelector('#search-input')?.getAttribute('aria-expanded') === 'true');
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('Enter');
      await page.waitForFunction(() => document.activeElement?.id === 'here-title');
      await page.waitForFunction((hash) => location.hash !== hash && location.hash.includes('at='), before);
      expect(await page.locator('.hit, .parcel-card').count()).toBeGreaterThan(0);
    });
  });

  it('says so when nothing is called that', async () => {
    await visit('', async (page) => {
      await ready(page);
      await page.fill('#search-input', 'xyzzy qwertzuiop');
      await page.keyboard.press('Enter');
      await page.waitForSelector('.search-message:not([hidden])');
      expect(await page.textContent('.search-message')).toContain('xyzzy qwertzuiop');
      expect(await page.getAttribute('#search-input', 'aria-expanded')).toBe('false');
    });
  });

  it('reaches every control in reading order and never gets stuck', async () => {
    await visit('', async (page) => {
      await ready(page);
      const seen: string[] = [];
      for (let i = 0; i < 120; i += 1) {
        await page.keyboard.press('Tab');
        const where = await page.evaluate(() => {
          const element = document.activeElement as HTMLElement | null;
          if (!element || element === document.body) return 'end';
          if (element.classList.contains('maplibregl-canvas')) return 'map';
          return element.id || element.className;
        });
        if (where === 'end') break;
        seen.push(where);
      }
      const order = ['share', 'search-input', 'search-crs', 'tab-layers', 'map'].map((name) => seen.findIndex((where) => where === name));
      expect(order.every((place) => place >= 0), seen.join(' | ')).toBe(true);
      expect([...order].sort((a, b) => a - b)).toEqual(order);
    });
  });

  it('switches tabs with the arrows and layers with the space bar', async () => {
    await visit('', async (page) => {
      await ready(page);
      await page.focus('#tab-layers');
      await page.keyboard.press('ArrowRight');
      expect(await page.getAttribute('#tab-here', 'aria-selected')).toBe('true');
      await page.keyboard.press('ArrowLeft');
      const box = page.locator('.layer-list input:checked').first();
      const id = (await box.getAttribute('id')) ?? '';
      await box.focus();
      await page.keyboard.press('Space');
      await page.waitForFunction(() => location.hash.includes('layers='));
      expect(new URLSearchParams(new URL(page.url()).hash.slice(1)).get('layers')?.split(',')).not.toContain(id.replace('layer-', ''));
      await page.click('.reset-layers');
      await page.waitForFunction(() => !location.hash.includes('layers='));
      expect(await page.isChecked(`#${id}`)).toBe(true);
    });
  });
});

describe('coordinates', () => {
  it('typed in degrees lead to the parcel there', async () => {
    await visit('', async (page) => {
      await ready(page);
      await page.fill('#search-input', `${parcel.lat.toFixed(7)} ${parcel.lon.toFixed(7)}`);
      await page.waitForSelector('#search-results [role=option]');
      await page.click('#search-results [role=option]');
      await page.waitForSelector('.parcel-card');
      expect(await page.textContent('.parcel-numbers')).toContain(parcel.number);
    });
  });

  it('that cannot be read are refused in the server’s words', async () => {
    await visit('', async (page) => {
      await ready(page);
      await page.fill('#search-input', '999999999999 888888888888');
      await page.keyboard.press('Enter');
      await page.waitForSelector('.search-message:not([hidden])');
      expect(((await page.textContent('.search-message')) ?? '').length).toBeGreaterThan(10);
      expect(await page.getAttribute('#search-input', 'aria-expanded')).toBe('false');
    });
  });

  it('of the open sea say that nothing is there', async () => {
    await visit('#map=14/0/0&at=0,0', async (page) => {
      await page.waitForSelector('.tab-body .alert');
      expect(await page.locator('.parcel-card').count()).toBe(0);
    });
  });
});

describe('the share button', () => {
  it('copies a link that opens the same map, and says so', async () => {
    await visit(at(), async (page) => {
      await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
      await page.waitForSelector('.parcel-card');
      await ready(page);
      await page.click('#share');
      await page.waitForFunction(() => document.getElementById('live')?.textContent === 'Collegamento copiato.');
      const link = await page.evaluate(() => navigator.clipboard.readText());
      expect(link).toContain('lang=it');
      expect(link).toContain(`at=${parcel.lat}`);
      expect(link).toContain('map=17.5/');
    });
  });
});

describe('a click on the map', () => {
  it.each([
    ['desk', DESK],
    ['phone', PHONE],
  ] as const)('on a %s answers what is there and leaves the place in sight', async (_, options) => {
    await visit(
      `#map=17.5/${parcel.lat}/${parcel.lon}`,
      async (page) => {
        await ready(page);
        const box = await page.locator('#map').boundingBox();
        if (!box) throw new Error('no map');
        await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
        await page.waitForSelector('.parcel-card');
        expect(await page.textContent('.parcel-numbers')).toContain(parcel.number);
        await page.waitForTimeout(300);
        const pin = await page.locator('.place-pin').boundingBox();
        const sheet = await page.locator('#panel').boundingBox();
        if (!pin || !sheet) throw new Error('no pin');
        const covered = options === PHONE ? pin.y + pin.height > sheet.y : pin.x < sheet.x + sheet.width;
        expect(covered).toBe(false);
      },
      options,
    );
  });
});
