import type { BBox } from '../api.ts';

export interface TileNumber {
  z: number;
  x: number;
  y: number;
}

/** Part of a tile's side that is drawn around it: 64 of 4096 units, and a little for rounding. */
const BUFFER = 1 / 63;
/** More tiles than this at one zoom are not listed one by one. */
const MOST = 400;

/** Columns and rows are counted from the north-west; latitudes past 85.0511° are at the edge. */
function inWorld(lon: number, lat: number): { x: number; y: number } {
  const sine = Math.sin((Math.max(-85.0511, Math.min(85.0511, lat)) * Math.PI) / 180);
  return { x: lon / 360 + 0.5, y: 0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI) };
}

/**
 * The tiles in which something within the boxes is drawn, buffers included, at the zooms from `min` to `max`.
 * `undefined` when they are too many to be named.
 */
export function touchedTiles(boxes: readonly BBox[], min: number, max: number): TileNumber[] | undefined {
  const found = new Map<string, TileNumber>();
  for (const [west, south, east, north] of boxes) {
    const [low, high] = [inWorld(west, north), inWorld(east, south)];
    for (let z = min; z <= max; z += 1) {
      const size = 2 ** z;
      const first = (part: number): number => Math.max(0, Math.floor(part * size - BUFFER));
      const last = (part: number): number => Math.min(size - 1, Math.floor(part * size + BUFFER));
      const [x0, x1, y0, y1] = [first(low.x), last(high.x), first(low.y), last(high.y)];
      if ((x1 - x0 + 1) * (y1 - y0 + 1) + found.size > MOST * (max - min + 1)) return undefined;
      for (let x = x0; x <= x1; x += 1) for (let y = y0; y <= y1; y += 1) found.set(`${z}/${x}/${y}`, { z, x, y });
    }
  }
  return [...found.values()];
}
