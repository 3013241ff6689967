import type { Browser } from 'playwright-core';

/** One picture: a session of psql on the left, a browser's page on the right, a line of text above. */
export interface Sides {
  title: string;
  terminal: string;
  address: string;
  /** A picture (PNG) of the page, and its size in pixels. */
  page: Buffer;
  width: number;
  height: number;
}

const STYLE = `
  * { margin: 0; box-sizing: border-box }
  body { background: #dfe4ea; font-family: sans-serif; padding: 18px; width: max-content }
  h1 { font-size: 21px; margin-bottom: 14px; color: #17324d }
  main { display: flex; gap: 18px }
  figure { border-radius: 8px; overflow: hidden; box-shadow: 0 1px 5px #0005; background: #fff }
  figcaption { font-size: 14px; padding: 9px 14px; background: #44505c; color: #fff }
  pre { width: 618px; padding: 12px 14px; background: #10161d; color: #c4ccd4; font: 13px/17.2px "DejaVu Sans Mono", monospace }
  pre b { color: #fff; font-weight: normal }
  pre i { color: #79c98b; font-style: normal }
  img { display: block }
`;

const PROMPT = /^(\w+[=(-][*!]?[>#]|\$) (.*)$/;

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** What psql wrote, with prompts and what was typed told apart from the answers. */
function screen(text: string): string {
  return text
    .split('\n')
    .map((line) => {
      const [, prompt, typed] = PROMPT.exec(line) ?? [];
      return prompt === undefined ? escape(line) : `<i>${escape(prompt)}</i> <b>${escape(typed ?? '')}</b>`;
    })
    .join('\n');
}

/** The picture, as PNG. */
export async function sideBySide(browser: Browser, { title, terminal, address, page, width, height }: Sides): Promise<Buffer> {
  const canvas = await browser.newPage({ viewport: { width: width + 690, height: height + 120 } });
  await canvas.setContent(`<!doctype html><html lang="en"><style>${STYLE}</style><body><h1>${escape(title)}</h1><main>
    <figure><figcaption>psql, as the role “clerk”</figcaption><pre style="height:${height}px">${screen(terminal)}</pre></figure>
    <figure><figcaption>${escape(address)}</figcaption>
      <img src="data:image/png;base64,${page.toString('base64')}" width="${width}" height="${height}" alt=""></figure>
  </main></body></html>`);
  const picture = await canvas.locator('body').screenshot();
  await canvas.close();
  return picture;
}
