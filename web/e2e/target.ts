import { startMock } from './mock/serve.mjs';

export interface Target {
  url: string;
  /** The mock's switches; absent when a real server is tested. */
  mock: Awaited<ReturnType<typeof startMock>>['state'] | undefined;
  close(): Promise<unknown>;
}

/** The server under test: the real one at `BRICOLA_URL`, else the mock. */
export async function target(): Promise<Target> {
  const url = process.env['BRICOLA_URL'];
  if (url !== undefined && url !== '') {
    return { url: url.endsWith('/') ? url : `${url}/`, mock: undefined, close: () => Promise.resolve() };
  }
  const { url: mockUrl, state, close } = await startMock();
  return { url: mockUrl, mock: state, close };
}

interface Parcel {
  sheet: string;
  number: string;
  ref: string;
  lon: number;
  lat: number;
}

/** The name of some street that the server has. */
export async function someStreet(base: string): Promise<string> {
  const answer = (await (await fetch(new URL('search?q=via', base))).json()) as { hits: { kind: string; label: string }[] };
  const street = answer.hits.find(({ kind }) => kind === 'street');
  if (!street) throw new Error(`no street found at ${base}`);
  return street.label;
}

/** Some parcel that the server has, found at its city's centre or near it. */
export async function someParcel(base: string): Promise<Parcel> {
  const { tenant } = (await (await fetch(new URL('collections?f=json', base))).json()) as { tenant: { bbox: [number, number, number, number] } };
  const [w, s, e, n] = tenant.bbox;
  for (let i = 0; i < 400; i += 1) {
    // Golden-ratio steps spread over the box without hitting a regular street grid.
    const [u, v] = [(0.5 + i * 0.618034) % 1, (0.5 + i * 0.7548777) % 1];
    const lon = Number((w + (e - w) * (0.3 + 0.4 * u)).toFixed(5));
    const lat = Number((s + (n - s) * (0.3 + 0.4 * v)).toFixed(5));
    const answer = (await (await fetch(new URL(`lookup?x=${lon}&y=${lat}&crs=EPSG:4326&radius=1`, base))).json()) as {
      hits?: { layer: string; feature: { properties: Record<string, unknown> } }[];
    };
    const properties = answer.hits?.find(({ layer }) => layer === 'parcels')?.feature.properties;
    if (properties && /^\d+$/.test(String(properties['number']))) {
      return { sheet: String(properties['sheet']), number: String(properties['number']), ref: String(properties['national_ref']), lon, lat };
    }
  }
  throw new Error(`no parcel found around the centre of ${base}`);
}
