import type { Interpretation, MapFeature } from './api.ts';
import type { Context } from './context.ts';
import { pointOn } from './map/measure.ts';
import { crsName } from './text/crs.ts';
import { parseQuery } from './text/query.ts';

/** Where a search result lies: a point to ask about, and the parcel's own extent when it is one. */
export type SearchTarget =
  | { kind: 'point'; x: number; y: number; crs: string; lon: number; lat: number }
  | { kind: 'parcel'; feature: MapFeature; lon: number; lat: number };

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

/**
 * Answers what was typed. Parcels are asked by sheet and number or by reference, everything with two numbers
 * is left to the server to read as coordinates.
 */
export async function runSearch(context: Context, input: string, crs: string | undefined, signal: AbortSignal): Promise<SearchOutcome> {
  const { api, t } = context;
  const query = parseQuery(input);
  switch (query.kind) {
    case 'empty':
      return { results: [], message: '' };
    case 'unknown':
      return { results: [], message: t('search.hint') };
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
