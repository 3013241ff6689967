import { afterEach, describe, expect, it, vi } from 'vitest';
import { Api, ApiError } from '../src/api.ts';
import type { Context } from '../src/context.ts';
import { translator } from '../src/i18n.ts';
import { runSearch } from '../src/searching.ts';
import { Formatter } from '../src/text/format.ts';
import { describe as describeError } from '../src/ui/problem.ts';

const t = translator('it');
const context: Context = { api: new Api('http://host/c_l736/', 'it'), language: 'it', t, format: new Formatter('it', t) };
const { signal } = new AbortController();

function serve(body: unknown, status = 200, type = 'application/json'): string[] {
  const asked: string[] = [];
  vi.stubGlobal('fetch', (url: string) => {
    asked.push(url);
    return Promise.resolve(new Response(JSON.stringify(body), { status, headers: { 'content-type': type } }));
  });
  return asked;
}

afterEach(() => vi.unstubAllGlobals());

describe('a search', () => {
  it('asks for a parcel by sheet and number, under the tenant’s path, and offers every one that it finds', async () => {
    const geometry = { type: 'Polygon', coordinates: [[[0, 0], [2, 0], [2, 2], [0, 2], [0, 0]]] };
    const asked = serve({
      type: 'FeatureCollection',
      features: [{ type: 'Feature', id: 1, geometry, properties: { sheet: 12, number: '123', national_ref: 'Z999_001200.123', area_m2: 1500 } }],
    });
    const { results } = await runSearch(context, 'foglio 12 particella 123', 'EPSG:3003', signal);
    expect(asked).toEqual(['http://host/c_l736/parcels?sheet=12&number=123']);
    expect(results[0]?.title).toBe('Foglio 12, particella 123');
    expect(results[0]?.note.replaceAll('\u00a0', ' ')).toBe('Z999_001200.123 · 1500 m²');
    expect(results[0]?.target).toMatchObject({ kind: 'parcel', lon: 1 });
  });

  it('says which parcel there is not', async () => {
    serve({ type: 'FeatureCollection', features: [] });
    expect(await runSearch(context, '1/2', undefined, signal)).toEqual({ results: [], message: 'Nessuna particella 2 nel foglio 1.' });
  });

  it('offers every reading of coordinates, keeping the system in which they were typed', async () => {
    const asked = serve({
      query: { x: 1, y: 2, crs: 'EPSG:3003', lon: 12.3, lat: 45.4 },
      interpretations: [{ crs: 'EPSG:3003', x: 1761183.998, y: 5036629.489, lon: 12.3388, lat: 45.4342, swapped: true, reason: 'nel territorio' }],
      hits: [],
    });
    const { results } = await runSearch(context, '5036629.489 1761183.998', undefined, signal);
    expect(asked).toEqual(['http://host/c_l736/lookup?q=5036629.489+1761183.998']);
    expect(results[0]).toEqual({
      title: 'Punto 45,434200 N, 12,338800 E',
      note: 'EPSG:3003 Monte Mario / Italy 1 (Gauss-Boaga Ovest) · assi scambiati · nel territorio',
      target: { kind: 'point', crs: 'EPSG:3003', x: 1761183.998, y: 5036629.489, lon: 12.3388, lat: 45.4342 },
    });
  });

  it('asks for words near what the map shows, and tells what was found and how well', async () => {
    const found = { lon: 12.33, lat: 45.43, score: 0.9, layer: 'addresses', id: 7, href: 'http://host/c_l736/collections/addresses/items/7' };
    const asked = serve({
      hits: [
        { ...found, kind: 'address', label: 'San Marco 1234', context: 'Calle dei Fabbri', quality: 'nearest-number', distance_m: 120.4 },
        { ...found, kind: 'street', label: 'Via Piave', context: 'Mestre', quality: 'exact', bbox: [12, 45, 13, 46] },
      ],
      seq: 3,
    });
    const { results } = await runSearch(context, '  San  Marco 1235', undefined, signal, { lon: 12.3388, lat: 45.4342 });
    expect(asked).toEqual(['http://host/c_l736/search?q=San+Marco+1235&near=12.338800%2C45.434200&lang=it']);
    expect(results.map(({ title, note }) => [title, note.replaceAll('\u00a0', ' ')])).toEqual([
      ['San Marco 1234', 'Indirizzo · Calle dei Fabbri · civico più vicino · 120 m'],
      ['Via Piave', 'Strada · Mestre'],
    ]);
    expect(results[1]?.target).toEqual({ kind: 'found', layer: 'addresses', id: 7, lon: 12.33, lat: 45.43, bbox: [12, 45, 13, 46] });
  });

  it('says with a blank that the last word is whole, and asks nothing for one letter', async () => {
    const asked = serve({ hits: [] });
    expect((await runSearch(context, 'via piave ', undefined, signal)).message).toBe('Nessun risultato per «via piave».');
    expect(asked).toEqual(['http://host/c_l736/search?q=via+piave+&lang=it']);
    expect((await runSearch(context, 'v', undefined, signal)).message).toBe(t('search.hint'));
    expect(asked).toHaveLength(1);
  });
});

describe('a refusal', () => {
  it('is told in the server’s words', async () => {
    serve({ title: 'Coordinate fuori territorio', detail: 'x=1 cade in mare', status: 400, code: 'out' }, 400, 'application/problem+json');
    const error = await runSearch(context, '1 2', undefined, signal).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ApiError);
    expect(describeError(error, context)).toEqual({ title: 'Coordinate fuori territorio', detail: 'x=1 cade in mare' });
  });

  it('without words is told by its status, and a silent server as such', async () => {
    serve('<html>', 502, 'text/html');
    const bad = await runSearch(context, '1 2', undefined, signal).catch((reason: unknown) => reason);
    expect(describeError(bad, context)).toEqual({ title: t('error.title'), detail: 'HTTP 502' });
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('failed')));
    const silent = await runSearch(context, '1 2', undefined, signal).catch((reason: unknown) => reason);
    expect(describeError(silent, context).title).toBe(t('error.network'));
  });
});
