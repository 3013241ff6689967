import type { StyleSpecification } from 'maplibre-gl';
import type { BBox, Collection, Collections, Hit, LookupAnswer } from './api.ts';
import { isAbort } from './api.ts';
import { boxesBySource, concerns, gatherer } from './changes.ts';
import type { Context } from './context.ts';
import { announce, el } from './dom.ts';
import { Layers } from './layers.ts';
import { type LayerChange, Live, type LiveState } from './live.ts';
import { CityMap, type View } from './map/cityMap.ts';
import { type StyledLayer, readStyle } from './map/legend.ts';
import { boundsOf, metresFor } from './map/measure.ts';
import { absolutise } from './map/style.ts';
import { Sprite } from './map/swatch.ts';
import type { SearchTarget } from './searching.ts';
import { copyText } from './share.ts';
import { here } from './ui/here.ts';
import { mapControls } from './ui/mapControls.ts';
import { page } from './ui/page.ts';
import { PARCELS } from './ui/parcelCard.ts';
import { appearance } from './ui/layerTree.ts';
import { problemAlert, spinner } from './ui/problem.ts';
import { formatHash, parseHash } from './urlState.ts';

/** How near a point or line must be to count as hit, in screen pixels. */
const HIT_PIXELS = 12;
/** The same in metres where no map is drawn. */
const HIT_METRES = 25;
const MAX_HIT_METRES = 500;
/** A place found by search is shown at least this near. */
const PLACE_ZOOM = 17;

/** A place to ask about: in degrees, and as it was typed when it was. */
interface Place {
  lon: number;
  lat: number;
  typed?: { x: number; y: number; crs: string };
  /** The feature that was looked for there. */
  sought?: { layer: string; id: number | null };
}

