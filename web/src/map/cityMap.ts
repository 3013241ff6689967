import type { Feature } from 'geojson';
import {
  AttributionControl,
  type ErrorEvent,
  type LngLatBoundsLike,
  Map as LibreMap,
  Marker,
  type PaddingOptions,
  ScaleControl,
  type StyleSpecification,
  type Tile,
  setWorkerUrl,
  type VectorTileSource,
} from 'maplibre-gl';
import workerUrl from 'maplibre-gl/dist/maplibre-gl-worker.mjs?url';
import type { BBox } from '../api.ts';
import type { Translate } from '../i18n.ts';
import { HIGHLIGHT_SOURCE, highlightLayers } from './highlight.ts';
import type { StyledLayer } from './legend.ts';
import { pin } from './pin.ts';
import { touchedTiles } from './touched.ts';

export interface View {
  zoom: number;
  lat: number;
  lon: number;
}

export interface MapEvents {
  /** The map was clicked or tapped. */
  pick(lon: number, lat: number): void;
  /** Enter was pressed on the map: the place asked about is its centre. */
  pickCentre(): void;
  /** The view came to rest. */
  moved(view: View): void;
  /** The pointer moved over the map; absent when it left. */
  pointer(lon?: number, lat?: number): void;
  loaded(): void;
  /** Headers of requests for tiles. */
  tileHeaders(): Record<string, string>;
}

const MAX_ZOOM = 20.5;
/** Milliseconds until a tile that was refused for now is asked for again. */
const RETRY_PAUSE = 1500;

setWorkerUrl(new URL(workerUrl, document.baseURI).href);

/** The drawn map. Nothing else in the viewer speaks to MapLibre. */
export class CityMap {
  private readonly map: LibreMap;
  private readonly marker: Marker;
  /** Room that panels take from the map's edges, in pixels. */
  private padding: () => PaddingOptions = () => ({ top: 0, right: 0, bottom: 0, left: 0 });

  /** @throws when the browser cannot draw (no WebGL). */
  constructor(
    container: HTMLElement,
    style: StyleSpecification,
    /** `within`: the map is a part of a page that is scrolled. */
    start: { view?: View | undefined; bounds?: BBox | undefined; within?: boolean },
    t: Translate,
    events: MapEvents,
  ) {
    this.map = new LibreMap({
      container,
      style: { ...style, ...(start.view || start.bounds ? { center: undefined, zoom: undefined } : {}) } as StyleSpecification,
      ...(start.view ? { center: [start.view.lon, start.view.lat], zoom: start.view.zoom } : {}),
      ...(!start.view && start.bounds ? { bounds: start.bounds, fitBoundsOptions: { padding: 24 } } : {}),
      maxZoom: MAX_ZOOM,
      maxPitch: 0,
      dragRotate: false,
      pitchWithRotate: false,
      attributionControl: false,
      cooperativeGestures: start.within === true,
      // A tile out of sight hears of no change: it is asked for anew when it comes back.
      maxTileCacheSize: 0,
      transformRequest: (url, kind) => (kind === 'Tile' ? { url, headers: events.tileHeaders() } : { url }),
      locale: {
        'Map.Title': `${t('map.label')}. ${t(start.within === true ? 'map.help.within' : 'map.help')}`,
        'CooperativeGesturesHandler.WindowsHelpText': t('map.gesture.ctrl'),
        'CooperativeGesturesHandler.MacHelpText': t('map.gesture.cmd'),
        'CooperativeGesturesHandler.MobileHelpText': t('map.gesture.touch'),
        'AttributionControl.ToggleAttribution': t('map.attribution'),
        'ScaleControl.Meters': 'm',
        'ScaleControl.Kilometers': 'km',
      },
    });
    this.map.touchZoomRotate.disableRotation();
    this.map.keyboard.disableRotation();
    this.map.addControl(new AttributionControl({ compact: true }), 'bottom-right');
    this.map.addControl(new ScaleControl({ unit: 'metric', maxWidth: 120 }), 'bottom-left');
    this.marker = new Marker({ element: pin(), anchor: 'bottom' });
    this.listen(events);
  }

  private listen(events: MapEvents): void {
    const { map } = this;
    map.on('load', () => {
      map.addSource(HIGHLIGHT_SOURCE, { type: 'geojson', data: { type: 'FeatureCollection', features: [] } });
      for (const layer of highlightLayers()) map.addLayer(layer);
      events.loaded();
    });
    map.on('error', (event: ErrorEvent & { sourceId?: string; tile?: Tile }) => {
      const { error, sourceId, tile } = event;
      // A server that is starting, or one that has not yet heard of the change: it says so, and means to be asked again.
      if ((error as { status?: number }).status === 503 && sourceId !== undefined && tile) this.retry(sourceId, tile);
      else console.error(error);
    });
    map.on('click', (event) => events.pick(event.lngLat.lng, event.lngLat.lat));
    map.on('moveend', () => events.moved(this.view()));
    map.on('mousemove', (event) => events.pointer(event.lngLat.lng, event.lngLat.lat));
    map.on('mouseout', () => events.pointer());
    map.on('move', () => events.pointer());
    map.getCanvas().addEventListener('keydown', (event) => {
      if (event.key === 'Enter') events.pickCentre();
    });
  }

  private retry(source: string, { tileID: { canonical } }: Tile): void {
    setTimeout(() => {
      if (this.map.getSource(source)) this.map.refreshTiles(source, [canonical]);
    }, RETRY_PAUSE);
  }

  setPadding(padding: () => PaddingOptions): void {
    this.padding = padding;
  }

