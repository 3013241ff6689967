import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { launch, open, ready } from './browser.ts';
import { startMock } from './mock/serve.mjs';

let browser: Browser;
let server: Awaited<ReturnType<typeof startMock>>;

beforeAll(async () => {
  [browser, server] = await Promise.all([launch(), startMock()]);
});

afterAll(async () => {
  await browser?.close();
  await server?.close();
});

/** What only a server in trouble shows; the mock gets into it on demand. */
describe('when the server is in trouble', () => {
  it('layers that cannot be listed are told with the reason, and asked for again', async () => {
    server.state.failCollections = true;
    const { page } = await open(browser, server.url);
    await page.waitForSelector('.alert-danger');
    expect(await page.textContent('.alert-danger')).toContain('Archivio non raggiungibile');
    server.state.failCollections = false;
    await page.click('.alert-danger button');
    await ready(page);
    await page.context().close();
  });

  it('a lookup that fails shows title and detail, and can be tried again', async () => {
    server.state.failLookup = true;
    const { page } = await open(browser, server.url, '#map=17/45.47/12.2&at=45.47,12.2');
    await page.waitForSelector('#body-here .alert-danger');
    expect(await page.textContent('#body-here')).toContain('Il livello parcels non è ancora pronto.');
    server.state.failLookup = false;
    await page.click('#body-here .alert-danger button');
    await page.waitForSelector('#here-title');
    await page.context().close();
  });

  it('a layer being prepared says so until it is ready', async () => {
    server.state.preparing = ['stops'];
    const { page } = await open(browser, server.url);
    await ready(page);
    expect(await page.textContent('#state-stops')).toBe('In preparazione');
    server.state.preparing = [];
    await page.waitForFunction(() => document.getElementById('state-stops')?.textContent === '');
    await page.context().close();
  });

  it('without WebGL search and answers still work', async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.addInitScript(() => {
      HTMLCanvasElement.prototype.getContext = () => null;
    });
    await page.goto(server.url);
    await page.waitForSelector('.map-problem .alert');
    await page.fill('#search-input', '45.47 12.2');
    await page.keyboard.press('Enter');
    await page.waitForSelector('#search-results [role=option]');
    await page.click('#search-results [role=option] >> nth=0');
    await page.waitForSelector('#here-title');
    await context.close();
  });
});
