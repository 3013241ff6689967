import { el, svg } from '../dom.ts';

/** The marker of the chosen place. What it marks is told in the panel, so it is silent. */
export function pin(): HTMLElement {
  const shape = svg('svg', { viewBox: '0 0 28 38', width: 28, height: 38 });
  shape.append(
    svg('path', {
      d: 'M14 1C6.8 1 1 6.8 1 14c0 9.2 13 23 13 23s13-13.8 13-23C27 6.8 21.2 1 14 1z',
      fill: '#b4005a',
      stroke: '#fff',
      'stroke-width': 2,
    }),
    svg('circle', { cx: 14, cy: 14, r: 5, fill: '#fff' }),
  );
  const element = el('div', { class: 'place-pin', 'aria-hidden': 'true' });
  element.append(shape);
  return element;
}
