import type { StyleSpecification } from 'maplibre-gl';
import { describe, expect, it } from 'vitest';
import type { Hit } from '../src/api.ts';
import { readStyle } from '../src/map/legend.ts';
import { areaOf, boundsOf, metresFor, pointOn } from '../src/map/measure.ts';
import { absolutise } from '../src/map/style.ts';
import { crsCode } from '../src/text/crs.ts';
import { groupHits } from '../src/ui/here.ts';
import { groupByTheme } from '../src/ui/layerTree.ts';

/** A square of 0.001° in Venice with a hole of a quarter of its sides. */
const ring = (x: number, y: number, side: number): [number, number][] => [
  [x, y],
  [x + side, y],
  [x + side, y + side],
  [x, y + side],
  [x, y],
];
const surface = { type: 'Polygon' as const, coordinates: [ring(12.33, 45.43, 0.001), ring(12.3304, 45.4304, 0.00025)] };

describe('measures', () => {
  it('agree with the ellipsoid’s own formula to a part in a million', () => {
    // The closed form of a graticule cell on GRS80: b²/2 · Δλ · [q(φ)], from 45.430° to 45.431°, 0.001° wide.
    const exact = 8697.182556;
    const whole = areaOf({ type: 'Polygon', coordinates: [ring(12.33, 45.43, 0.001)] }) ?? 0;
    expect(Math.abs(whole / exact - 1)).toBeLessThan(1e-6);
    expect((areaOf(surface) ?? 0) / whole).toBeCloseTo(1 - 1 / 16, 6);
  });

  it('find a point on a surface and not in its hole', () => {
    const courtyard = { type: 'Polygon' as const, coordinates: [ring(0, 0, 1), ring(0.1, 0.1, 0.8)] };
    const [x = 0, y = 0] = pointOn(courtyard) ?? [];
    const inHole = x > 0.1 && x < 0.9 && y > 0.1 && y < 0.9;
    expect(inHole).toBe(false);
    expect(x > 0 && x < 1 && y > 0 && y < 1).toBe(true);
  });

  it('take a line’s and a point’s own place', () => {
    expect(pointOn({ type: 'Point', coordinates: [3, 4] })).toEqual([3, 4]);
    expect(pointOn({ type: 'LineString', coordinates: [[1, 2], [3, 4]] })).toEqual([1, 2]);
    expect(pointOn(null)).toBeUndefined();
    expect(boundsOf({ type: 'LineString', coordinates: [[1, 5], [3, 4]] })).toEqual([1, 4, 3, 5]);
  });

  it('know how much ground a pixel covers', () => {
    expect(metresFor(1, 0, 0)).toBeCloseTo(78271.5, 0);
    expect(metresFor(512, 0, 60)).toBeCloseTo(40075016.7 / 2, -1);
  });
});

describe('the style', () => {
  const style = {
    version: 8,
    sources: { base: { type: 'vector', tiles: ['/tiles/a,b/{z}/{x}/{y}'] }, other: { type: 'vector', url: '../tiles/c.json' } },
    glyphs: '../fonts/{fontstack}/{range}.pbf',
    sprite: '/sprites/city',
    layers: [
      { id: 'bg', type: 'background' },
      { id: 'a-fill', type: 'fill', source: 'base', 'source-layer': 'a', minzoom: 13, paint: { 'fill-color': ['match', ['get', 'k'], 'x', '#111111', '#222222'] } },
      { id: 'a-line', type: 'line', source: 'base', 'source-layer': 'a', minzoom: 15, paint: { 'line-color': '#333333' } },
      { id: 'a-text', type: 'symbol', source: 'base', 'source-layer': 'a_label', layout: { 'text-field': 'x' } },
      {
        id: 'b',
        type: 'circle',
        source: 'base',
        'source-layer': 'b',
        layout: { visibility: 'none' },
        metadata: { 'bricola:legend': [{ label: { it: 'Uno', en: 'One' }, kind: 'circle', color: '#f00' }, { kind: 'nonsense' }, null, { label: 'Two', swatch: { type: 'line', color: '#0f0', dash: [5, 2], width: 'wide' } }] },
      },
    ],
  } as unknown as StyleSpecification;

  it('gives each layer its drawing, first visibility, zoom and legend', () => {
    const layers = readStyle(style, 'en');
    expect([...layers.keys()]).toEqual(['a', 'b']);
    expect(layers.get('a')).toMatchObject({
      styleLayers: ['a-fill', 'a-line', 'a-text'],
      sources: ['base'],
      visible: true,
      legend: [{ swatch: { kind: 'fill', color: '#111111', outline: '#333333' } }],
    });
    expect(layers.get('b')).toMatchObject({ visible: false, legend: [
        { label: 'One', swatch: { kind: 'circle', color: '#f00' } },
        { label: 'Two', swatch: { kind: 'line', color: '#0f0', dash: [5, 2] } },
      ],
    });
  });

  it('has its addresses made absolute without touching their templates', () => {
    const absolute = absolutise(style, 'http://host/c_l736/styles/');
    expect(absolute.sources['base']).toMatchObject({ tiles: ['http://host/tiles/a,b/{z}/{x}/{y}'] });
    expect(absolute.sources['other']).toMatchObject({ url: 'http://host/c_l736/tiles/c.json' });
    expect(absolute.glyphs).toBe('http://host/c_l736/fonts/{fontstack}/{range}.pbf');
    expect(absolute.sprite).toBe('http://host/sprites/city');
    expect(style.sprite).toBe('/sprites/city');
  });
});

describe('groups', () => {
  const hit = (layer: string, distance_m: number): Hit => ({ layer, distance_m, feature: { type: 'Feature', geometry: { type: 'Point', coordinates: [0, 0] }, properties: {} } });

  it('of hits follow the catalogue, nearest first, unknown layers last', () => {
    const groups = groupHits([hit('new', 0), hit('stops', 9), hit('ztl', 0), hit('stops', 2)], [
      { id: 'ztl', title: 'ZTL' },
      { id: 'stops', title: 'Fermate' },
    ]);
    expect(groups.map(({ layer, hits }) => [layer, hits.map(({ distance_m }) => distance_m)])).toEqual([
      ['ztl', [0]],
      ['stops', [2, 9]],
      ['new', [0]],
    ]);
  });

  it('of layers follow the themes in the order of the list', () => {
    const groups = groupByTheme(
      [
        { id: 'b', title: 'B', theme: 'x', themeTitle: 'X' },
        { id: 'c', title: 'C' },
        { id: 'a', title: 'A', theme: 'x', themeTitle: 'X' },
      ],
      'Altro',
    );
    expect(groups.map(({ title, collections }) => [title, collections.map(({ id }) => id)])).toEqual([
      ['X', ['b', 'a']],
      ['Altro', ['c']],
    ]);
  });
});

describe('a coordinate system', () => {
  it.each([
    ['EPSG:3003', 'EPSG:3003'],
    ['http://www.opengis.net/def/crs/EPSG/0/7795', 'EPSG:7795'],
    ['urn:ogc:def:crs:EPSG::6706', 'EPSG:6706'],
    ['http://www.opengis.net/def/crs/OGC/1.3/CRS84', 'EPSG:4326'],
    ['+proj=cass', '+proj=cass'],
  ])('%s is called %s', (text, name) => {
    expect(crsCode(text)).toBe(name);
  });
});
