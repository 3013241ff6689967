import type { Geometry, Position } from 'geojson';

/** What is drawn on a page: a point, a line, or a surface without holes. */
export type Kind = 'point' | 'line' | 'surface';

/** What a number of vertices are as a geometry, so far as they are one: one vertex of a surface is a point, two are a line. */
export function shape(kind: Kind, vertices: Position[]): Geometry | undefined {
  const [first] = vertices;
  if (!first) return undefined;
  if (kind === 'point' || vertices.length === 1) return { type: 'Point', coordinates: first };
  if (kind === 'line' || vertices.length === 2) return { type: 'LineString', coordinates: vertices };
  return { type: 'Polygon', coordinates: [[...vertices, first]] };
}

/** Well-known text of what is drawn; empty while it is no such thing yet. */
export function writeWkt(kind: Kind, vertices: Position[]): string {
  const least = { point: 1, line: 2, surface: 3 }[kind];
  if (vertices.length < least) return '';
  const text = (some: Position[]): string => some.map(([x, y]) => `${x} ${y}`).join(', ');
  if (kind === 'point') return `POINT (${text(vertices.slice(0, 1))})`;
  if (kind === 'line') return `LINESTRING (${text(vertices)})`;
  return `POLYGON ((${text([...vertices, ...vertices.slice(0, 1)])}))`;
}

/** What {@link writeWkt} wrote; nothing for any other text. */
export function readWkt(text: string): { kind: Kind; vertices: Position[] } | undefined {
  const found = /^\s*(POINT|LINESTRING|POLYGON)\s*\(\(?([^()]*)\)?\)\s*$/i.exec(text);
  if (!found) return undefined;
  const vertices = (found[2] ?? '').split(',').map((pair) => pair.trim().split(/\s+/).map(Number));
  if (!vertices.every((vertex) => vertex.length === 2 && vertex.every(Number.isFinite) && Math.abs(vertex[0] ?? 0) <= 180)) return undefined;
  const kind = { POINT: 'point', LINESTRING: 'line', POLYGON: 'surface' }[(found[1] ?? '').toUpperCase()] as Kind;
  return { kind, vertices: kind === 'surface' ? vertices.slice(0, -1) : vertices };
}

/** West, south, east, north of some vertices, with a margin of some metres. */
export function boxOf(vertices: Position[]): [number, number, number, number] {
  const of = (axis: 0 | 1): number[] => vertices.map((vertex) => vertex[axis] ?? 0);
  const margin = 0.0002;
  return [Math.min(...of(0)) - margin, Math.min(...of(1)) - margin, Math.max(...of(0)) + margin, Math.max(...of(1)) + margin];
}