/** Builds the page and keeps its parts in step: map, layers, chosen place, address. */
export async function start(context: Context): Promise<void> {
  const { api, t } = context;
  const initial = parseHash(location.hash);
  const view = page(context, { share, chosen: goTo, near: () => map?.visibleCentre(), resized: () => map?.resize() });
  const hereView = here(context, view.panel.here, {
    collections: () => collections,
    show: showHit,
    identifyCentre,
    close: clearPlace,
  });
  hereView.idle();

  let collections: Collection[] = [];
  let tenant: Collections['tenant'];
  let map: CityMap | undefined;
  let mapView: View | undefined = initial.view;
  let layers: Layers | undefined;
  let place: Place | undefined;
  let asking: AbortController | undefined;
  /** The last answer that is shown, and how to ask for it again. */
  let answered: { place: Place; radius: number; ask(signal: AbortSignal): Promise<LookupAnswer>; answer: LookupAnswer } | undefined;
  /** Settled when the layers that are listed are those of the server. */
  let listing = Promise.resolve();
  /** What is highlighted, kept for a map that is still loading. */
  let highlighted: Hit | undefined;

  const controls = mapControls(context, {
    zoomIn: () => map?.zoomBy(1),
    zoomOut: () => map?.zoomBy(-1),
    home: () => {
      if (tenant?.bbox) map?.fit(tenant.bbox);
    },
    identifyCentre,
  });

  function writeHash(): void {
    const changed = layers?.changedFromStyle();
    const hash = formatHash({
      ...(mapView ? { view: mapView } : {}),
      ...(changed ? { layers: changed } : {}),
      ...(place ? { place: { lat: place.lat, lon: place.lon } } : {}),
    });
    if (hash !== location.hash) history.replaceState(null, '', `${location.pathname}${location.search}${hash}`);
    view.header.setHash(hash);
  }

  async function share(): Promise<void> {
    const link = new URL(location.href);
    link.searchParams.set('lang', context.language);
    const text = t((await copyText(link.href)) ? 'share.copied' : 'share.failed');
    announce(text);
    view.notice(text);
  }

  async function identify(target: Place, takeFocus: boolean): Promise<void> {
    asking?.abort();
    const controller = new AbortController();
    asking = controller;
    answered = undefined;
    place = target;
    map?.showPlace(target.lon, target.lat);
    view.panel.show('here');
    view.panel.open();
    hereView.loading();
    writeHash();
    const reach = mapView ? Math.min(metresFor(HIT_PIXELS, mapView.zoom, target.lat), MAX_HIT_METRES) : HIT_METRES;
    const radius = Math.max(1, Math.round(reach));
    const point = target.typed ?? { x: round8(target.lon), y: round8(target.lat), crs: 'EPSG:4326' };
    const ask = (signal: AbortSignal): Promise<LookupAnswer> => api.lookupAt(point, radius, signal);
    try {
      const answer = await ask(controller.signal);
      if (controller.signal.aborted) return;
      answered = { place: target, radius, ask, answer };
      hereView.answer(answer);
      highlight(soughtHit(answer, target.sought) ?? mainHit(answer));
      if (takeFocus) hereView.focus();
    } catch (error) {
      if (isAbort(error)) return;
      highlight(undefined);
      hereView.failed(error, () => void identify(target, true));
    }
  }

  function highlight(hit: Hit | undefined): void {
    highlighted = hit;
    map?.highlight(hit ? [hit.feature] : []);
  }

  function identifyCentre(): void {
    const centre = map?.visibleCentre() ?? boxCentre(tenant?.bbox);
    if (centre) void identify(centre, true);
  }

  function clearPlace(): void {
    asking?.abort();
    answered = undefined;
    place = undefined;
    highlighted = undefined;
    map?.clearPlace();
    hereView.idle();
    writeHash();
    hereView.focus();
  }

  /** Takes changes to the map, and to the answer that is shown where they concern it. */
  async function renew(changes: LayerChange[]): Promise<void> {
    // A source that still names a layer which is gone would be refused as a whole.
    await listing;
    for (const [source, boxes] of boxesBySource(changes, (layer) => layers?.sourcesOf(layer) ?? [])) map?.renew(source, boxes);
    const shown = answered;
    if (shown && changes.some((change) => concerns(change, shown.place, shown.radius, shown.answer.hits))) void askAgain();
  }

  /** Asks the question of the shown answer once more; where nothing differs, nothing moves. */
  async function askAgain(): Promise<void> {
    const before = answered;
    if (!before) return;
    const controller = new AbortController();
    asking = controller;
    try {
      const answer = await before.ask(controller.signal);
      if (controller.signal.aborted || answered !== before) return;
      const same = JSON.stringify(answer.hits) === JSON.stringify(before.answer.hits);
      answered = { ...before, answer };
      if (same) return;
      hereView.renewed(answer);
      highlight(answer.hits.find(({ layer, feature }) => layer === highlighted?.layer && feature.id === highlighted.feature.id) ?? mainHit(answer));
    } catch {
      // What is shown stays as it was; the next change or click asks again.
    }
  }

  /** Lists the layers that there are now, and draws them; says which came and which went. */
  async function relist(): Promise<void> {
    try {
      const answer = await api.collections();
      const lasting = (list: Collection[]): string => JSON.stringify(list.map((collection) => appearance(collection, undefined)));
      if (!layers || lasting(answer.collections) === lasting(collections)) return;
      const style = absolutise(await api.style<StyleSpecification>(), api.url('styles/'));
      collections = answer.collections;
      const { come, gone } = layers.replace(collections, readStyle(style, context.language));
      map?.setStyle(layers.withVisibility(style));
      const titles = (list: Collection[]): string => list.map(({ title }) => title).join(', ');
      const said = [...(come.length > 0 ? [t('layers.come', { layers: titles(come) })] : []), ...(gone.length > 0 ? [t('layers.gone', { layers: titles(gone) })] : [])];
      if (said.length > 0) announce(said.join(' '));
    } catch {
      // The list stays as it was; the next sign of other layers asks again.
    }
  }

  /** Hears of changes from now on; `seq` is the one that the page reflects. */
  function follow(seq: number | undefined): void {
    const gather = gatherer((changes) => void renew(changes));
    let known: LiveState | undefined;
    new Live((after) => api.url('events', { after }), seq, {
      changed: (changes, at) => {
        api.minSeq = at;
        gather(changes);
      },
      layers: (at) => {
        api.minSeq = at;
        listing = listing.then(relist);
      },
      reset: (at) => {
        api.minSeq = at;
        listing = listing.then(relist);
        gather(collections.map(({ id }) => ({ layer: id, whole: true })));
      },
      state: (state) => {
        if (state === known) return;
        controls.setLive(state);
        if (known !== undefined) announce(t(state === 'live' ? 'live.back' : 'live.lost.more'));
        known = state;
      },
    });
  }

  function showHit(hit: Hit): void {
    highlight(hit);
    const box = hit.feature.bbox ?? boundsOf(hit.feature.geometry);
    if (box) map?.fit(box);
  }

  function goTo(target: SearchTarget): void {
    const { lon, lat } = target;
    const typed = target.kind === 'point' ? { typed: { x: target.x, y: target.y, crs: target.crs } } : {};
    // The panel opens first, since it takes room from the map.
    const sought = target.kind === 'found' ? { sought: { layer: target.layer, id: target.id } } : {};
    const asked = identify({ lon, lat, ...typed, ...sought }, true);
    const box = target.kind === 'parcel' ? (target.feature.bbox ?? boundsOf(target.feature.geometry)) : target.kind === 'found' ? target.bbox : undefined;
    if (box) map?.fit(box);
    else map?.reveal(lon, lat, PLACE_ZOOM);
    void asked;
  }

  async function load(): Promise<void> {
    view.panel.layers.replaceChildren(spinner(t('layers.loading')));
    let seq: number | undefined;
    try {
      const answer = await api.collections();
      collections = answer.collections;
      ({ tenant, seq } = answer);
      if (tenant?.name) view.setTenant(tenant.name);
    } catch (error) {
      view.panel.layers.replaceChildren(problemAlert(error, context, () => void load(), t('error.layers')));
      return;
    }
    await draw();
    follow(seq);
  }

  /** Fetches the style, draws the map and lists the layers; without a style the layers are listed all the same. */
  async function draw(): Promise<void> {
    view.mapArea.querySelector('.map-problem')?.remove();
    view.setMapBusy(true);
    let style: StyleSpecification | undefined;
    try {
      style = absolutise(await api.style<StyleSpecification>(), api.url('styles/'));
    } catch (error) {
      view.setMapBusy(false);
      view.mapArea.append(el('div', { class: 'map-problem' }, problemAlert(error, context, () => void draw(), t('error.map'))));
    }
    const styled = style ? readStyle(style, context.language) : new Map<string, StyledLayer>();
    const sprite = await Sprite.load(typeof style?.sprite === 'string' ? style.sprite : undefined);
    layers = new Layers(context, collections, styled, sprite, initial.layers, {
      setVisible: (layer, visible) => map?.setVisible(layer, visible),
      refresh: (sources) => map?.refresh(sources),
      changed: writeHash,
    });
    view.panel.layers.replaceChildren(layers.element);
    if (style) drawMap(layers.withVisibility(style));
    if (initial.place && !place) void identify(initial.place, false);
  }

  function drawMap(style: StyleSpecification): void {
    try {
      map = new CityMap(view.mapCanvas, style, { view: initial.view, bounds: tenant?.bbox ?? undefined }, t, {
        pick: (lon, lat) => void identify({ lon, lat }, false).then(() => map?.reveal(lon, lat)),
        pickCentre: identifyCentre,
        moved,
        pointer: showPosition,
        tileHeaders: () => api.fresh(),
        loaded: () => {
          view.setMapBusy(false);
          if (place) map?.showPlace(place.lon, place.lat);
          highlight(highlighted);
        },
      });
    } catch {
      view.setMapBusy(false);
      view.mapArea.append(el('div', { class: 'map-problem' }, el('div', { class: 'alert alert-warning', role: 'alert' }, t('map.nowebgl'))));
      return;
    }
    map.setPadding(() => ({ top: 0, left: 0, right: 0, bottom: view.panel.covered() }));
    view.mapArea.append(...controls.elements);
    moved(map.view());
    Object.assign(view.mapArea, { cityMap: map });
  }

  function moved(now: View): void {
    mapView = now;
    layers?.setZoom(now.zoom);
    showPosition();
    writeHash();
  }

  function showPosition(lon?: number, lat?: number): void {
    if (!map) return;
    const { zoom } = map.view();
    if (lon !== undefined && lat !== undefined) controls.setPosition({ lon, lat, pointer: true, zoom });
    else controls.setPosition({ ...map.visibleCentre(), pointer: false, zoom });
  }

  // A link pasted into the same page moves the map instead of loading it anew.
  addEventListener('hashchange', () => {
    const state = parseHash(location.hash);
    if (state.view) map?.jump(state.view);
    if (state.layers) layers?.show(state.layers);
    if (state.place) void identify(state.place, false);
  });

  await load();
}

function soughtHit(answer: LookupAnswer, sought: Place['sought']): Hit | undefined {
  return answer.hits.find(({ layer, feature }) => layer === sought?.layer && feature.id === sought.id);
}

function mainHit(answer: LookupAnswer): Hit | undefined {
  return answer.hits.find(({ layer }) => layer === PARCELS) ?? answer.hits[0];
}

function boxCentre(box: BBox | null | undefined): { lon: number; lat: number } | undefined {
  if (!box) return undefined;
  return { lon: (box[0] + box[2]) / 2, lat: (box[1] + box[3]) / 2 };
}

function round8(degrees: number): number {
  return Number(degrees.toFixed(8));
}
