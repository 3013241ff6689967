import { svg } from '../dom.ts';
import type { LegendItem } from './legend.ts';

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
    try {
      const response = await fetch(`${address}.json`);
      if (!response.ok) return undefined;
      return new Sprite(`${address}.png`, (await response.json()) as Record<string, SpriteEntry>);
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
export function swatch(item: LegendItem, sprite: Sprite | undefined): Element {
  if (item.kind === 'icon' && item.icon !== undefined) {
    const element = sprite?.element(item.icon, 20, item.color);
    if (element) {
      element.setAttribute('aria-hidden', 'true');
      return element;
    }
  }
  const frame = svg('svg', { class: 'swatch', width: 24, height: 18, viewBox: '0 0 24 18', 'aria-hidden': 'true', focusable: 'false' });
  frame.append(shape(item));
  return frame;
}

function shape(item: LegendItem): SVGElement {
  const edge = item.outline ?? 'rgba(23, 50, 77, 0.35)';
  switch (item.kind) {
    case 'fill':
      return svg('rect', { x: 1.5, y: 1.5, width: 21, height: 15, rx: 2, fill: item.color, stroke: edge, 'stroke-width': 1.5 });
    case 'line': {
      const path = { d: 'M2.5 13.5 L9 5.5 L15 11.5 L21.5 4.5', fill: 'none', 'stroke-linejoin': 'round', 'stroke-linecap': 'round' };
      // A darker edge, since white streets would not show on the white panel.
      return svg('g', {}, svg('path', { ...path, stroke: edge, 'stroke-width': 4.5 }), svg('path', { ...path, stroke: item.color, 'stroke-width': 3 }));
    }
    default:
      return svg('circle', { cx: 12, cy: 9, r: 6.5, fill: item.color, stroke: edge, 'stroke-width': 1.5 });
  }
}
