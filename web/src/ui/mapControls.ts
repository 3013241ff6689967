import type { Context } from '../context.ts';
import { el } from '../dom.ts';
import type { LiveState } from '../live.ts';
import { type IconName, icon } from '../icons.ts';

export interface MapControls {
  elements: HTMLElement[];
  /** Shows the coordinates under the pointer, or the centre's when there is no pointer. */
  setPosition(position: { lon: number; lat: number; pointer: boolean; zoom: number }): void;
  /** Says whether the map hears of changes. */
  setLive(state: LiveState): void;
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
  const position = el('div', { class: 'map-position' }, what, where, zoomText);
  const liveText = el('span', {});
  const live = el('p', { class: 'map-live' }, el('span', { class: 'map-live-dot', 'aria-hidden': 'true' }), liveText);
  live.hidden = true;
  return {
    elements: [buttons, position, live, el('div', { class: 'map-cross', 'aria-hidden': 'true' })],
    setLive: (state) => {
      live.hidden = false;
      live.dataset['state'] = state;
      const [text, more] = state === 'live' ? (['live.live', 'live.live.more'] as const) : (['live.lost', 'live.lost.more'] as const);
      live.title = t(more);
      liveText.textContent = t(text);
    },
    setPosition: ({ lon, lat, pointer, zoom }) => {
      what.textContent = t(pointer ? 'map.pointer' : 'map.centre');
      where.textContent = `${format.degrees(lat, 5)} N  ${format.degrees(lon, 5)} E`;
      zoomText.textContent = t('map.zoomlevel', { zoom: format.number(zoom, 1) });
    },
  };
}
