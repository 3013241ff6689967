/** What the address after `#` remembers, so that a link opens the same map. */
export interface UrlState {
  /** Zoom, latitude and longitude of the map's centre. */
  view?: { zoom: number; lat: number; lon: number };
  /** Visible layers; absent = those that the style shows. */
  layers?: string[];
  /** The chosen place. */
  place?: { lat: number; lon: number };
}

const LAYER_ID = /^[a-z][a-z0-9-]*$/;

/** Reads the hash; whatever is malformed or out of range is left out. */
export function parseHash(hash: string): UrlState {
  const params = new URLSearchParams(hash.replace(/^#/, ''));
  const state: UrlState = {};

  const [zoom, lat, lon] = numbers(params.get('map'), '/');
  if (zoom !== undefined && zoom >= 0 && zoom <= 24 && onEarth(lat, lon)) {
    state.view = { zoom, lat: lat as number, lon: lon as number };
  }
  const layers = params.get('layers');
  if (layers !== null) state.layers = layers.split(',').filter((id) => LAYER_ID.test(id));

  const [placeLat, placeLon] = numbers(params.get('at'), ',');
  if (onEarth(placeLat, placeLon)) state.place = { lat: placeLat as number, lon: placeLon as number };
  return state;
}

/** Writes the hash, `#` included; digits beyond a screen pixel (view) or a millimetre (place) are dropped. */
export function formatHash(state: UrlState): string {
  const parts: string[] = [];
  if (state.view) {
    const { zoom, lat, lon } = state.view;
    parts.push(`map=${round(zoom, 2)}/${round(lat, 6)}/${round(lon, 6)}`);
  }
  if (state.layers) parts.push(`layers=${state.layers.join(',')}`);
  if (state.place) parts.push(`at=${round(state.place.lat, 8)},${round(state.place.lon, 8)}`);
  return parts.length > 0 ? `#${parts.join('&')}` : '';
}

function numbers(text: string | null, separator: string): number[] {
  if (text === null || text === '') return [];
  const values = text.split(separator).map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  return values.every(Number.isFinite) ? values : [];
}

function onEarth(lat: number | undefined, lon: number | undefined): boolean {
  return lat !== undefined && lon !== undefined && Math.abs(lat) <= 90 && Math.abs(lon) <= 180;
}

function round(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)));
}
