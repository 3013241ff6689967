import type { Browser, Page } from 'playwright-core';
import { expect } from 'vitest';
import { DESK, open } from './browser.ts';

/** Opens a page of a server, runs the steps, and in any case wants no foreign request and no fault. */
export async function visit(browser: Browser, url: string, path: string, steps: (page: Page) => Promise<void>, options = DESK): Promise<void> {
  const { page, watch } = await open(browser, url, path, options);
  try {
    await steps(page);
    expect(watch.foreign, 'requests to other hosts').toEqual([]);
    expect(watch.faults, 'script errors and policy refusals').toEqual([]);
  } finally {
    await page.context().close();
  }
}
