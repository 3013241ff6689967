import type { StyleSpecification } from 'maplibre-gl';

/**
 * Makes every address of a style absolute. MapLibre's worker does not know the page's address, and a style
 * served under a tenant's path may name its tiles relative to itself. The `{z}` of a template stays as it is.
 */
export function absolutise(style: StyleSpecification, base: string): StyleSpecification {
  const absolute = (address: string): string => new URL(address, base).href.replace(/%7B/gi, '{').replace(/%7D/gi, '}');
  const result = structuredClone(style);
  if (typeof result.glyphs === 'string') result.glyphs = absolute(result.glyphs);
  if (typeof result.sprite === 'string') result.sprite = absolute(result.sprite);
  else if (Array.isArray(result.sprite)) {
    result.sprite = result.sprite.map((entry) => ({ ...entry, url: absolute(entry.url) }));
  }
  for (const source of Object.values(result.sources)) {
    if ('url' in source && typeof source.url === 'string') source.url = absolute(source.url);
    if ('tiles' in source && Array.isArray(source.tiles)) source.tiles = source.tiles.map(absolute);
  }
  return result;
}
