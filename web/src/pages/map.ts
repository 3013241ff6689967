import 'maplibre-gl/dist/maplibre-gl.css';
import type { Feature } from 'geojson';
import type { StyleSpecification } from 'maplibre-gl';
import type { BBox } from '../api.ts';
import { chooseLanguage, translator } from '../i18n.ts';
import { CityMap } from '../map/cityMap.ts';
import { absolutise } from '../map/style.ts';

function boxOf(text: string): BBox {
  const [west = 0, south = 0, east = 0, north = 0] = text.split(',').map(Number);
  return [west, south, east, north];
}

/** The map in the page's place for it: the layer within its box, or one of its features, lit. Without WebGL there is none. */
export async function drawMap(place: HTMLElement): Promise<void> {
  const { style = '', bbox = '', near = bbox, feature } = place.dataset;
  const t = translator(chooseLanguage('', document.documentElement.lang));
  const json = async (path: string): Promise<unknown> => {
    const response = await fetch(new URL(path, document.baseURI), { headers: { accept: 'application/json, application/geo+json' } });
    if (!response.ok) throw new Error(`${path}: ${response.status}`);
    return response.json();
  };
  const box = boxOf(bbox);
  const [drawn, lit] = await Promise.all([json(style) as Promise<StyleSpecification>, feature === undefined ? undefined : (json(feature) as Promise<Feature>)]);
  place.hidden = false;
  try {
    const map = new CityMap(place, absolutise(drawn, document.baseURI), { bounds: box, within: true }, t, {
      pick: () => undefined,
      pickCentre: () => undefined,
      moved: () => undefined,
      pointer: () => undefined,
      loaded: () => {
        // The place had no room yet when the map was made.
        map.resize();
        if (lit) map.highlight([lit]);
        map.fit(box, lit ? 18 : 20);
        // A layer that is drawn from some zoom on only would be an empty map: then a part of it, where a feature is.
        const least = Math.min(...drawn.layers.map(({ type, minzoom }) => (type === 'background' ? 24 : (minzoom ?? 0))));
        const [west, south, east, north] = boxOf(near);
        if (!lit && map.view().zoom < least) map.jump({ lat: (south + north) / 2, lon: (west + east) / 2, zoom: least + 0.5 });
      },
      tileHeaders: () => ({}),
    });
    Object.assign(place, { cityMap: map });
  } catch {
    place.hidden = true;
  }
}
