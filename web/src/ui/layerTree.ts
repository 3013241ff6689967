import type { Collection } from '../api.ts';
import type { Context } from '../context.ts';
import { el } from '../dom.ts';
import type { StyledLayer } from '../map/legend.ts';
import type { Sprite } from '../map/swatch.ts';
import { type LayerRow, layerRow } from './layerRow.ts';

export interface LayerTreeOptions {
  collections: Collection[];
  styled: Map<string, StyledLayer>;
  visible: Set<string>;
  sprite: Sprite | undefined;
  /** Visibility of some layers was changed by hand. */
  changed(ids: string[], visible: boolean): void;
  reset(): void;
}

export interface LayerTree {
  element: HTMLElement;
  /** Tells which layers are too fine for this zoom. */
  setZoom(zoom: number): void;
  setReady(collections: Collection[]): void;
  setVisible(visible: Set<string>): void;
}

interface ThemeGroup {
  id: string;
  title: string;
  collections: Collection[];
}

/** Layers by theme, in the order in which the server lists them. */
export function groupByTheme(collections: Collection[], otherTitle: string): ThemeGroup[] {
  const groups = new Map<string, ThemeGroup>();
  for (const collection of collections) {
    const id = collection.theme ?? 'other';
    const group = groups.get(id) ?? { id, title: collection.themeTitle ?? otherTitle, collections: [] };
    group.collections.push(collection);
    groups.set(id, group);
  }
  return [...groups.values()];
}

/** The tree of themes and layers, which is the legend as well. */
export function layerTree(context: Context, options: LayerTreeOptions): LayerTree {
  const { t } = context;
  const rows = new Map<string, LayerRow>();
  const refreshers: (() => void)[] = [];
  const refresh = (): void => refreshers.forEach((update) => update());

  const groups = groupByTheme(options.collections, t('theme.other')).map((group) => {
    const bodyId = `theme-${group.id}`;
    const list = el('ul', { class: 'layer-list' });
    const drawable = group.collections.filter(({ id }) => options.styled.has(id));
    for (const collection of group.collections) {
      const row = layerRow(context, collection, options.styled.get(collection.id), options.sprite, (visible) => {
        options.changed([collection.id], visible);
        refresh();
      });
      rows.set(collection.id, row);
      list.append(row.element);
    }

    const all = el('input', { type: 'checkbox', id: `all-${group.id}`, 'aria-label': t('layers.theme.toggle', { theme: group.title }) });
    all.disabled = drawable.length === 0;
    all.addEventListener('change', () => {
      for (const { id } of drawable) rows.get(id)?.setVisible(all.checked);
      options.changed(drawable.map(({ id }) => id), all.checked);
      refresh();
    });

    const count = el('span', { class: 'theme-count' });
    const button = el(
      'button',
      { type: 'button', class: 'theme-button', 'aria-controls': bodyId },
      el('span', { class: 'theme-title' }, group.title),
      count,
    );
    const body = el('div', { id: bodyId, class: 'theme-body' }, list);
    const setOpen = (open: boolean): void => {
      button.setAttribute('aria-expanded', String(open));
      body.hidden = !open;
    };
    button.addEventListener('click', () => setOpen(body.hidden !== false));
    setOpen(drawable.some(({ id }) => options.visible.has(id)));

    refreshers.push(() => {
      const shown = drawable.filter(({ id }) => rows.get(id)?.visible()).length;
      all.checked = shown > 0 && shown === drawable.length;
      all.indeterminate = shown > 0 && shown < drawable.length;
      count.textContent = t('layers.shown', { shown, total: group.collections.length });
    });
    return el(
      'section',
      { class: 'theme' },
      el(
        'div',
        { class: 'theme-head' },
        el('div', { class: 'form-check' }, all, el('label', { for: all.id, 'aria-hidden': 'true' })),
        el('h2', { class: 'theme-heading' }, button),
      ),
      body,
    );
  });

  const reset = el('button', { type: 'button', class: 'btn btn-link btn-xs reset-layers' }, t('layers.reset'));
  reset.addEventListener('click', () => options.reset());

  const licences = el('a', { href: 'assets/licences.txt' }, t('app.licences'));
  const element = el('div', { class: 'layer-tree' }, ...groups, el('div', { class: 'tree-foot' }, reset, licences));
  const setVisible = (visible: Set<string>): void => {
    for (const [id, row] of rows) row.setVisible(visible.has(id));
    refresh();
  };
  setVisible(options.visible);

  return {
    element,
    setVisible,
    setZoom: (zoom) => rows.forEach((row) => row.setZoom(zoom)),
    setReady: (collections) => collections.forEach((collection) => rows.get(collection.id)?.setReady(collection.ready !== false)),
  };
}
