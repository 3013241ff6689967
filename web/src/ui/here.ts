import type { Collection, Hit, LookupAnswer } from '../api.ts';
import type { Context } from '../context.ts';
import { announce, el } from '../dom.ts';
import { crsCode } from '../text/crs.ts';
import { icon } from '../icons.ts';
import { PARCELS, parcelCard } from './parcelCard.ts';
import { attributeList } from './attributes.ts';
import { problemAlert, spinner } from './problem.ts';

export interface HereOptions {
  collections(): Collection[];
  /** Draws a hit on the map and brings it into sight. */
  show(hit: Hit): void;
  identifyCentre(): void;
  close(): void;
}

export interface Here {
  idle(): void;
  loading(): void;
  answer(answer: LookupAnswer): void;
  /** The same question answered anew: what changed is shown where the reader was. */
  renewed(answer: LookupAnswer): void;
  failed(error: unknown, retry: () => void): void;
  /** Puts the keyboard where the answer begins. */
  focus(): void;
}

/** Hits of one layer. */
export interface HitGroup {
  layer: string;
  collection: Collection | undefined;
  hits: Hit[];
}

/** The same layer's hits together, nearest first; layers in the order of the catalogue, unknown ones last. */
export function groupHits(hits: Hit[], collections: Collection[]): HitGroup[] {
  const order = new Map(collections.map((collection, index) => [collection.id, index]));
  const groups = new Map<string, HitGroup>();
  for (const hit of hits) {
    const collection = collections[order.get(hit.layer) ?? -1];
    const group = groups.get(hit.layer) ?? { layer: hit.layer, collection, hits: [] };
    group.hits.push(hit);
    groups.set(hit.layer, group);
  }
  for (const group of groups.values()) group.hits.sort((a, b) => a.distance_m - b.distance_m);
  const rank = (group: HitGroup): number => order.get(group.layer) ?? Number.MAX_SAFE_INTEGER;
  return [...groups.values()].sort((a, b) => rank(a) - rank(b));
}

/** How many hits of one layer are listed before "more". */
const FIRST_HITS = 5;

