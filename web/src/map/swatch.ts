import { svg } from '../dom.ts';
import type { Swatch } from './legend.ts';

/** Where an icon lies in the sprite sheet. */
interface SpriteEntry {
  x: number;
  y: number;
  width: number;
  height: number;
  pixelRatio?: number;
  sdf?: boolean;
}

/** The style's icons, for legends. Without a sprite there are none, and a dot stands in. */
export class Sprite {
  private constructor(
    private readonly image: string,
    private readonly entries: Record<string, SpriteEntry>,
  ) {}

  static async load(address: string | undefined): Promise<Sprite | undefined> {
    if (address === undefined) return undefined;
    const sheet = devicePixelRatio > 1 ? `${address}@2x` : address;
    try {
      const response = await fetch(`${sheet}.json`);
      if (!response.ok) return undefined;
      return new Sprite(`${sheet}.png`, (await response.json()) as Record<string, SpriteEntry>);
    } catch {
      return undefined;
    }
  }

  /** The icon as an element, at most `size` pixels wide and high. */
  element(name: string, size: number, color: string): HTMLElement | undefined {
    const entry = this.entries[name];
    if (!entry) return undefined;
    const ratio = entry.pixelRatio ?? 1;
    const scale = Math.min(1, (size * ratio) / Math.max(entry.width, entry.height)) / ratio;
    const element = document.createElement('span');
    const { style } = element;
    element.className = 'swatch swatch-icon';
    // Set one by one: a style attribute would be against the content security policy.
    style.width = `${entry.width}px`;
    style.height = `${entry.height}px`;
    style.zoom = String(scale);
    const place = `-${entry.x}px -${entry.y}px`;
    if (entry.sdf === true) {
      style.maskImage = `url("${this.image}")`;
      style.maskPosition = place;
      style.backgroundColor = color;
    } else {
      style.backgroundImage = `url("${this.image}")`;
      style.backgroundPosition = place;
    }
    return element;
  }
}

/** The drawn sample beside a legend entry; decorative, since the text beside it names it. */
export function swatch(sample: Swatch, sprite: Sprite | undefined): Element {
  if (sample.icon !== undefined) {
    const element = sprite?.element(sample.icon, sample.kind === 'pattern' ? 18 : 22, sample.color);
    if (element) {
      element.setAttribute('aria-hidden', 'true');
      return element;
    }
  }
  const frame = svg('svg', { class: 'swatch', width: 28, height: 18, viewBox: '0 0 28 18', 'aria-hidden': 'true', focusable: 'false' });
  frame.append(...shapes(sample));
  return frame;
}

const EDGE = 'rgba(23, 50, 77, 0.35)';

function shapes({ kind, color, outline = EDGE, opacity, width = 3, dash, casing, text }: Swatch): SVGElement[] {
  switch (kind) {
    case 'fill':
    case 'pattern':
      return [svg('rect', { x: 1.5, y: 1.5, width: 25, height: 15, rx: 2, fill: color, 'fill-opacity': opacity, stroke: outline, 'stroke-width': 1.5 })];
    case 'line': {
      const path = { d: 'M2 9 H26', fill: 'none', 'stroke-linecap': dash ? 'butt' : 'round' };
      const line = svg('path', { ...path, stroke: color, 'stroke-width': width, 'stroke-dasharray': dash?.map((part) => part * width).join(' ') });
      // Pale lines get an edge, since they would not show on the white panel.
      return casing === undefined ? [line] : [svg('path', { ...path, stroke: casing, 'stroke-width': width + 2.5 }), line];
    }
    case 'text':
      return [svg('text', { x: 14, y: 13, 'text-anchor': 'middle', 'font-size': 11, 'font-weight': 600, fill: color }, document.createTextNode(text ?? 'Aa'))];
    default:
      return [svg('circle', { cx: 14, cy: 9, r: 6.5, fill: color, stroke: outline, 'stroke-width': 1.5 })];
  }
}
