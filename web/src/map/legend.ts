import type { LayerSpecification, StyleSpecification } from 'maplibre-gl';
import type { Language } from '../i18n.ts';

export type SwatchKind = 'fill' | 'line' | 'circle' | 'icon' | 'pattern' | 'text';

/** How a sample is drawn. */
export interface Swatch {
  kind: SwatchKind;
  color: string;
  outline?: string;
  opacity?: number;
  /** Lines: width in pixels, dash lengths in widths, colour of the edge. */
  width?: number;
  dash?: number[];
  casing?: string;
  /** Icons and patterns: a name in the sprite. */
  icon?: string;
  text?: string;
}

/** One line of a legend. */
export interface LegendItem {
  label: string;
  swatch: Swatch;
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
/** Marks edges and casings, which say nothing of their own. */
const DECORATIVE = 'bricola:decorative';
const KINDS: readonly string[] = ['fill', 'line', 'circle', 'icon', 'pattern', 'text'];
const GREY = '#5c6f82';

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
  const fallbacks = new Map<string, Swatch[]>();
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
    const { label, swatch = entry } = entry as { label?: unknown; swatch?: unknown };
    const drawn = readSwatch(swatch);
    return drawn ? [{ label: textIn(label, language), swatch: drawn }] : [];
  });
}

/** A swatch by `type` (or `kind`); what is of the wrong type is left out. */
function readSwatch(value: unknown): Swatch | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { type, kind = type, color, outline, opacity, width, dash, casing, icon, text } = value as Record<string, unknown>;
  if (typeof kind !== 'string' || !KINDS.includes(kind)) return undefined;
  return {
    kind: kind as SwatchKind,
    color: typeof color === 'string' ? color : GREY,
    ...(typeof outline === 'string' ? { outline } : {}),
    ...(typeof opacity === 'number' ? { opacity } : {}),
    ...(typeof width === 'number' ? { width } : {}),
    ...(Array.isArray(dash) && dash.every((part) => typeof part === 'number') ? { dash } : {}),
    ...(typeof casing === 'string' ? { casing } : {}),
    ...(typeof icon === 'string' ? { icon } : {}),
    ...(typeof text === 'string' ? { text } : {}),
  };
}

function textIn(label: unknown, language: Language): string {
  if (typeof label === 'string') return label;
  if (typeof label !== 'object' || label === null) return '';
  const texts = label as Record<string, unknown>;
  return String(texts[language] ?? texts['it'] ?? '');
}

/** A swatch from the paint itself, when the style declares no legend. */
function fromPaint(layer: LayerSpecification): Swatch | undefined {
  if (metadata(layer)[DECORATIVE] === true) return undefined;
  const paint = (layer.paint ?? {}) as Record<string, unknown>;
  const outline = firstColor(paint['fill-outline-color'] ?? paint['circle-stroke-color']);
  const kind = ({ fill: 'fill', line: 'line', circle: 'circle', 'fill-extrusion': 'fill' } as const)[layer.type as string];
  if (!kind) return undefined;
  const color = firstColor(paint[`${layer.type}-color`]);
  if (color === undefined) return undefined;
  return { kind, color, ...(outline === undefined ? {} : { outline }) };
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
function merge(swatches: Swatch[]): LegendItem[] {
  const fill = swatches.find(({ kind }) => kind === 'fill');
  const line = swatches.find(({ kind }) => kind === 'line');
  const swatch = fill && line ? { ...fill, outline: fill.outline ?? line.color } : swatches[0];
  return swatch ? [{ label: '', swatch }] : [];
}