/** The answer to "what is here": the parcel, then everything else, in words. */
export function here(context: Context, container: HTMLElement, options: HereOptions): Here {
  const { t, format } = context;

  function identifyButton(): HTMLElement {
    const button = el(
      'button',
      { type: 'button', class: 'btn btn-outline-primary btn-xs btn-icon identify-centre' },
      icon('marker', 'icon-sm icon-primary'),
      el('span', {}, t('here.centre')),
    );
    button.addEventListener('click', () => options.identifyCentre());
    return button;
  }

  function place(answer: LookupAnswer): HTMLElement {
    const { query } = answer;
    const close = el('button', { type: 'button', class: 'icon-button', 'aria-label': t('here.close') }, icon('close', 'icon-sm icon-primary'));
    close.addEventListener('click', () => options.close());
    const facts: [string, string][] = [];
    const crs = crsCode(query.crs);
    if (crs !== 'EPSG:4326') {
      facts.push([t('here.typed'), `${format.coordinate(query.x)} ${format.coordinate(query.y)} (${crs})`]);
      if (query.operation) {
        const accuracy = query.accuracy_m === undefined ? '' : `, ${t('here.accuracy', { metres: format.metres(query.accuracy_m) })}`;
        facts.push([t('here.operation'), `${query.operation}${accuracy}`]);
      }
    }
    return el(
      'div',
      { class: 'place' },
      el(
        'div',
        { class: 'place-line' },
        icon('marker', 'icon-sm icon-primary'),
        el(
          'h2',
          { class: 'place-title', tabindex: '-1', id: 'here-title' },
          t('search.place', { lat: format.degrees(query.lat), lon: format.degrees(query.lon) }),
        ),
        close,
      ),
      facts.length > 0 && el('dl', { class: 'facts' }, ...facts.map(([term, value]) => el('div', {}, el('dt', {}, term), el('dd', {}, value)))),
    );
  }

  function hitItem(hit: Hit, collection: Collection | undefined): HTMLElement {
    const name = format.featureName(hit.feature, collection);
    const show = el(
      'button',
      { type: 'button', class: 'icon-button', 'aria-label': t('here.show.feature', { feature: name }) },
      icon('maximize', 'icon-sm icon-primary'),
    );
    show.addEventListener('click', () => options.show(hit));
    return el(
      'li',
      { class: 'hit' },
      el(
        'div',
        { class: 'hit-line' },
        el('h4', { class: 'hit-name' }, name),
        hit.distance_m > 0 && el('span', { class: 'hit-distance' }, t('here.distance', { distance: format.metres(hit.distance_m) })),
        show,
      ),
      attributeList(context, hit.feature, collection, [collection?.label]),
    );
  }

  function groupSection(group: HitGroup): HTMLElement {
    const list = el('ul', { class: 'hits' }, ...group.hits.slice(0, FIRST_HITS).map((hit) => hitItem(hit, group.collection)));
    const rest = group.hits.slice(FIRST_HITS);
    const section = el('section', { class: 'hit-group' }, el('h3', { class: 'hit-layer' }, group.collection?.title ?? group.layer), list);
    if (rest.length > 0) {
      const more = el('button', { type: 'button', class: 'btn btn-link btn-xs' }, t('here.more', { count: rest.length }));
      more.addEventListener('click', () => {
        const items = rest.map((hit) => hitItem(hit, group.collection));
        list.append(...items);
        more.remove();
        items[0]?.querySelector('button')?.focus();
      });
      section.append(more);
    }
    return section;
  }

  function show(result: LookupAnswer): () => void {
    const parcels = result.hits.filter((hit) => hit.layer === PARCELS);
    const others = groupHits(result.hits.filter((hit) => hit.layer !== PARCELS), options.collections());
    const definition = options.collections().find(({ id }) => id === PARCELS);
    const content: (Node | false)[] = [place(result)];
    if (result.hits.length === 0) {
      content.push(
        el('div', { class: 'alert alert-info' }, el('p', { class: 'alert-heading' }, t('here.nothing')), el('p', {}, t('here.nothing.more'))),
      );
    } else {
      if (parcels.length === 0) content.push(el('p', { class: 'no-parcel' }, t('here.noparcel')));
      content.push(...parcels.map((hit) => parcelCard(context, hit, definition, options.show)), ...others.map(groupSection));
    }
    content.push(
      el('div', { class: 'here-foot' }, identifyButton(), result.seq !== undefined && el('p', {}, t('here.seq', { seq: format.number(result.seq) }))),
    );
    container.replaceChildren(...content.filter((node): node is Node => node !== false));
    return () => announceAnswer(result, parcels[0], definition, others);
  }

  function answer(result: LookupAnswer): void {
    const say = show(result);
    container.scrollTop = 0;
    say();
  }

  function renewed(result: LookupAnswer): void {
    const { scrollTop } = container;
    const hadFocus = container.contains(document.activeElement);
    show(result);
    container.scrollTop = scrollTop;
    if (hadFocus) container.querySelector<HTMLElement>('#here-title')?.focus({ preventScroll: true });
    announce(t('here.renewed'));
  }

  function announceAnswer(result: LookupAnswer, parcel: Hit | undefined, definition: Collection | undefined, others: HitGroup[]): void {
    if (result.hits.length === 0) return announce(t('here.nothing'));
    const first = parcel ? `${t('here.parcel')} ${format.featureName(parcel.feature, definition)}` : (others[0]?.collection?.title ?? '');
    announce(t(result.hits.length === 1 ? 'here.found.one' : 'here.found', { count: result.hits.length, first }));
  }

  return {
    idle: () =>
      container.replaceChildren(
        el(
          'div',
          { class: 'here-intro' },
          icon('marker', 'icon-xl icon-primary'),
          el('h2', {}, t('tab.here')),
          el('p', {}, t('here.intro')),
          el('p', { class: 'keyboard-hint' }, t('here.intro.keyboard')),
          identifyButton(),
        ),
      ),
    loading: () => container.replaceChildren(spinner(t('here.loading'))),
    answer,
    renewed,
    failed: (error, retry) => container.replaceChildren(problemAlert(error, context, retry)),
    focus: () => (container.querySelector<HTMLElement>('#here-title') ?? container).focus(),
  };
}
