import type { Collection, Hit } from '../api.ts';
import type { Context } from '../context.ts';
import { announce, el } from '../dom.ts';
import { icon } from '../icons.ts';
import { areaOf } from '../map/measure.ts';
import { copyText } from '../share.ts';
import { attributeList } from './attributes.ts';

/** The layer of cadastral parcels in the shipped catalogue. */
export const PARCELS = 'parcels';

/** Fields that the card shows by itself. */
const SHOWN = ['section', 'sheet', 'number', 'area_m2', 'national_ref', 'label'];

/** The parcel, as the tax office names it: sheet, number, area, national reference. */
export function parcelCard(context: Context, hit: Hit, collection: Collection | undefined, show: (hit: Hit) => void): HTMLElement {
  const { t, format } = context;
  const properties = hit.feature.properties ?? {};
  const text = (name: string): string | undefined => format.value(undefined, properties[name], true);
  const reference = text('national_ref');
  const declared = properties['area_m2'];
  const measured = typeof declared === 'number' ? undefined : areaOf(hit.feature.geometry);

  const big: [string, string | undefined][] = [
    [t('here.section'), text('section')],
    [t('here.sheet'), text('sheet')],
    [t('here.number'), text('number') ?? text('label')],
  ];
  const facts = el('dl', { class: 'facts' });
  const add = (term: string, ...value: (Node | string)[]): void => {
    facts.append(el('div', {}, el('dt', {}, term), el('dd', {}, ...value)));
  };
  if (typeof declared === 'number') add(t('here.area'), format.area(declared));
  else if (measured !== undefined) add(t('here.area.measured'), format.area(measured));
  if (reference !== undefined) {
    const copy = el('button', { type: 'button', class: 'icon-button', 'aria-label': t('here.copyref') }, icon('copy', 'icon-sm icon-primary'));
    copy.addEventListener('click', () => {
      void copyText(reference).then((copied) => announce(copied ? t('here.copied', { text: reference }) : t('share.failed')));
    });
    add(t('here.ref'), el('code', {}, reference), copy);
  }

  const rest = attributeList(context, hit.feature, collection, SHOWN);
  const name = format.featureName(hit.feature, collection);
  const button = el(
    'button',
    { type: 'button', class: 'icon-button', 'aria-label': t('here.show.feature', { feature: `${t('here.number')} ${name}` }) },
    icon('maximize', 'icon-sm icon-primary'),
  );
  button.addEventListener('click', () => show(hit));

  return el(
    'section',
    { class: 'parcel-card', 'aria-labelledby': 'parcel-title' },
    el('div', { class: 'hit-line' }, el('h3', { class: 'hit-layer', id: 'parcel-title' }, t('here.parcel')), button),
    el(
      'dl',
      { class: 'parcel-numbers' },
      ...big.flatMap(([term, value]) => (value === undefined ? [] : [el('div', {}, el('dt', {}, term), el('dd', {}, value))])),
    ),
    facts,
    rest,
  );
}