  view(): View {
    const { lng, lat } = this.map.getCenter();
    return { zoom: this.map.getZoom(), lat, lon: lng };
  }

  /** The middle of what can be seen, beside the panels. */
  visibleCentre(): { lon: number; lat: number } {
    const { clientWidth, clientHeight } = this.map.getContainer();
    const { left = 0, right = 0, top = 0, bottom = 0 } = this.padding();
    const { lng, lat } = this.map.unproject([(clientWidth + left - right) / 2, (clientHeight + top - bottom) / 2]);
    return { lon: lng, lat };
  }

  jump(view: View): void {
    this.map.jumpTo({ center: [view.lon, view.lat], zoom: view.zoom });
  }

  zoomBy(steps: number): void {
    this.map.easeTo({ zoom: Math.round(this.map.getZoom() + steps) });
  }

  fit(box: BBox, maxZoom = 18.5): void {
    const margin = 48;
    const { left = 0, right = 0, top = 0, bottom = 0 } = this.padding();
    const bounds: LngLatBoundsLike = [
      [box[0], box[1]],
      [box[2], box[3]],
    ];
    this.map.fitBounds(bounds, {
      maxZoom,
      padding: { left: left + margin, right: right + margin, top: top + margin, bottom: bottom + margin },
    });
  }

  /** Brings a place into sight without changing the zoom more than needed. */
  reveal(lon: number, lat: number, minZoom = 0): void {
    const { left = 0, right = 0, top = 0, bottom = 0 } = this.padding();
    const { clientWidth, clientHeight } = this.map.getContainer();
    const { x, y } = this.map.project([lon, lat]);
    const seen = x > left + 24 && x < clientWidth - right - 24 && y > top + 48 && y < clientHeight - bottom - 24;
    if (seen && this.map.getZoom() >= minZoom) return;
    // An offset rather than MapLibre's `padding`, which would stick to the map and move later centres.
    this.map.easeTo({
      center: [lon, lat],
      zoom: Math.max(this.map.getZoom(), minZoom),
      offset: [(left - right) / 2, (top - bottom) / 2],
    });
  }

  showPlace(lon: number, lat: number): void {
    this.marker.setLngLat([lon, lat]).addTo(this.map);
  }

  clearPlace(): void {
    this.marker.remove();
    this.highlight([]);
  }

  highlight(features: Feature[]): void {
    const source = this.map.getSource<import('maplibre-gl').GeoJSONSource>(HIGHLIGHT_SOURCE);
    void source?.setData({ type: 'FeatureCollection', features });
  }

  setVisible(layer: StyledLayer, visible: boolean): void {
    for (const id of layer.styleLayers) {
      if (this.map.getLayer(id)) this.map.setLayoutProperty(id, 'visibility', visible ? 'visible' : 'none');
    }
  }

  /** Draws by another style from now on. What is the same in both stays as it is, and so does what is highlighted. */
  setStyle(style: StyleSpecification): void {
    const ours = new Set(highlightLayers().map(({ id }) => id));
    this.map.setStyle(style, {
      transformStyle: (before, next) => {
        const source = before?.sources[HIGHLIGHT_SOURCE];
        if (!before || !source) return next;
        const layers = before.layers.filter(({ id }) => ours.has(id));
        return { ...next, sources: { ...next.sources, [HIGHLIGHT_SOURCE]: source }, layers: [...next.layers, ...layers] };
      },
    });
  }

  /** Asks again for the tiles of sources whose layers have become ready. */
  refresh(sources: Iterable<string>): void {
    for (const id of sources) if (this.map.getSource(id)) this.map.refreshTiles(id);
  }

  /** Asks again for the tiles of a source that boxes touch; for all of them when there are none. */
  renew(source: string, boxes?: BBox[]): void {
    const { map } = this;
    const ask = (): void => {
      const tiles = map.getSource<VectorTileSource>(source);
      if (!tiles) return;
      if (boxes === undefined) return map.refreshTiles(source);
      const [[west, south], [east, north]] = map.getBounds().toArray();
      const zooms = { min: tiles.minzoom, max: Math.min(tiles.maxzoom, Math.floor(map.getZoom()) + 1) };
      const touched = touchedTiles(boxes, zooms, [west, south, east, north]);
      if (touched.length > 0) map.refreshTiles(source, touched);
    };
    const busy = map.getSource(source) !== undefined && !map.isSourceLoaded(source);
    ask();
    // MapLibre leaves out tiles that are on their way, and those may have been made before the change.
    if (busy) void map.once('idle', ask);
  }

  resize(): void {
    this.map.resize();
  }

  /** Whether the map draws nothing more for now (used by tests and screenshots). */
  idle(): Promise<void> {
    return new Promise((resolve) => {
      if (this.map.loaded() && !this.map.isMoving()) resolve();
      else void this.map.once('idle', () => resolve());
    });
  }

  /** Tiles in sight, over all sources (used by tests). */
  tileCount(): number {
    const sources = Object.keys(this.map.getStyle().sources).map((id) => this.map.style.tileManagers[id]);
    return sources.reduce((count, manager) => count + (manager?.getVisibleCoordinates().length ?? 0), 0);
  }

  /** A property of a drawn feature (used by tests). */
  property(layer: string, id: number, name: string): unknown {
    const drawn = this.map.queryRenderedFeatures({ layers: this.map.getLayersOrder() });
    return drawn.find((feature) => feature.sourceLayer === layer && feature.id === id)?.properties[name];
  }

  focus(): void {
    this.map.getCanvas().focus();
  }
}
