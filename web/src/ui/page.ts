import type { Context } from '../context.ts';
import { el } from '../dom.ts';
import type { SearchTarget } from '../searching.ts';
import { type Header, header, skipLinks } from './header.ts';
import { type Panel, panel } from './panel.ts';
import { spinner } from './problem.ts';
import { search } from './search.ts';

export interface Page {
  header: Header;
  panel: Panel;
  mapArea: HTMLElement;
  /** Where the map itself is drawn. */
  mapCanvas: HTMLElement;
  setTenant(name: string): void;
  setMapBusy(busy: boolean): void;
  /** Shows a short message for a few seconds (what it says is announced by whoever calls). */
  notice(text: string): void;
}

export interface PageActions {
  share(): Promise<void>;
  chosen(target: SearchTarget): void;
  /** What the map shows, once it does. */
  near(): { lon: number; lat: number } | undefined;
  /** The map's room changed. */
  resized(): void;
}

const NOTICE_TIME = 4000;

/** Lays the page out: header, search, panel, map. */
export function page(context: Context, actions: PageActions): Page {
  const { t } = context;
  const head = header(context, () => void actions.share());
  const side = panel(context, actions.resized);
  const mapArea = el('section', { class: 'viewer-map', id: 'map', 'aria-label': t('map.label') });
  const busy = el('div', { class: 'map-busy' }, spinner(t('map.loading')));
  busy.hidden = true;
  const toast = el('div', { class: 'toast-note', 'aria-hidden': 'true' });
  toast.hidden = true;
  const live = el('div', { id: 'live', class: 'visually-hidden', role: 'status', 'aria-live': 'polite' });
  let timer: ReturnType<typeof setTimeout> | undefined;

  document.title = t('app.title');
  document.querySelector('meta[name="description"]')?.setAttribute('content', `${t('app.title')}: ${t('app.tagline')}`);
  const mapCanvas = el('div', { class: 'map-canvas' });
  mapArea.append(mapCanvas, busy);
  document.body.prepend(
    skipLinks(context),
    head.element,
    el('main', { class: 'viewer' }, el('div', { class: 'viewer-side' }, search(context, actions.chosen, actions.near), side.element), mapArea),
    toast,
    live,
  );

  return {
    header: head,
    panel: side,
    mapArea,
    mapCanvas,
    setTenant: (name) => {
      head.setTenant(name);
      document.title = `${t('app.title')} · ${name}`;
    },
    setMapBusy: (value) => {
      busy.hidden = !value;
    },
    notice: (text) => {
      toast.textContent = text;
      toast.hidden = false;
      clearTimeout(timer);
      timer = setTimeout(() => {
        toast.hidden = true;
      }, NOTICE_TIME);
    },
  };
}
