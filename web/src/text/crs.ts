/** Systems in which people here write coordinates, most usual first; names as EPSG publishes them. */
export const TYPED_CRS: readonly (readonly [code: number, name: string])[] = [
  [4326, 'WGS 84 (lat, lon)'],
  [6706, 'RDN2008 (lat, lon)'],
  [7792, 'RDN2008 / UTM 33N (E, N)'],
  [7791, 'RDN2008 / UTM 32N (E, N)'],
  [7795, 'RDN2008 / Zone 12 (E, N)'],
  [6876, 'RDN2008 / Zone 12 (N, E)'],
  [25833, 'ETRS89 / UTM 33N'],
  [25832, 'ETRS89 / UTM 32N'],
  [32633, 'WGS 84 / UTM 33N'],
  [32632, 'WGS 84 / UTM 32N'],
  [3003, 'Monte Mario / Italy 1 (Gauss-Boaga Ovest)'],
  [3004, 'Monte Mario / Italy 2 (Gauss-Boaga Est)'],
  [3857, 'WGS 84 / Pseudo-Mercator'],
];

/** `EPSG:3003` for an OGC URI or URN of it; CRS84 is the same place on earth as 4326. Other texts stay. */
export function crsCode(crs: string): string {
  if (/CRS84$/i.test(crs)) return 'EPSG:4326';
  const code = /EPSG[:/](?:[\d.]*[:/])?(\d+)$/i.exec(crs)?.[1];
  return code === undefined ? crs : `EPSG:${code}`;
}

/** `EPSG:3003` with its name, when it is one of the usual ones. */
export function crsName(crs: string): string {
  const name = crsCode(crs);
  const entry = TYPED_CRS.find(([code]) => `EPSG:${code}` === name);
  return entry ? `${name} ${entry[1]}` : name;
}
