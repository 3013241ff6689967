import type { BBox, Found, FoundKind, FoundQuality, Interpretation, MapFeature } from './api.ts';
import type { Context } from './context.ts';
import { pointOn } from './map/measure.ts';
import { crsName } from './text/crs.ts';
import { parseQuery } from './text/query.ts';

/** Where a search result lies: a point to ask about, and the parcel's own extent when it is one. */
export type SearchTarget =
  | { kind: 'point'; x: number; y: number; crs: string; lon: number; lat: number }
  | { kind: 'parcel'; feature: MapFeature; lon: number; lat: number }
  | { kind: 'found'; layer: string; id: number | null; bbox?: BBox; lon: number; lat: number };

export interface SearchResult {
  title: string;
  note: string;
  target: SearchTarget;
}

export interface SearchOutcome {
  results: SearchResult[];
  /** Said when there are no results. */
  message: string;
}

const KINDS = {
  address: 'search.kind.address',
  street: 'search.kind.street',
  place: 'search.kind.place',
  parcel: 'search.kind.parcel',
  feature: 'search.kind.feature',
} as const satisfies Record<FoundKind, string>;

/** What is worth saying of how something answers. */
const QUALITIES = {
  exact: undefined,
  completed: undefined,
  similar: 'search.quality.similar',
  'other-suffix': 'search.quality.other-suffix',
  interpolated: 'search.quality.interpolated',
  'nearest-number': 'search.quality.nearest-number',
  street: 'search.quality.street',
} as const satisfies Record<FoundQuality, string | undefined>;

/** Letters from which on words are asked for: one letter begins too much. */
const FEWEST = 2;

/**
 * Answers what was typed. Parcels are asked by sheet and number or by reference, two numbers are left to the server to
 * read as coordinates, and words are names and addresses; `near` is what the map shows.
 */
export async function runSearch(
  context: Context,
  input: string,
  crs: string | undefined,
  signal: AbortSignal,
  near?: { lon: number; lat: number },
): Promise<SearchOutcome> {
  const { api, t } = context;
  const query = parseQuery(input);
  switch (query.kind) {
    case 'empty':
      return { results: [], message: '' };
    case 'words': {
      if (query.text.length < FEWEST) return { results: [], message: t('search.hint') };
      // The blank at the end says that the last word is whole.
      const text = /\s$/.test(input) ? `${query.text} ` : query.text;
      const { hits } = await api.search(text, near, signal);
      return { results: hits.map((found) => foundResult(context, found)), message: t('search.none', { text: query.text }) };
    }
    case 'reference':
      return parcels(context, (await api.parcels({ ref: query.ref }, signal)).features, t('search.none.ref', { ref: query.ref }));
    case 'parcel': {
      const { sheet, number } = query;
      return parcels(context, (await api.parcels({ sheet, number }, signal)).features, t('search.none.parcel', { sheet, number }));
    }
    case 'coordinates': {
      const answer = await api.lookupText(query.text, crs, signal);
      const readings = answer.interpretations?.length ? answer.interpretations : [{ ...answer.query }];
      return { results: readings.map((reading) => coordinateResult(context, reading)), message: t('search.none', { text: query.text }) };
    }
  }
}

function foundResult({ t, format }: Context, found: Found): SearchResult {
  const { kind, label, context, quality, layer, id, lon, lat, bbox, distance_m: distance } = found;
  const said = QUALITIES[quality];
  const note = [t(KINDS[kind]), context, said && t(said), distance === undefined ? undefined : format.metres(Math.round(distance))];
  return {
    title: label,
    note: note.filter((part) => part !== undefined && part !== '').join(' · '),
    target: { kind: 'found', layer, id, lon, lat, ...(bbox ? { bbox } : {}) },
  };
}

function parcels({ t, format }: Context, features: MapFeature[], message: string): SearchOutcome {
  const results = features.flatMap((feature): SearchResult[] => {
    const point = pointOn(feature.geometry);
    if (!point) return [];
    const properties = feature.properties ?? {};
    const area = properties['area_m2'];
    const note = [properties['national_ref'] ?? feature.id, typeof area === 'number' ? format.area(area) : undefined];
    return [
      {
        title: t('search.parcel', { sheet: String(properties['sheet'] ?? '?'), number: String(properties['number'] ?? properties['label'] ?? '?') }),
        note: note.filter((part) => part !== undefined).join(' · '),
        target: { kind: 'parcel', feature, lon: point[0] as number, lat: point[1] as number },
      },
    ];
  });
  return { results, message };
}

function coordinateResult({ t, format }: Context, reading: Omit<Interpretation, 'reason' | 'swapped'> & Partial<Interpretation>): SearchResult {
  const { crs, x, y, lon, lat } = reading;
  const notes = [crsName(crs), reading.swapped ? t('search.swapped') : undefined, reading.reason];
  return {
    title: t('search.place', { lat: format.degrees(lat), lon: format.degrees(lon) }),
    note: notes.filter((part) => part !== undefined && part !== '').join(' · '),
    target: { kind: 'point', x, y, crs, lon, lat },
  };
}
