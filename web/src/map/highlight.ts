import type { LayerSpecification } from 'maplibre-gl';

export const HIGHLIGHT_SOURCE = 'bricola-highlight';

/** A colour that no theme of the city map uses, with a white edge so that it shows on any ground. */
const COLOR = '#b4005a';

/** The chosen feature, over everything else. */
export function highlightLayers(): LayerSpecification[] {
  const source = HIGHLIGHT_SOURCE;
  const line = { 'line-cap': 'round', 'line-join': 'round' } as const;
  return [
    {
      id: 'bricola-highlight-fill',
      type: 'fill',
      source,
      filter: ['==', ['geometry-type'], 'Polygon'],
      paint: { 'fill-color': COLOR, 'fill-opacity': 0.12 },
    },
    {
      id: 'bricola-highlight-casing',
      type: 'line',
      source,
      filter: ['!=', ['geometry-type'], 'Point'],
      layout: line,
      paint: { 'line-color': '#ffffff', 'line-width': 6 },
    },
    {
      id: 'bricola-highlight-line',
      type: 'line',
      source,
      filter: ['!=', ['geometry-type'], 'Point'],
      layout: line,
      paint: { 'line-color': COLOR, 'line-width': 3 },
    },
    {
      id: 'bricola-highlight-point',
      type: 'circle',
      source,
      filter: ['==', ['geometry-type'], 'Point'],
      paint: {
        'circle-radius': 9,
        'circle-color': 'rgba(180, 0, 90, 0.15)',
        'circle-stroke-color': COLOR,
        'circle-stroke-width': 3,
      },
    },
  ];
}
