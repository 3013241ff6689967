// A very small Mapbox Vector Tile 2.1 writer, enough for the mock's few features (no clipping: MapLibre clips).

const EXTENT = 4096;
const KIND = { Point: 1, LineString: 2, Polygon: 3 };

/** @param {{name: string, features: import('geojson').Feature[]}[]} layers */
export function encodeTile(layers, z, x, y) {
  const project = ([lon, lat]) => {
    const sin = Math.sin((lat * Math.PI) / 180);
    const wx = lon / 360 + 0.5;
    const wy = 0.5 - Math.log((1 + sin) / (1 - sin)) / (4 * Math.PI);
    return [Math.round((wx * 2 ** z - x) * EXTENT), Math.round((wy * 2 ** z - y) * EXTENT)];
  };
  const parts = layers.map((layer) => field(3, encodeLayer(layer, project))).filter((part) => part.length > 0);
  return Buffer.concat(parts);
}

function encodeLayer({ name, features }, project) {
  const keys = [];
  const values = [];
  const indexOf = (list, item) => (list.includes(item) ? list.indexOf(item) : list.push(item) - 1);
  const encoded = features.map((feature, index) => {
    const tags = [];
    for (const [key, value] of Object.entries(feature.properties)) {
      if (value !== null && value !== undefined) tags.push(indexOf(keys, key), indexOf(values, value));
    }
    const { type, coordinates } = feature.geometry;
    return field(2, Buffer.concat([
      number(1, index + 1),
      field(2, packed(tags)),
      number(3, KIND[type]),
      field(4, packed(commands(type, coordinates, project))),
    ]));
  });
  return Buffer.concat([
    number(15, 2),
    field(1, Buffer.from(name)),
    ...encoded,
    ...keys.map((key) => field(3, Buffer.from(key))),
    ...values.map((value) => field(4, typeof value === 'string' ? field(1, Buffer.from(value)) : double(value))),
    number(5, EXTENT),
  ]);
}

function commands(type, coordinates, project) {
  let [px, py] = [0, 0];
  const out = [];
  const to = (position) => {
    const [x, y] = project(position);
    out.push(zigzag(x - px), zigzag(y - py));
    [px, py] = [x, y];
  };
  const path = (positions, closed) => {
    out.push((1 << 3) | 1);
    to(positions[0]);
    const rest = positions.slice(1, closed ? -1 : undefined);
    if (rest.length > 0) out.push((rest.length << 3) | 2);
    rest.forEach(to);
    if (closed) out.push((1 << 3) | 7);
  };
  if (type === 'Point') path([coordinates], false);
  else if (type === 'LineString') path(coordinates, false);
  else for (const ring of coordinates) path(ring, true);
  return out;
}

const zigzag = (n) => ((n << 1) ^ (n >> 31)) >>> 0;

function varint(value) {
  const bytes = [];
  let rest = value;
  while (rest > 127) {
    bytes.push((rest % 128) | 128);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Buffer.from(bytes);
}

const number = (tag, value) => Buffer.concat([varint(tag << 3), varint(value)]);
const field = (tag, body) => Buffer.concat([varint((tag << 3) | 2), varint(body.length), body]);
const packed = (values) => Buffer.concat(values.map(varint));

function double(value) {
  const body = Buffer.alloc(8);
  body.writeDoubleLE(value);
  return Buffer.concat([varint((3 << 3) | 1), body]);
}
