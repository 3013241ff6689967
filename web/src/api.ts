import type { FeatureCollection, Feature, Geometry } from 'geojson';

/** A field of a layer, already in the language asked for. */
export interface Field {
  name: string;
  type: string;
  title?: string;
  unit?: string;
  values?: { code: string; title: string }[];
}

export interface Link {
  rel: string;
  href: string;
  type?: string;
  title?: string;
}

/** A layer as `/collections` describes it. */
export interface Collection {
  id: string;
  title: string;
  description?: string;
  theme?: string;
  themeTitle?: string;
  geometryType?: string;
  label?: string | null;
  key?: string[];
  minzoom?: number;
  maxzoom?: number;
  count?: number | null;
  ready?: boolean;
  visibility?: string;
  fields?: Field[];
  attribution?: string;
  licence?: string;
  links?: Link[];
}

/** West, south, east, north in degrees. */
export type BBox = [number, number, number, number];

export interface Collections {
  collections: Collection[];
  tenant?: { name?: string; bbox?: BBox | null };
  seq?: number;
}

export type MapFeature = Feature<Geometry, Record<string, unknown> | null> & { bbox?: BBox };

export interface Hit {
  layer: string;
  feature: MapFeature;
  distance_m: number;
}

export type FoundKind = 'address' | 'street' | 'place' | 'parcel' | 'feature';
export type FoundQuality = 'exact' | 'completed' | 'similar' | 'other-suffix' | 'interpolated' | 'nearest-number' | 'street';

/** Something that answers to what was typed. */
export interface Found {
  kind: FoundKind;
  label: string;
  context: string;
  lon: number;
  lat: number;
  bbox?: BBox;
  score: number;
  quality: FoundQuality;
  layer: string;
  id: number | null;
  distance_m?: number;
  href: string;
}

export interface SearchAnswer {
  hits: Found[];
  seq?: number;
}

/** One way to read typed coordinates. */
export interface Interpretation {
  crs: string;
  x: number;
  y: number;
  lon: number;
  lat: number;
  reason?: string;
  swapped?: boolean;
}

export interface LookupAnswer {
  query: { x: number; y: number; crs: string; lon: number; lat: number; operation?: string; accuracy_m?: number };
  interpretations?: Interpretation[];
  hits: Hit[];
  seq?: number;
}

export type ParcelAnswer = Omit<FeatureCollection<Geometry, Record<string, unknown> | null>, 'features'> & {
  features: MapFeature[];
  seq?: number;
};

/** A failed request: what the server said in its problem document, or `status` 0 when it said nothing. */
export class ApiError extends Error {
  readonly status: number;
  readonly title: string | undefined;
  readonly detail: string | undefined;
  readonly code: string | undefined;

  constructor(status: number, problem: { title?: string; detail?: string; code?: string } = {}) {
    super(problem.detail ?? problem.title ?? `HTTP ${status}`);
    this.name = 'ApiError';
    this.status = status;
    this.title = problem.title;
    this.detail = problem.detail;
    this.code = problem.code;
  }
}

/** The server's paths, relative to the page: the viewer works at `/` and under a tenant's path alike. */
export class Api {
  /** The last change that the page was told of: answers must reflect it, whichever server gives them. */
  minSeq: number | undefined;

  constructor(
    private readonly base: string,
    private readonly language: string,
  ) {}

  url(path: string, query: Record<string, string | number | undefined> = {}): string {
    const url = new URL(path, this.base);
    for (const [name, value] of Object.entries(query)) {
      if (value !== undefined) url.searchParams.set(name, String(value));
    }
    return url.href;
  }

  collections(signal?: AbortSignal): Promise<Collections> {
    return this.get('collections', { f: 'json', lang: this.language }, signal);
  }

  style<T>(signal?: AbortSignal): Promise<T> {
    return this.get('styles/city.json', {}, signal);
  }

  /* `/lookup` and `/parcels` refuse parameters that they do not know: the language goes in a header. */

  /** Everything at a point; `radius` in metres, for points and lines near it. */
  lookupAt(point: { x: number; y: number; crs: string }, radius: number, signal?: AbortSignal): Promise<LookupAnswer> {
    return this.get('lookup', { ...point, radius }, signal);
  }

  /** Reads typed coordinates. */
  lookupText(q: string, crs: string | undefined, signal?: AbortSignal): Promise<LookupAnswer> {
    return this.get('lookup', { q, crs }, signal);
  }

  parcels(query: { sheet: string; number: string } | { ref: string }, signal?: AbortSignal): Promise<ParcelAnswer> {
    return this.get('parcels', query, signal);
  }

  /** Whatever has a name, an address or a reference; of what is alike, first what lies near a place. */
  search(q: string, near: { lon: number; lat: number } | undefined, signal?: AbortSignal): Promise<SearchAnswer> {
    const place = near ? `${near.lon.toFixed(6)},${near.lat.toFixed(6)}` : undefined;
    return this.get('search', { q, near: place, lang: this.language }, signal);
  }

  /** The header that asks for answers as new as what the page was told. */
  fresh(): Record<string, string> {
    return this.minSeq === undefined ? {} : { 'Bricola-Min-Seq': String(this.minSeq) };
  }

  private async get<T>(path: string, query: Record<string, string | number | undefined>, signal?: AbortSignal): Promise<T> {
    let response: Response;
    try {
      response = await fetch(this.url(path, query), {
        headers: { Accept: 'application/json, application/geo+json', 'Accept-Language': this.language, ...this.fresh() },
        ...(signal ? { signal } : {}),
      });
    } catch (error) {
      if (error instanceof DOMException && error.name === 'AbortError') throw error;
      throw new ApiError(0);
    }
    if (!response.ok) throw new ApiError(response.status, await problemOf(response));
    return (await response.json()) as T;
  }
}

async function problemOf(response: Response): Promise<{ title?: string; detail?: string; code?: string }> {
  if (!/\bjson\b/.test(response.headers.get('content-type') ?? '')) return {};
  try {
    const body: unknown = await response.json();
    return typeof body === 'object' && body !== null ? body : {};
  } catch {
    return {};
  }
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}
