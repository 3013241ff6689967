import type { StyleSpecification } from 'maplibre-gl';
import type { Collection } from './api.ts';
import type { Context } from './context.ts';
import { el } from './dom.ts';
import { type StyledLayer, layerOf } from './map/legend.ts';
import type { Sprite } from './map/swatch.ts';
import { type LayerTree, layerTree } from './ui/layerTree.ts';

/** Milliseconds between two questions whether a layer has become ready. */
const READY_PAUSE = 3000;

export interface LayersEvents {
  setVisible(layer: StyledLayer, visible: boolean): void;
  /** Layers became ready: their tiles are to be asked for again. */
  refresh(sources: Iterable<string>): void;
  changed(): void;
}

/** Layers that were not there before, and those that are not there any more. */
export interface ComeAndGone {
  come: Collection[];
  gone: Collection[];
}

/** Which layers are shown and which are ready; the tree is its face. */
export class Layers {
  readonly element = el('div', { class: 'layers' });
  private readonly tree: LayerTree;
  private readonly none: HTMLElement;
  /** Those that the style shows at first. */
  private initial: ReadonlySet<string>;
  /** Those that are switched on, also while they are not there. */
  private visible: Set<string>;
  /** Those that were there at some time: whether they are switched on is the user's choice. */
  private readonly known: Set<string>;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly context: Context,
    private collections: Collection[],
    private styled: Map<string, StyledLayer>,
    sprite: Sprite | undefined,
    asked: string[] | undefined,
    private readonly events: LayersEvents,
  ) {
    this.initial = shownAtFirst(styled);
    this.visible = new Set(asked ?? this.initial);
    this.known = new Set([...styled.keys(), ...(asked ?? [])]);
    this.none = el('p', { class: 'no-layers' }, context.t('layers.none'));
    this.tree = layerTree(context, this.listed(), {
      sprite,
      changed: (ids, visible) => this.change(ids, visible),
      reset: () => this.show([...this.initial]),
    });
    this.face();
    this.watch();
  }

  /** The style with its layers shown or hidden as they are now, so that nothing is drawn and then taken away. */
  withVisibility(style: StyleSpecification): StyleSpecification {
    const known = new Set(this.collections.map(({ id }) => id));
    const layers = style.layers.map((layer) => {
      const id = layerOf(layer);
      if (id === undefined || !known.has(id)) return layer;
      return { ...layer, layout: { ...layer.layout, visibility: this.visible.has(id) ? 'visible' : 'none' } };
    });
    return { ...style, layers: layers as StyleSpecification['layers'] };
  }

  /** Visible layers when they are not those of the style. */
  changedFromStyle(): string[] | undefined {
    const shown = [...this.styled.keys()].filter((id) => this.visible.has(id));
    const same = shown.length === this.initial.size && shown.every((id) => this.initial.has(id));
    return same ? undefined : shown;
  }

  /** The sources that draw a layer, shown or not. */
  sourcesOf(layer: string): string[] {
    return this.styled.get(layer)?.sources ?? [];
  }

  setZoom(zoom: number): void {
    this.tree.setZoom(zoom);
  }

  /** Shows these layers and no others. */
  show(ids: string[]): void {
    this.visible = new Set(ids);
    for (const [id, layer] of this.styled) this.events.setVisible(layer, this.visible.has(id));
    this.tree.setVisible(this.visible);
    this.events.changed();
  }

  /** Lists other layers. What the user switched stays as it is; new layers are shown as the style shows them. */
  replace(collections: Collection[], styled: Map<string, StyledLayer>): ComeAndGone {
    const [before, now] = [this.collections, collections].map((list) => new Set(list.map(({ id }) => id)));
    const come = collections.filter(({ id }) => !before?.has(id));
    const gone = this.collections.filter(({ id }) => !now?.has(id));
    this.initial = shownAtFirst(styled);
    for (const id of styled.keys()) {
      if (!this.known.has(id) && this.initial.has(id)) this.visible.add(id);
      this.known.add(id);
    }
    this.collections = collections;
    this.styled = styled;
    this.tree.list(this.listed());
    this.face();
    this.watch();
    this.events.changed();
    return { come, gone };
  }

  private listed(): { collections: Collection[]; styled: Map<string, StyledLayer>; visible: Set<string> } {
    return { collections: this.collections, styled: this.styled, visible: this.visible };
  }

  /** The tree, or that there is nothing to list. */
  private face(): void {
    const face = this.collections.length > 0 ? this.tree.element : this.none;
    if (this.element.firstElementChild !== face) this.element.replaceChildren(face);
  }

  private change(ids: string[], visible: boolean): void {
    for (const id of ids) {
      if (visible) this.visible.add(id);
      else this.visible.delete(id);
      const layer = this.styled.get(id);
      if (layer) this.events.setVisible(layer, visible);
    }
    this.events.changed();
  }

  /** While some layer is being prepared, asks again now and then. */
  private watch(): void {
    clearTimeout(this.timer);
    if (this.collections.every(({ ready }) => ready !== false)) return;
    this.timer = setTimeout(() => {
      this.context.api
        .collections()
        .then(({ collections }) => this.update(collections))
        .catch(() => undefined)
        .finally(() => this.watch());
    }, READY_PAUSE);
  }

  /** Notes which layers have become ready; those that came or went are told of by the server. */
  private update(now: Collection[]): void {
    const answers = new Map(now.map((collection) => [collection.id, collection]));
    const sources = this.collections.flatMap(({ id, ready }) =>
      ready === false && answers.get(id)?.ready !== false ? this.sourcesOf(id) : [],
    );
    this.collections = this.collections.map((collection) => answers.get(collection.id) ?? collection);
    this.tree.setReady(this.collections);
    if (sources.length > 0) this.events.refresh(new Set(sources));
  }
}

function shownAtFirst(styled: Map<string, StyledLayer>): ReadonlySet<string> {
  return new Set([...styled].flatMap(([id, layer]) => (layer.visible ? [id] : [])));
}
