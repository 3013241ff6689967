// A stand-in for the server: the built viewer, a made-up quarter, and the same answers and headers.
// `node e2e/mock/serve.mjs [port]`

import { readFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { collections, style } from './catalogue.mjs';
import { CITY, distance } from './city.mjs';
import { encodeTile } from './mvt.mjs';

const DIST = fileURLToPath(new URL('../../dist/', import.meta.url));
const TYPES = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript', '.mjs': 'text/javascript', '.css': 'text/css',
  '.svg': 'image/svg+xml', '.woff2': 'font/woff2', '.txt': 'text/plain; charset=utf-8', '.md': 'text/plain; charset=utf-8',
};
/** As strict as the viewer bears: no inline script or style, nothing from elsewhere. */
const POLICY =
  "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; " +
  "connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'";

class Problem extends Error {
  constructor(status, title, detail, code) {
    super(detail);
    this.body = { type: `about:blank#${code}`, title, status, detail, code };
  }
}

export function startMock(port = 0) {
  /** Switches that tests turn: layers still being prepared, and a lookup that fails. */
  const state = { preparing: [], failLookup: false, failCollections: false, failEvents: false, streams: new Set(), tell, hangUp };
  /** Sends an event to every open page. */
  function tell(name, data) {
    for (const stream of state.streams) stream.write(event(name, data));
  }
  function hangUp() {
    for (const stream of state.streams) stream.end();
  }
  const server = createServer((request, response) => {
    if (new URL(request.url, 'http://mock').pathname === '/events' && !state.failEvents) return follow(request, response, state);
    answer(new URL(request.url, 'http://mock'), request, state)
      .then(({ status = 200, type, body, headers = {} }) => {
        response.writeHead(status, { 'content-type': type, 'x-content-type-options': 'nosniff', ...headers });
        response.end(body);
      })
      .catch((error) => {
        const problem = error instanceof Problem ? error.body : { title: 'Internal error', status: 500, detail: String(error) };
        response.writeHead(problem.status, { 'content-type': 'application/problem+json' });
        response.end(JSON.stringify(problem));
      });
  });
  return new Promise((resolve) => {
    server.listen(port, '127.0.0.1', () => {
      resolve({ url: `http://127.0.0.1:${server.address().port}/`, state, close: () => new Promise((done) => {
        hangUp();
        server.close(done);
      }) });
    });
  });
}

const event = (name, data) => `event: ${name}\nid: ${data.seq}\ndata: ${JSON.stringify(data)}\n\n`;

/** An event stream, until the page goes. */
function follow(request, response, state) {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' });
  response.write(event('seq', { seq: Number(new URL(request.url, 'http://mock').searchParams.get('after') ?? 42) }));
  state.streams.add(response);
  response.on('close', () => state.streams.delete(response));
}

const json = (value) => ({ type: 'application/json', body: JSON.stringify(value) });

async function answer(url, request, state) {
  const query = url.searchParams;
  const lang = query.get('lang') ?? (request.headers['accept-language'] ?? 'it').slice(0, 2);
  const tile = /^\/tiles\/city\/(\d+)\/(\d+)\/(\d+)$/.exec(url.pathname);
  if (tile) {
    const body = encodeTile(Object.entries(CITY).map(([name, features]) => ({ name, features })), ...tile.slice(1).map(Number));
    return { type: 'application/vnd.mapbox-vector-tile', body };
  }
  switch (url.pathname) {
    case '/events':
      throw new Problem(503, 'Troppi collegamenti', 'Riprovare fra poco.', 'too-many-streams');
    case '/collections':
      if (state.failCollections) throw new Problem(503, 'Archivio non raggiungibile', 'Il database non risponde; riprovare fra poco.', 'store-unavailable');
      return json(collections(lang, state.preparing));
    case '/styles/city.json':
      only(query, []);
      return json(style());
    case '/lookup':
      only(query, ['x', 'y', 'crs', 'radius', 'q']);
      if (state.failLookup) throw new Problem(503, 'Livello in preparazione', 'Il livello parcels non è ancora pronto.', 'layer-not-ready');
      return json(lookup(query));
    case '/search':
      only(query, ['q', 'near', 'lang']);
      return json(search(query));
    case '/parcels':
      only(query, ['sheet', 'number', 'ref']);
      return json(parcels(query));
    default:
      return file(url.pathname);
  }
}

