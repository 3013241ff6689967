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

/** `EPSG:3003` with its name, when it is one of the usual ones. */
export function crsName(crs: string): string {
  const entry = TYPED_CRS.find(([code]) => `EPSG:${code}` === crs);
  return entry ? `${crs} ${entry[1]}` : crs;
}
