import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, type BrowserContextOptions, type Page, chromium } from 'playwright-core';

/** Debian's browser; `CHROMIUM` names another. */
const CHROMIUM = process.env['CHROMIUM'] ?? ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find(existsSync);

const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

export const DESK: BrowserContextOptions = { viewport: { width: 1360, height: 820 } };
export const PHONE: BrowserContextOptions = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

export function launch(): Promise<Browser> {
  if (CHROMIUM === undefined) throw new Error('No Chromium found: install the chromium package, or set CHROMIUM to its path.');
  return chromium.launch({
    executablePath: CHROMIUM,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--use-gl=angle',
      '--use-angle=swiftshader',
      '--enable-unsafe-swiftshader',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** What went over the wire and to the console while a page was open. */
export interface Watch {
  /** Requests to any other host: there must be none. */
  foreign: string[];
  /** Script errors, and what the content security policy refused. */
  faults: string[];
}

export async function open(browser: Browser, base: string, path = '', options: BrowserContextOptions = DESK): Promise<{ page: Page; watch: Watch }> {
  const context = await browser.newContext({ ...options, reducedMotion: 'reduce' });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const watch: Watch = { foreign: [], faults: [] };
  const host = new URL(base).host;
  page.on('request', (request) => {
    const url = new URL(request.url());
    if (/^(https?|wss?):$/.test(url.protocol) && url.host !== host) watch.foreign.push(request.url());
  });
  page.on('pageerror', (error) => watch.faults.push(error.message));
  page.on('console', (message) => {
    // The browser itself reports every refused request; those are asked for by the tests.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) watch.faults.push(message.text());
  });
  await page.goto(new URL(path, base).href);
  return { page, watch };
}

/** Waits until the layers are listed and the map is drawn. */
export async function ready(page: Page): Promise<void> {
  await page.waitForSelector('.layer-tree', { state: 'attached' });
  await page.waitForFunction(() => document.querySelector<HTMLElement>('.map-busy')?.hidden === true, undefined, { timeout: 45_000 });
}

interface AxeResult {
  violations: { id: string; help: string; nodes: { target: unknown; failureSummary?: string }[] }[];
}

/** Accessibility faults of the page as it stands, WCAG 2.2 AA and good practice, in words; none = empty. */
export async function axe(page: Page): Promise<string[]> {
  // Evaluated through the debugger, so the page's own policy stays as strict as it is.
  await page.evaluate(await import('node:fs').then(({ readFileSync }) => readFileSync(AXE, 'utf8')));
  const { violations } = await page.evaluate(
    () =>
      (globalThis as unknown as { axe: { run(root: Document, options: object): Promise<AxeResult> } }).axe.run(document, {
        runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
      }),
  );
  return violations.flatMap(({ id, help, nodes }) => nodes.map(({ target, failureSummary }) => `${id}: ${help} at ${JSON.stringify(target)}: ${failureSummary}`));
}

/** Where the keyboard is: the focused element's name for people. */
export function focused(page: Page): Promise<string> {
  return page.evaluate(() => {
    const element = document.activeElement;
    if (!element) return '';
    return element.getAttribute('aria-label') ?? element.id ?? element.textContent ?? '';
  });
}
