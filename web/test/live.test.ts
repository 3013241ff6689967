import { describe, expect, it, vi } from 'vitest';
import type { BBox, Hit } from '../src/api.ts';
import { boxesBySource, concerns, gatherer, together } from '../src/changes.ts';
import { touchedTiles } from '../src/map/touched.ts';

const VIEW: BBox = [12.3, 45.4, 12.4, 45.5];
const change = (layer: string, ...boxes: BBox[]) => ({ layer, whole: false, ids: [1], boxes });

describe('touched tiles', () => {
  it('are one per zoom for a point in the middle of its tiles', () => {
    // The middle of tile 14/8752/5854 and, at each deeper zoom, a corner of four tiles.
    const n = 2 ** 14;
    const lon = (8752.5 / n) * 360 - 180;
    const lat = (Math.atan(Math.sinh(Math.PI * (1 - (2 * 5854.5) / n))) * 180) / Math.PI;
    const tiles = touchedTiles([[lon, lat, lon, lat]], { min: 12, max: 15 }, [lon - 1, lat - 1, lon + 1, lat + 1]);
    const count = (z: number): number => tiles.filter((tile) => tile.z === z).length;
    expect(tiles).toContainEqual({ z: 14, x: 8752, y: 5854 });
    expect([12, 13, 14, 15].map(count)).toEqual([1, 1, 1, 4]);
  });

  it('hold a neighbour into whose buffer the place reaches', () => {
    const n = 2 ** 10;
    const lon = ((548 + 1 / 4096) / n) * 360 - 180;
    const tiles = touchedTiles([[lon, 45.45, lon, 45.45]], { min: 10, max: 10 }, [lon - 2, 44, lon + 2, 46]);
    expect(tiles.map(({ x }) => x).sort()).toEqual([547, 548]);
  });

  it('are none where the view does not reach, and few for a box around the whole world', () => {
    expect(touchedTiles([[9, 40, 9, 40]], { min: 14, max: 14 }, VIEW)).toEqual([]);
    expect(touchedTiles([[-180, -85, 180, 85]], { min: 14, max: 14 }, VIEW).length).toBeLessThan(100);
  });
});

describe('changes', () => {
  it('are gathered by layer; one of the layer as a whole outweighs those of places', () => {
    const [a, b] = [change('parcels', [1, 1, 2, 2]), change('parcels', [3, 3, 4, 4])];
    expect(together(a, b)).toMatchObject({ whole: false, ids: [1, 1], boxes: [[1, 1, 2, 2], [3, 3, 4, 4]] });
    const whole = { layer: 'parcels', whole: true };
    expect(together(a, whole)).toEqual(whole);
    expect(together(whole, b)).toEqual(whole);
  });

  it('are handed on soon, and in a storm once a second', () => {
    vi.useFakeTimers();
    const rounds: number[] = [];
    const gather = gatherer((layers) => rounds.push(layers[0]?.boxes?.length ?? 0));
    for (let i = 0; i < 40; i += 1) {
      gather([change('parcels', [i, i, i, i])]);
      vi.advanceTimersByTime(50);
    }
    vi.advanceTimersByTime(2000);
    vi.useRealTimers();
    expect(rounds.length).toBe(3);
    expect(rounds.reduce((sum, count) => sum + count)).toBe(40);
  });

  it('ask a source everywhere when one of its layers changed as a whole', () => {
    const sources = (layer: string): string[] => (layer === 'stops' ? ['mobility'] : ['cadastre']);
    const asked = boxesBySource([change('parcels', [1, 1, 2, 2]), { layer: 'buildings', whole: true }, change('stops', [5, 5, 5, 5])], sources);
    expect([...asked]).toEqual([['cadastre', undefined], ['mobility', [[5, 5, 5, 5]]]]);
  });

  it('concern an answer when they are of what was found, or lie near the place', () => {
    const place = { lon: 12.3388, lat: 45.4342 };
    const hits = [{ layer: 'parcels', feature: { id: 1 }, distance_m: 0 } as unknown as Hit];
    expect(concerns(change('parcels', [9, 40, 9, 40]), place, 10, hits)).toBe(true);
    expect(concerns(change('stops', [9, 40, 9, 40]), place, 10, hits)).toBe(false);
    const east = (metres: number): BBox => [place.lon + metres / 78_100, place.lat, place.lon + metres / 78_100, place.lat];
    expect(concerns(change('stops', east(9)), place, 10, hits)).toBe(true);
    expect(concerns(change('stops', east(12)), place, 10, hits)).toBe(false);
    expect(concerns({ layer: 'ztl', whole: true }, place, 10, [])).toBe(true);
  });
});
