import { describe, expect, it } from 'vitest';
import { readWkt, shape, writeWkt } from '../src/pages/wkt.ts';

describe('what is drawn', () => {
  const corners = [[12.3, 45.4], [12.4, 45.4], [12.4, 45.5]];

  it('is read as it was written', () => {
    for (const kind of ['point', 'line', 'surface'] as const) {
      const vertices = kind === 'point' ? corners.slice(0, 1) : corners;
      expect(readWkt(writeWkt(kind, vertices))).toEqual({ kind, vertices });
    }
  });

  it('is nothing while it is no such shape', () => {
    expect(writeWkt('surface', corners.slice(0, 2))).toBe('');
    expect(writeWkt('line', corners.slice(0, 1))).toBe('');
    expect(shape('surface', [])).toBeUndefined();
    expect(shape('surface', corners.slice(0, 2))?.type).toBe('LineString');
  });

  it('is not guessed from other texts', () => {
    for (const text of ['', 'POINT (a b)', 'POLYGON ((1 2, 3 4), (5 6, 7 8))', 'POINT (291847 5034631)', '{"type":"Point"}']) expect(readWkt(text)).toBeUndefined();
  });
});
