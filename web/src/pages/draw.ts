import 'maplibre-gl/dist/maplibre-gl.css';
import type { Feature, Geometry, Position } from 'geojson';
import type { StyleSpecification } from 'maplibre-gl';
import type { BBox } from '../api.ts';
import { chooseLanguage, translator } from '../i18n.ts';
import { CityMap } from '../map/cityMap.ts';
import { absolutise } from '../map/style.ts';
import { boxOf, type Kind, readWkt, shape, writeWkt } from './wkt.ts';

/** How close a map goes to what is drawn already. */
const CLOSEST = 19;

/**
 * A map on which the place of a question is drawn, vertex by vertex: a click sets one, Enter sets one at the centre. What is
 * drawn stands in the field beside it, which is what the form sends.
 */
export async function drawPlace(place: HTMLElement): Promise<void> {
  const field = document.getElementById(place.dataset['draw'] ?? '');
  if (!(field instanceof HTMLInputElement)) return;
  const { style = '', label = '', help = '', point = '', line = '', surface = '', undo = '', clear = '' } = place.dataset;
  const t = translator(chooseLanguage('', document.documentElement.lang));
  const response = await fetch(new URL(style, document.baseURI), { headers: { accept: 'application/json' } });
  if (!response.ok) return;
  const drawn = absolutise((await response.json()) as StyleSpecification, document.baseURI);

  const before = readWkt(field.value);
  let kind: Kind = before?.kind ?? 'surface';
  let vertices: Position[] = before?.vertices ?? [];

  const tools = document.createElement('div');
  tools.className = 'draw-tools';
  tools.setAttribute('role', 'group');
  tools.setAttribute('aria-label', label);
  const choices: [Kind, string][] = [['surface', surface], ['line', line], ['point', point]];
  const kinds = choices.map(([of, title]) => {
    const button = tool(title, () => {
      kind = of;
      if (of === 'point') vertices = vertices.slice(-1);
      show();
    });
    return { of, button };
  });
  const back = tool(undo, () => {
    vertices = vertices.slice(0, -1);
    show();
  });
  const none = tool(clear, () => {
    vertices = [];
    show();
  });
  tools.append(...kinds.map(({ button }) => button), back, none);
  const hint = document.createElement('p');
  hint.className = 'help';
  hint.textContent = help;
  const canvas = document.createElement('div');
  canvas.className = 'draw-map';
  place.append(hint, tools, canvas);
  place.hidden = false;

  const box = vertices.length > 0 ? boxOf(vertices) : undefined;
  let map: CityMap | undefined;
  try {
    map = new CityMap(canvas, drawn, { bounds: box as BBox | undefined, within: true }, t, {
      pick: add,
      pickCentre: () => {
        const at = map?.view();
        if (at) add(at.lon, at.lat);
      },
      moved: () => undefined,
      pointer: () => undefined,
      loaded: () => {
        map?.resize();
        if (box) map?.fit(box as BBox, CLOSEST);
        show();
      },
      tileHeaders: () => ({}),
    });
    Object.assign(place, { cityMap: map });
  } catch {
    // Without WebGL the field is there still.
    place.hidden = true;
  }

  function tool(title: string, act: () => void): HTMLButtonElement {
    const button = document.createElement('button');
    button.type = 'button';
    button.className = 'btn btn-outline-primary btn-sm';
    button.textContent = title;
    button.addEventListener('click', act);
    return button;
  }

  function add(lon: number, lat: number): void {
    const vertex = [Number(lon.toFixed(8)), Number(lat.toFixed(8))];
    vertices = kind === 'point' ? [vertex] : [...vertices, vertex];
    show();
  }

  function show(): void {
    const geometry = shape(kind, vertices);
    for (const { of, button } of kinds) button.setAttribute('aria-pressed', String(of === kind));
    back.disabled = vertices.length === 0;
    none.disabled = vertices.length === 0;
    if (field instanceof HTMLInputElement) field.value = writeWkt(kind, vertices);
    map?.highlight(geometry ? [feature(geometry)] : []);
  }
}

function feature(geometry: Geometry): Feature {
  return { type: 'Feature', geometry, properties: {} };
}
