import type { Geometry, Position } from 'geojson';
import type { BBox } from '../api.ts';

const A = 6378137;
const E2 = 0.00669437999014;
const RADIANS = Math.PI / 180;

/** Every position of a geometry. */
export function* positions(geometry: Geometry | null | undefined): Generator<Position> {
  if (!geometry) return;
  if (geometry.type === 'GeometryCollection') {
    for (const part of geometry.geometries) yield* positions(part);
    return;
  }
  yield* flatten(geometry.coordinates);
}

function* flatten(coordinates: unknown): Generator<Position> {
  if (!Array.isArray(coordinates)) return;
  if (typeof coordinates[0] === 'number') yield coordinates as Position;
  else for (const part of coordinates) yield* flatten(part);
}

export function boundsOf(geometry: Geometry | null | undefined): BBox | undefined {
  let box: BBox | undefined;
  for (const [x = 0, y = 0] of positions(geometry)) {
    box = box ? [Math.min(box[0], x), Math.min(box[1], y), Math.max(box[2], x), Math.max(box[3], y)] : [x, y, x, y];
  }
  return box;
}

function rings(geometry: Geometry | null | undefined): Position[][][] {
  if (geometry?.type === 'Polygon') return [geometry.coordinates];
  if (geometry?.type === 'MultiPolygon') return geometry.coordinates;
  return [];
}

/**
 * Area in square metres of a surface in degrees, on the ellipsoid's tangent plane at its middle (GRS80 radii of
 * curvature). Right to a few parts in a million for anything as small as a parcel or a sheet.
 */
export function areaOf(geometry: Geometry | null | undefined): number | undefined {
  const polygons = rings(geometry);
  const box = boundsOf(geometry);
  if (polygons.length === 0 || !box) return undefined;
  const lat = ((box[1] + box[3]) / 2) * RADIANS;
  const w = Math.sqrt(1 - E2 * Math.sin(lat) ** 2);
  const metresPerLon = (A / w) * Math.cos(lat) * RADIANS;
  const metresPerLat = ((A * (1 - E2)) / w ** 3) * RADIANS;
  let total = 0;
  for (const polygon of polygons) {
    polygon.forEach((ring, index) => {
      const area = Math.abs(shoelace(ring, box[0], box[1]));
      total += index === 0 ? area : -area;
    });
  }
  return total * metresPerLon * metresPerLat;
}

function shoelace(ring: Position[], x0: number, y0: number): number {
  let sum = 0;
  for (let i = 0; i < ring.length; i += 1) {
    const [x1 = 0, y1 = 0] = ring[i] ?? [];
    const [x2 = 0, y2 = 0] = ring[(i + 1) % ring.length] ?? [];
    sum += (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0);
  }
  return sum / 2;
}

/**
 * A point of the geometry: the middle of the widest stretch inside a surface at its middle height, else the
 * first position. A surface's box centre may lie outside of it (courtyards, L shapes).
 */
export function pointOn(geometry: Geometry | null | undefined): Position | undefined {
  const polygons = rings(geometry);
  const box = boundsOf(geometry);
  if (!box) return undefined;
  let best: { x: number; y: number; width: number } | undefined;
  // Several heights, and off the round fractions, so that no scan line runs along a vertex or an edge.
  for (const share of [0.503, 0.377, 0.629, 0.251, 0.751]) {
    const y = box[1] + (box[3] - box[1]) * share;
    const crossings = polygons.flatMap((polygon) => polygon.flatMap((ring) => crossingsAt(ring, y))).sort((a, b) => a - b);
    for (let i = 0; i + 1 < crossings.length; i += 2) {
      const [left, right] = [crossings[i] as number, crossings[i + 1] as number];
      if (!best || right - left > best.width) best = { x: (left + right) / 2, y, width: right - left };
    }
  }
  if (best) return [best.x, best.y];
  return positions(geometry).next().value as Position | undefined;
}

function crossingsAt(ring: Position[], y: number): number[] {
  const found: number[] = [];
  for (let i = 0; i < ring.length; i += 1) {
    const [x1 = 0, y1 = 0] = ring[i] ?? [];
    const [x2 = 0, y2 = 0] = ring[(i + 1) % ring.length] ?? [];
    if (y1 > y !== y2 > y) found.push(x1 + ((y - y1) / (y2 - y1)) * (x2 - x1));
  }
  return found;
}

/** Ground metres that `pixels` screen pixels cover at a zoom and latitude (512-pixel world tiles). */
export function metresFor(pixels: number, zoom: number, lat: number): number {
  return (pixels * 2 * Math.PI * A * Math.cos(lat * RADIANS)) / (512 * 2 ** zoom);
}
