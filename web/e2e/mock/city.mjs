// A made-up quarter for the mock server: warped blocks of parcels, a canal, streets, a few services.

export const CENTRE = [12.2, 45.47];
const LON = 1 / (111320 * Math.cos((CENTRE[1] * Math.PI) / 180));
const LAT = 1 / 111170;

/** Metres of the quarter's own grid to degrees, bent so that nothing is square. */
function place(x, y) {
  const bentX = x + 40 * Math.sin(y / 260) + 12 * Math.sin(x / 90 + y / 130);
  const bentY = y + 30 * Math.sin(x / 210) + 9 * Math.cos(x / 70 - y / 150);
  const [c, s] = [Math.cos(0.35), Math.sin(0.35)];
  return [round(CENTRE[0] + (c * bentX - s * bentY) * LON), round(CENTRE[1] + (s * bentX + c * bentY) * LAT)];
}

const round = (n) => Number(n.toFixed(8));

function box(x0, y0, x1, y1) {
  const ring = [];
  const steps = 3;
  const edge = (ax, ay, bx, by) => {
    for (let i = 0; i < steps; i += 1) ring.push(place(ax + ((bx - ax) * i) / steps, ay + ((by - ay) * i) / steps));
  };
  edge(x0, y0, x0, y1);
  edge(x0, y1, x1, y1);
  edge(x1, y1, x1, y0);
  edge(x1, y0, x0, y0);
  ring.push(ring[0]);
  return { type: 'Polygon', coordinates: [ring] };
}

function line(points) {
  const out = [];
  for (let i = 0; i + 1 < points.length; i += 1) {
    for (let k = 0; k < 8; k += 1) {
      out.push(place(points[i][0] + ((points[i + 1][0] - points[i][0]) * k) / 8, points[i][1] + ((points[i + 1][1] - points[i][1]) * k) / 8));
    }
  }
  out.push(place(...points[points.length - 1]));
  return { type: 'LineString', coordinates: out };
}

const feature = (id, geometry, properties) => ({ type: 'Feature', id, geometry, properties });

function build() {
  const layers = { 'municipal-boundary': [], parcels: [], buildings: [], streets: [], schools: [], stops: [], 'tariff-zones': [], parks: [], ztl: [] };
  layers['municipal-boundary'].push(feature('comune', box(-900, -750, 900, 750), { name: 'Vallerbia' }));
  let seed = 7;
  const random = () => (seed = (seed * 16807) % 2147483647) / 2147483647;
  for (let bx = -6; bx < 6; bx += 1) {
    for (let by = -5; by < 5; by += 1) {
      const [x, y] = [bx * 130, by * 140];
      const sheet = 12 + (bx >= 0 ? 1 : 0) + (by >= 0 ? 2 : 0);
      const columns = 2 + Math.floor(random() * 3);
      if ((bx === -2 || bx === 3) && by === 1) {
        layers.parks.push(feature(`park-${bx}`, box(x + 8, y + 8, x + 122, y + 132), { name: bx < 0 ? 'Giardini del Vescovo' : 'Parco delle Mura' }));
      }
      for (let c = 0; c < columns; c += 1) {
        for (let r = 0; r < 2; r += 1) {
          const w = 114 / columns;
          const number = String(100 + ((bx + 6) * 10 + by + 5) * 8 + c * 2 + r);
          const ref = `Z999_${String(sheet).padStart(4, '0')}00.${number}`;
          const [x0, y0, x1, y1] = [x + 8 + c * w, y + 8 + r * 62, x + 8 + (c + 1) * w, y + 8 + (r + 1) * 62];
          const parcel = feature(ref, box(x0, y0, x1, y1), {
            national_ref: ref, municipality: 'Z999', sheet, number, kind: 'parcel', area_m2: Math.round(w * 62), label: number,
          });
          parcel.bbox = boundsOf(parcel.geometry);
          layers.parcels.push(parcel);
          if (random() < 0.75 && !(by === 1 && (bx === -2 || bx === 3))) {
            layers.buildings.push(feature(`b-${number}`, box(x0 + 5, y0 + 6, x1 - 5 - random() * 8, y1 - 8 - random() * 22), { kind: 'residential', floors: 1 + Math.floor(random() * 4) }));
          }
        }
      }
    }
  }
  for (let i = -6; i <= 6; i += 1) layers.streets.push(feature(`sv${i}`, line([[i * 130, -740], [i * 130, 0], [i * 130, 740]]), { name: `Via dei Mestieri ${i + 7}` }));
  for (let i = -5; i <= 5; i += 1) layers.streets.push(feature(`sh${i}`, line([[-880, i * 140], [0, i * 140], [880, i * 140]]), { name: `Strada del Porto ${i + 6}` }));
  layers['tariff-zones'].push(
    feature('A', box(-500, -420, 400, 420), { code: 'A', name: 'Zona A - Centro', daily: 1.3, since: '2025-01-01' }),
    feature('B', box(400, -750, 900, 750), { code: 'B', name: 'Zona B - Espansione', daily: 1, since: '2025-01-01' }),
  );
  layers.ztl.push(feature('ztl-1', box(-260, -280, 260, 280), { name: 'ZTL Centro storico', active: true }));
  const names = ['Primaria Galilei', 'Nido Il Girasole', 'Media Fermi', 'Infanzia Montessori'];
  ['primaria', 'nido', 'secondaria-1', 'infanzia'].forEach((level, i) => {
    layers.schools.push(feature(`school-${i}`, { type: 'Point', coordinates: place(-420 + i * 260, -200 + i * 130) }, { code: `VEAA00${i}`, name: names[i], level, capacity: 120 + i * 35, website: 'https://scuole.example/' + i }));
  });
  for (let i = 0; i < 9; i += 1) layers.stops.push(feature(`stop-${i}`, { type: 'Point', coordinates: place(-520 + i * 130, (i % 3) * 140) }, { name: `Fermata ${i + 1}` }));
  return layers;
}

export function boundsOf(geometry) {
  const flat = geometry.type === 'Point' ? [geometry.coordinates] : geometry.coordinates.flat(geometry.type === 'Polygon' ? 1 : 0);
  const xs = flat.map(([x]) => x);
  const ys = flat.map(([, y]) => y);
  return [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
}

export const CITY = build();

/** Distance in metres of a point from a feature (0 inside a surface; vertices only for lines). */
export function distance(geometry, lon, lat) {
  if (geometry.type === 'Polygon') return inside(geometry.coordinates[0], lon, lat) ? 0 : Infinity;
  const points = geometry.type === 'Point' ? [geometry.coordinates] : geometry.coordinates;
  return Math.min(...points.map(([x, y]) => Math.hypot((x - lon) / LON, (y - lat) / LAT)));
}

function inside(ring, x, y) {
  let odd = false;
  for (let i = 0; i + 1 < ring.length; i += 1) {
    const [[x1, y1], [x2, y2]] = [ring[i], ring[i + 1]];
    if (y1 > y !== y2 > y && x < x1 + ((y - y1) / (y2 - y1)) * (x2 - x1)) odd = !odd;
  }
  return odd;
}
