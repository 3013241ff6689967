import type { Context } from '../context.ts';
import { el } from '../dom.ts';
import { type IconName, icon } from '../icons.ts';

export interface MapControls {
  elements: HTMLElement[];
  /** Shows the coordinates under the pointer, or the centre's when there is no pointer. */
  setPosition(position: { lon: number; lat: number; pointer: boolean; zoom: number }): void;
  /** Says whether changes arrive as they happen. */
  setLive(live: boolean): void;
}

export function mapControls(
  { t, format }: Context,
  actions: { zoomIn(): void; zoomOut(): void; home(): void; identifyCentre(): void },
): MapControls {
  const button = (name: IconName, label: string, action: () => void): HTMLElement => {
    const element = el('button', { type: 'button', class: 'map-button', 'aria-label': label, title: label }, icon(name, 'icon-primary'));
    element.addEventListener('click', action);
    return element;
  };
  const buttons = el(
    'div',
    { class: 'map-buttons' },
    button('plus', t('map.zoomin'), actions.zoomIn),
    button('minus', t('map.zoomout'), actions.zoomOut),
    button('maximize', t('map.home'), actions.home),
    button('marker', t('here.centre'), actions.identifyCentre),
  );
  const what = el('span', { class: 'position-what' });
  const where = el('span', { class: 'position-where' });
  const zoomText = el('span', { class: 'position-zoom' });
  const live = el('span', { class: 'position-live', role: 'status' });
  const position = el('div', { class: 'map-position' }, what, where, zoomText, live);
  return {
    elements: [buttons, position, el('div', { class: 'map-cross', 'aria-hidden': 'true' })],
    setLive: (connected) => {
      const text = t(connected ? 'map.live' : 'map.notlive');
      // Said once, not at every sign of life.
      if (live.textContent === text) return;
      live.textContent = text;
      live.title = t(connected ? 'map.live.help' : 'map.notlive.help');
      live.classList.toggle('is-live', connected);
    },
    setPosition: ({ lon, lat, pointer, zoom }) => {
      what.textContent = t(pointer ? 'map.pointer' : 'map.centre');
      where.textContent = `${format.degrees(lat, 5)} N  ${format.degrees(lon, 5)} E`;
      zoomText.textContent = t('map.zoomlevel', { zoom: format.number(zoom, 1) });
    },
  };
}
