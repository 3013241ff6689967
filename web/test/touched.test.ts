import { describe, expect, it } from 'vitest';
import { touchedTiles } from '../src/map/touched.ts';

describe('tiles that a change touches', () => {
  it('are one a zoom for a point in the middle of a tile', () => {
    // A third of the way across every tile at every zoom.
    const lon = (0.333333333333 - 0.5) * 360;
    const lat = (Math.atan(Math.sinh(Math.PI * (1 - 2 * 0.333333333333))) * 180) / Math.PI;
    const tiles = touchedTiles([[lon, lat, lon, lat]], 0, 18);
    expect(tiles).toHaveLength(19);
    expect(tiles?.[18]).toEqual({ z: 18, x: Math.floor(0.333333333333 * 2 ** 18), y: Math.floor(0.333333333333 * 2 ** 18) });
  });

  it('are four a zoom for a point at a corner, whose symbol is drawn in each', () => {
    expect(touchedTiles([[0, 0, 0, 0]], 5, 5)).toEqual([
      { z: 5, x: 15, y: 15 },
      { z: 5, x: 15, y: 16 },
      { z: 5, x: 16, y: 15 },
      { z: 5, x: 16, y: 16 },
    ]);
  });

  it('are named once when boxes overlap, and not at all when they are too many', () => {
    expect(touchedTiles([[12.2, 45.5, 12.2, 45.5], [12.2, 45.5, 12.2, 45.5]], 10, 10)).toHaveLength(1);
    expect(touchedTiles([[-180, -85, 180, 85]], 0, 18)).toBeUndefined();
  });
});
