import type { BBox, Hit } from './api.ts';
import type { LayerChange } from './live.ts';

/** Milliseconds for changes that come together to be gathered … */
const SOON = 100;
/** … and at least between two rounds, so that a storm of edits is not one of requests. */
const APART = 1_000;
/** At least: a little too large a circle only asks once too often. */
const METRES_PER_DEGREE = 110_000;

/** Gathers changes, and hands them on a little later, each layer once. */
export function gatherer(hand: (layers: LayerChange[]) => void): (layers: LayerChange[]) => void {
  let gathered = new Map<string, LayerChange>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let last = Number.NEGATIVE_INFINITY;
  const flush = (): void => {
    timer = undefined;
    last = performance.now();
    const layers = [...gathered.values()];
    gathered = new Map();
    hand(layers);
  };
  return (layers) => {
    for (const change of layers) gathered.set(change.layer, together(gathered.get(change.layer), change));
    if (gathered.size > 0) timer ??= setTimeout(flush, Math.max(SOON, last + APART - performance.now()));
  };
}

/** Two changes of one layer as one. */
export function together(a: LayerChange | undefined, b: LayerChange): LayerChange {
  if (a === undefined || b.whole) return b;
  if (a.whole) return a;
  return {
    layer: b.layer,
    whole: false,
    boxes: [...(a.boxes ?? []), ...(b.boxes ?? [])],
    ...(a.ids && b.ids ? { ids: [...a.ids, ...b.ids] } : {}),
  };
}

/** Where each source is to be asked again: in boxes, or (`undefined`) everywhere. */
export function boxesBySource(changes: LayerChange[], sourcesOf: (layer: string) => string[]): Map<string, BBox[] | undefined> {
  const places = new Map<string, BBox[] | undefined>();
  for (const { layer, whole, boxes = [] } of changes) {
    for (const source of sourcesOf(layer)) {
      const before = places.get(source);
      const everywhere = whole || (places.has(source) && before === undefined);
      places.set(source, everywhere ? undefined : [...(before ?? []), ...boxes]);
    }
  }
  return places;
}

/** Whether a change may alter what was found within some metres of a place. */
export function concerns(change: LayerChange, place: { lon: number; lat: number }, radius: number, hits: Hit[]): boolean {
  if (change.whole || hits.some(({ layer, feature }) => layer === change.layer && change.ids?.includes(Number(feature.id)))) return true;
  const tall = radius / METRES_PER_DEGREE;
  const wide = tall / Math.max(0.01, Math.cos((place.lat * Math.PI) / 180));
  return (change.boxes ?? []).some(
    ([west, south, east, north]) =>
      place.lon >= west - wide && place.lon <= east + wide && place.lat >= south - tall && place.lat <= north + tall,
  );
}
