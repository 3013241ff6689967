import type { Collection } from '../api.ts';
import type { Context } from '../context.ts';
import { el, reconcile } from '../dom.ts';
import type { StyledLayer } from '../map/legend.ts';
import type { Sprite } from '../map/swatch.ts';
import { type LayerRow, layerRow } from './layerRow.ts';

/** The layers that there are, and how they are drawn. */
export interface Listed {
  collections: Collection[];
  styled: Map<string, StyledLayer>;
  visible: Set<string>;
}

export interface LayerTreeOptions {
  sprite: Sprite | undefined;
  /** Visibility of some layers was changed by hand. */
  changed(ids: string[], visible: boolean): void;
  reset(): void;
}

export interface LayerTree {
  element: HTMLElement;
  /** Lists other layers. What is the same stays as it is: its place, whether it is open, the focus. */
  list(listed: Listed): void;
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

/** What a row shows of its layer, as text: where it differs, the row is made anew. */
export function appearance(collection: Collection, styled: StyledLayer | undefined): string {
  const { count: _count, ready: _ready, ...lasting } = collection;
  return JSON.stringify([lasting, styled?.legend, styled?.minzoom]);
}

interface KeptRow extends LayerRow {
  appearance: string;
}

interface ThemeView {
  element: HTMLElement;
  /** Lists the layers of the theme; `rows` are all that there are. */
  list(group: ThemeGroup, rows: Map<string, LayerRow>, drawable: string[]): void;
  setOpen(open: boolean): void;
  refresh(): void;
}

/** The tree of themes and layers, which is the legend as well. */
export function layerTree(context: Context, listed: Listed, options: LayerTreeOptions): LayerTree {
  const { t } = context;
  const rows = new Map<string, KeptRow>();
  const themes = new Map<string, ThemeView>();
  let zoom: number | undefined;
  const refresh = (): void => themes.forEach((theme) => theme.refresh());

  const reset = el('button', { type: 'button', class: 'btn btn-link btn-xs reset-layers' }, t('layers.reset'));
  reset.addEventListener('click', () => options.reset());
  const licences = el('a', { href: 'assets/licences.txt' }, t('app.licences'));
  const foot = el('div', { class: 'tree-foot' }, reset, licences);
  const element = el('div', { class: 'layer-tree' });

  const rowOf = (collection: Collection, styled: StyledLayer | undefined): KeptRow => {
    const now = appearance(collection, styled);
    const kept = rows.get(collection.id);
    if (kept?.appearance === now) return kept;
    const row = layerRow(context, collection, styled, options.sprite, (visible) => {
      options.changed([collection.id], visible);
      refresh();
    });
    if (zoom !== undefined) row.setZoom(zoom);
    return { ...row, appearance: now };
  };

  const list = ({ collections, styled, visible }: Listed): void => {
    const focus = placeOfFocus(element);
    const fresh = new Map(collections.map((collection) => [collection.id, rowOf(collection, styled.get(collection.id))]));
    rows.clear();
    for (const [id, row] of fresh) rows.set(id, row);
    const groups = groupByTheme(collections, t('theme.other'));
    const views = groups.map((group) => {
      const drawable = group.collections.flatMap(({ id }) => (styled.has(id) ? [id] : []));
      const known = themes.get(group.id);
      const view = known ?? themeView(context, group, options);
      view.list(group, rows, drawable);
      if (!known) view.setOpen(drawable.some((id) => visible.has(id)));
      return [group.id, view] as const;
    });
    themes.clear();
    for (const [id, view] of views) themes.set(id, view);
    reconcile(element, [...views.map(([, view]) => view.element), foot]);
    for (const [id, row] of rows) row.setVisible(visible.has(id));
    for (const collection of collections) rows.get(collection.id)?.setReady(collection.ready !== false);
    refresh();
    focus.restore();
  };
  list(listed);

  return {
    element,
    list,
    setVisible: (visible) => {
      for (const [id, row] of rows) row.setVisible(visible.has(id));
      refresh();
    },
    setZoom: (value) => {
      zoom = value;
      rows.forEach((row) => row.setZoom(value));
    },
    setReady: (collections) => collections.forEach((collection) => rows.get(collection.id)?.setReady(collection.ready !== false)),
  };
}

/** A theme: its heading, which opens and closes it, the box that shows all of it, and its layers. */
function themeView({ t }: Context, { id, title }: ThemeGroup, options: LayerTreeOptions): ThemeView {
  const bodyId = `theme-${id}`;
  const list = el('ul', { class: 'layer-list' });
  const all = el('input', { type: 'checkbox', id: `all-${id}`, 'aria-label': t('layers.theme.toggle', { theme: title }) });
  const count = el('span', { class: 'theme-count' });
  const button = el(
    'button',
    { type: 'button', id: `open-${id}`, class: 'theme-button', 'aria-controls': bodyId },
    el('span', { class: 'theme-title' }, title),
    count,
  );
  const body = el('div', { id: bodyId, class: 'theme-body' }, list);
  let shownRows: LayerRow[] = [];
  let drawable: string[] = [];
  let total = 0;

  const setOpen = (open: boolean): void => {
    button.setAttribute('aria-expanded', String(open));
    body.hidden = !open;
  };
  const refresh = (): void => {
    const shown = shownRows.filter((row) => row.visible()).length;
    all.checked = shown > 0 && shown === drawable.length;
    all.indeterminate = shown > 0 && shown < drawable.length;
    count.textContent = t('layers.shown', { shown, total });
  };
  button.addEventListener('click', () => setOpen(body.hidden !== false));
  all.addEventListener('change', () => {
    for (const row of shownRows) row.setVisible(all.checked);
    options.changed(drawable, all.checked);
    refresh();
  });

  return {
    element: el(
      'section',
      { class: 'theme' },
      el(
        'div',
        { class: 'theme-head' },
        el('div', { class: 'form-check' }, all, el('label', { for: all.id, 'aria-hidden': 'true' })),
        el('h2', { class: 'theme-heading' }, button),
      ),
      body,
    ),
    list: ({ collections }, rows, drawn) => {
      drawable = drawn;
      total = collections.length;
      shownRows = drawn.flatMap((layer) => rows.get(layer) ?? []);
      all.disabled = drawn.length === 0;
      reconcile(list, collections.flatMap((collection) => rows.get(collection.id)?.element ?? []));
    },
    setOpen,
    refresh,
  };
}

/** Where the focus is in the tree, so that it is found again when its row is made anew or goes. */
function placeOfFocus(tree: HTMLElement): { restore(): void } {
  const active = document.activeElement;
  if (!active || !tree.contains(active)) return { restore: () => undefined };
  const boxes = (): HTMLInputElement[] => [...tree.querySelectorAll<HTMLInputElement>('.layer input')].filter((box) => box.checkVisibility());
  const row = active.closest('.layer');
  const place = boxes().findIndex((box) => row?.contains(box));
  return {
    restore: () => {
      if (tree.contains(document.activeElement)) return;
      const same = active.id === '' ? null : document.getElementById(active.id);
      const left = boxes();
      const near = left[Math.min(Math.max(place, 0), left.length - 1)] ?? tree.querySelector<HTMLElement>('button');
      (same ?? near)?.focus();
    },
  };
}
