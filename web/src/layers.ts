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

/** Which layers are shown and which are ready; the tree is its face. */
export class Layers {
  readonly element: HTMLElement;
  private readonly tree: LayerTree | undefined;
  private readonly initial: ReadonlySet<string>;
  private visible: Set<string>;

  constructor(
    private readonly context: Context,
    private collections: Collection[],
    private readonly styled: Map<string, StyledLayer>,
    sprite: Sprite | undefined,
    asked: string[] | undefined,
    private readonly events: LayersEvents,
  ) {
    this.initial = new Set([...styled].flatMap(([id, layer]) => (layer.visible ? [id] : [])));
    this.visible = new Set(asked?.filter((id) => styled.has(id)) ?? this.initial);
    if (collections.length === 0) {
      this.element = el('p', { class: 'no-layers' }, context.t('layers.none'));
      return;
    }
    this.tree = layerTree(context, {
      collections,
      styled,
      visible: this.visible,
      sprite,
      changed: (ids, visible) => this.change(ids, visible),
      reset: () => this.show([...this.initial]),
    });
    this.element = this.tree.element;
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
    const same = this.visible.size === this.initial.size && [...this.visible].every((id) => this.initial.has(id));
    return same ? undefined : [...this.styled.keys()].filter((id) => this.visible.has(id));
  }

  /** The sources that draw a layer, shown or not. */
  sourcesOf(layer: string): string[] {
    return this.styled.get(layer)?.sources ?? [];
  }

  setZoom(zoom: number): void {
    this.tree?.setZoom(zoom);
  }

  /** Shows these layers and no others. */
  show(ids: string[]): void {
    this.visible = new Set(ids.filter((id) => this.styled.has(id)));
    for (const [id, layer] of this.styled) this.events.setVisible(layer, this.visible.has(id));
    this.tree?.setVisible(this.visible);
    this.events.changed();
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
    if (this.collections.every(({ ready }) => ready !== false)) return;
    setTimeout(() => {
      this.context.api
        .collections()
        .then(({ collections }) => this.update(collections))
        .catch(() => undefined)
        .finally(() => this.watch());
    }, READY_PAUSE);
  }

  private update(now: Collection[]): void {
    const waiting = new Set(this.collections.filter(({ ready }) => ready === false).map(({ id }) => id));
    const sources = now.flatMap(({ id, ready }) => (ready !== false && waiting.has(id) ? (this.styled.get(id)?.sources ?? []) : []));
    this.collections = now;
    this.tree?.setReady(now);
    if (sources.length > 0) this.events.refresh(new Set(sources));
  }
}
