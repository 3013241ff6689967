import type { LayerSpecification, StyleSpecification } from 'maplibre-gl';
import type { Language } from '../i18n.ts';

export type LegendKind = 'fill' | 'line' | 'circle' | 'icon';

/** One line of a legend. */
export interface LegendItem {
  label: string;
  kind: LegendKind;
  color: string;
  outline?: string;
  icon?: string;
}

/** What the style says about one layer of the catalogue. */
export interface StyledLayer {
  /** Ids of the style layers that draw it, labels included. */
  styleLayers: string[];
  /** The sources that its tiles come from. */
  sources: string[];
  legend: LegendItem[];
  /** Whether the style shows it at first. */
  visible: boolean;
  /** First zoom at which anything of it is drawn. */
  minzoom: number;
}

const LEGEND = 'bricola:legend';
const LAYER = 'bricola:layer';
const KINDS: readonly string[] = ['fill', 'line', 'circle', 'icon'];

/** The catalogue layer that a style layer draws: said in its metadata, or its source layer (less `_label`). */
export function layerOf(layer: LayerSpecification): string | undefined {
  const named = metadata(layer)[LAYER];
  if (typeof named === 'string') return named;
  const sourceLayer = (layer as { 'source-layer'?: unknown })['source-layer'];
  return typeof sourceLayer === 'string' ? sourceLayer.replace(/_label$/, '') : undefined;
}

/** Groups a style by catalogue layer, in drawing order. */
export function readStyle(style: Pick<StyleSpecification, 'layers'>, language: Language): Map<string, StyledLayer> {
  const layers = new Map<string, StyledLayer>();
  const fallbacks = new Map<string, LegendItem[]>();
  for (const layer of style.layers) {
    const id = layerOf(layer);
    if (id === undefined) continue;
    const entry = layers.get(id) ?? { styleLayers: [], sources: [], legend: [], visible: false, minzoom: 24 };
    layers.set(id, entry);
    entry.styleLayers.push(layer.id);
    if ('source' in layer && typeof layer.source === 'string' && !entry.sources.includes(layer.source)) {
      entry.sources.push(layer.source);
    }
    entry.visible ||= (layer.layout as { visibility?: string } | undefined)?.visibility !== 'none';
    entry.minzoom = Math.min(entry.minzoom, layer.minzoom ?? 0);
    entry.legend.push(...declared(layer, language));
    const guess = fromPaint(layer);
    if (guess) fallbacks.set(id, [...(fallbacks.get(id) ?? []), guess]);
  }
  for (const [id, entry] of layers) {
    if (entry.legend.length === 0) entry.legend = merge(fallbacks.get(id) ?? []);
  }
  return layers;
}

function metadata(layer: LayerSpecification): Record<string, unknown> {
  return typeof layer.metadata === 'object' && layer.metadata !== null ? (layer.metadata as Record<string, unknown>) : {};
}

function declared(layer: LayerSpecification, language: Language): LegendItem[] {
  const entries = metadata(layer)[LEGEND];
  if (!Array.isArray(entries)) return [];
  return entries.flatMap((entry: unknown): LegendItem[] => {
    if (typeof entry !== 'object' || entry === null) return [];
    const { label, kind, color, outline, icon } = entry as Record<string, unknown>;
    if (typeof kind !== 'string' || !KINDS.includes(kind)) return [];
    return [
      {
        label: textIn(label, language),
        kind: kind as LegendKind,
        color: typeof color === 'string' ? color : '#5c6f82',
        ...(typeof outline === 'string' ? { outline } : {}),
        ...(typeof icon === 'string' ? { icon } : {}),
      },
    ];
  });
}

function textIn(label: unknown, language: Language): string {
  if (typeof label === 'string') return label;
  if (typeof label !== 'object' || label === null) return '';
  const texts = label as Record<string, unknown>;
  return String(texts[language] ?? texts['it'] ?? '');
}

/** A swatch from the paint itself, when the style declares no legend. */
function fromPaint(layer: LayerSpecification): LegendItem | undefined {
  const paint = (layer.paint ?? {}) as Record<string, unknown>;
  const outline = firstColor(paint['fill-outline-color'] ?? paint['circle-stroke-color']);
  const kind = ({ fill: 'fill', line: 'line', circle: 'circle', 'fill-extrusion': 'fill' } as const)[layer.type as string];
  if (!kind) return undefined;
  const color = firstColor(paint[`${layer.type}-color`]);
  if (color === undefined) return undefined;
  return { label: '', kind, color, ...(outline === undefined ? {} : { outline }) };
}

/** The first literal colour of a value or expression. */
function firstColor(value: unknown): string | undefined {
  if (typeof value === 'string') return /^(#|rgb|hsl)/.test(value) ? value : undefined;
  if (!Array.isArray(value)) return undefined;
  for (const part of value) {
    const color = firstColor(part);
    if (color !== undefined) return color;
  }
  return undefined;
}

/** A fill and the line around it are one swatch. */
function merge(items: LegendItem[]): LegendItem[] {
  const fill = items.find((item) => item.kind === 'fill');
  const line = items.find((item) => item.kind === 'line');
  if (fill && line) return [{ ...fill, outline: fill.outline ?? line.color }];
  return items.slice(0, 1);
}
