import type { Collection } from '../api.ts';
import type { Context } from '../context.ts';
import { el } from '../dom.ts';
import { icon } from '../icons.ts';
import type { LegendItem, StyledLayer } from '../map/legend.ts';
import { type Sprite, swatch } from '../map/swatch.ts';

export interface LayerRow {
  element: HTMLElement;
  visible(): boolean;
  setVisible(visible: boolean): void;
  setZoom(zoom: number): void;
  setReady(ready: boolean): void;
}

/** One layer of the tree: its checkbox, its legend, its state, and on demand what it is. */
export function layerRow(
  context: Context,
  collection: Collection,
  styled: StyledLayer | undefined,
  sprite: Sprite | undefined,
  changed: (visible: boolean) => void,
): LayerRow {
  const { t } = context;
  const inputId = `layer-${collection.id}`;
  const stateId = `state-${collection.id}`;
  const legendItems = styled?.legend ?? [];
  const single = legendItems.length === 1 ? legendItems[0] : undefined;

  const input = el('input', { type: 'checkbox', id: inputId, 'aria-describedby': stateId, disabled: styled === undefined });
  const state = el('span', { class: 'layer-state', id: stateId });
  const label = el('label', { for: inputId }, collection.title);
  const legend = legendItems.length > 1 ? legendList(legendItems, sprite, t('layers.legend', { layer: collection.title })) : undefined;

  const detailsId = `details-${collection.id}`;
  const details = el('div', { class: 'layer-details', id: detailsId });
  details.hidden = true;
  const more = el(
    'button',
    {
      type: 'button',
      id: `more-${collection.id}`,
      class: 'icon-button',
      'aria-expanded': 'false',
      'aria-controls': detailsId,
      'aria-label': t('layers.details', { layer: collection.title }),
    },
    icon('info', 'icon-sm icon-primary'),
  );
  more.addEventListener('click', () => {
    if (details.childElementCount === 0) details.append(...describe(context, collection));
    details.hidden = !details.hidden;
    more.setAttribute('aria-expanded', String(!details.hidden));
  });

  let zoom = 24;
  let ready = collection.ready !== false;
  const minzoom = Math.max(styled?.minzoom ?? 0, collection.minzoom ?? 0);
  const update = (): void => {
    if (legend) legend.hidden = !input.checked;
    const text = !styled ? t('layers.notdrawn') : !ready ? t('layers.preparing') : input.checked && zoom < minzoom ? t('layers.zoom') : '';
    state.textContent = text;
    state.classList.toggle('is-preparing', Boolean(styled) && !ready);
  };
  input.addEventListener('change', () => {
    update();
    changed(input.checked);
  });
  update();

  return {
    element: el(
      'li',
      { class: 'layer' },
      el(
        'div',
        { class: 'layer-line' },
        el('div', { class: 'form-check' }, input, label),
        single && swatch(single.swatch, sprite),
        more,
      ),
      state,
      legend,
      details,
    ),
    visible: () => input.checked,
    setVisible: (visible) => {
      input.checked = visible && styled !== undefined;
      update();
    },
    setZoom: (value) => {
      zoom = value;
      update();
    },
    setReady: (value) => {
      ready = value;
      update();
    },
  };
}

function legendList(items: LegendItem[], sprite: Sprite | undefined, label: string): HTMLElement {
  return el(
    'ul',
    { class: 'legend', 'aria-label': label },
    ...items.map((item) => el('li', {}, swatch(item.swatch, sprite), el('span', {}, item.label))),
  );
}

function describe({ t, format }: Context, collection: Collection): Node[] {
  const facts: [string, string | null | undefined][] = [
    [t('layers.count'), typeof collection.count === 'number' ? format.number(collection.count) : undefined],
    [t('layers.attribution'), collection.attribution],
    [t('layers.licence'), collection.licence],
  ];
  const list = el('dl', { class: 'facts' });
  for (const [term, value] of facts) {
    if (value) list.append(el('div', {}, el('dt', {}, term), el('dd', {}, value)));
  }
  const links = [
    [t('layers.link.items'), collection.links?.find(({ rel }) => rel === 'items')?.href],
    [t('layers.link.tiles'), collection.links?.find(({ href }) => /\/tiles\/[^/{]+\.json$/.test(href))?.href],
  ] as const;
  const anchors = links.flatMap(([text, href]) => (href ? [el('a', { href }, text)] : []));
  if (anchors.length > 0) list.append(el('div', {}, el('dt', {}, t('layers.links')), el('dd', {}, ...anchors)));
  return [...(collection.description ? [el('p', {}, collection.description)] : []), ...(list.childElementCount > 0 ? [list] : [])];
}
