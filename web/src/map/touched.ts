import type { BBox } from '../api.ts';

export interface TileName {
  z: number;
  x: number;
  y: number;
}

/** How far a tile reaches over its edge, in tiles: the server's buffer of 64 units in 4096. */
const BUFFER = 64 / 4096;
/** Boxes come rounded to this, in degrees. */
const ROUNDING = 1e-7;

/** The tiles from one zoom to another that boxes touch with their buffer, as far as they touch the view too. */
export function touchedTiles(boxes: BBox[], zooms: { min: number; max: number }, view: BBox): TileName[] {
  const tiles = new Map<string, TileName>();
  for (let z = zooms.min; z <= zooms.max; z += 1) {
    const seen = range(view, z, 1);
    for (const box of boxes) {
      const touched = range(grow(box), z, BUFFER);
      for (let x = Math.max(touched.west, seen.west); x <= Math.min(touched.east, seen.east); x += 1) {
        for (let y = Math.max(touched.north, seen.north); y <= Math.min(touched.south, seen.south); y += 1) {
          tiles.set(`${z}/${x}/${y}`, { z, x, y });
        }
      }
    }
  }
  return [...tiles.values()];
}

function grow([west, south, east, north]: BBox): BBox {
  return [west - ROUNDING, south - ROUNDING, east + ROUNDING, north + ROUNDING];
}

/** Columns and rows that a box meets, with a margin in tiles. */
function range([west, south, east, north]: BBox, z: number, margin: number): { west: number; east: number; north: number; south: number } {
  const count = 2 ** z;
  const column = (lon: number): number => ((lon + 180) / 360) * count;
  const row = (lat: number): number => {
    const sine = Math.sin((lat * Math.PI) / 180);
    return (0.5 - Math.log((1 + sine) / (1 - sine)) / (4 * Math.PI)) * count;
  };
  const bounded = (value: number): number => Math.min(count - 1, Math.max(0, Math.floor(value)));
  return {
    west: bounded(column(west) - margin),
    east: bounded(column(east) + margin),
    north: bounded(row(north) - margin),
    south: bounded(row(south) + margin),
  };
}