function only(query, allowed) {
  for (const name of query.keys()) {
    if (!allowed.includes(name)) throw new Problem(400, 'Parametro sconosciuto', `Il parametro ${name} non esiste qui.`, 'unknown-parameter');
  }
}

function lookup(query) {
  const text = query.get('q');
  let [lon, lat, crs] = [Number(query.get('x')), Number(query.get('y')), query.get('crs') ?? 'EPSG:4326'];
  let [x, y] = [lon, lat];
  let interpretations;
  if (text !== null) {
    const numbers = (text.match(/-?\d+(?:[.,]\d+)?/g) ?? []).map((part) => Number(part.replace(',', '.')));
    if (numbers.length !== 2 || numbers.some((n) => Math.abs(n) > 90)) {
      throw new Problem(400, 'Coordinate non riconosciute', `«${text}» non è una coppia di coordinate in un sistema noto.`, 'unreadable-coordinates');
    }
    [lat, lon] = numbers;
    [x, y] = [lon, lat];
    crs = 'EPSG:4326';
    interpretations = [{ crs, x, y, lon, lat, reason: 'gradi, latitudine prima', swapped: false }];
    if (lat < 20) interpretations[0] = { crs, x: lat, y: lon, lon: lat, lat: lon, reason: 'gradi, longitudine prima', swapped: true };
    else interpretations.push({ crs: 'EPSG:6706', x, y, lon, lat, reason: 'stesso punto in RDN2008', swapped: false });
    [lon, lat] = [interpretations[0].lon, interpretations[0].lat];
  }
  const radius = Number(query.get('radius') ?? 10);
  const hits = Object.entries(CITY).flatMap(([layer, features]) =>
    features.flatMap((feature) => {
      const away = distance(feature.geometry, lon, lat);
      return away <= (feature.geometry.type === 'Polygon' ? 0 : Math.max(radius, 60)) ? [{ layer, feature, distance_m: Math.round(away * 10) / 10 }] : [];
    }),
  );
  return { query: { x, y, crs: crs.replace(/^EPSG:/, 'http://www.opengis.net/def/crs/EPSG/0/'), lon, lat }, ...(interpretations ? { interpretations } : {}), hits, seq: 42 };
}

/** Streets and services by the beginnings of their words; the real server does better. */
function search(query) {
  const words = (query.get('q') ?? '').toLowerCase().split(/\s+/).filter((word) => word !== '');
  const hits = ['streets', 'schools', 'parks'].flatMap((layer) =>
    CITY[layer].flatMap((feature) => {
      const label = feature.properties.full_name ?? feature.properties.name ?? '';
      const own = label.toLowerCase().split(/\s+/);
      if (label === '' || !words.every((word) => own.some((it) => it.startsWith(word)))) return [];
      const first = feature.geometry.coordinates.flat(Infinity);
      const kind = layer === 'streets' ? 'street' : 'feature';
      return [{ kind, label, context: 'Quartiere di prova', lon: first[0], lat: first[1], score: 0.9, quality: 'completed', layer, id: feature.id, href: `/collections/${layer}/items/${feature.id}` }];
    }),
  );
  return { query: { q: query.get('q') }, hits: hits.slice(0, 10), seq: 42 };
}

function parcels(query) {
  const [ref, sheet, number] = ['ref', 'sheet', 'number'].map((name) => query.get(name));
  const features = CITY.parcels.filter(({ properties }) =>
    ref === null ? String(properties.sheet) === sheet && properties.number === number : properties.national_ref === ref,
  );
  return { type: 'FeatureCollection', features, seq: 42 };
}

async function file(path) {
  const name = normalize(path === '/' ? '/index.html' : path);
  try {
    const body = await readFile(join(DIST, name));
    const html = name.endsWith('.html');
    return { type: TYPES[extname(name)] ?? 'application/octet-stream', body, headers: html ? { 'content-security-policy': POLICY } : {} };
  } catch {
    throw new Problem(404, 'Non trovato', `Non c’è nulla in ${path}.`, 'not-found');
  }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const { url } = await startMock(Number(process.argv[2] ?? 8099));
  console.log(url);
}
