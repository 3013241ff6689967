import { describe, expect, it } from 'vitest';
import type { Collection, MapFeature } from '../src/api.ts';
import { translator } from '../src/i18n.ts';
import { Formatter } from '../src/text/format.ts';

const it_ = new Formatter('it', translator('it'));
const en = new Formatter('en', translator('en'));
const plain = (text: string | undefined): string | undefined => text?.replaceAll('\u00a0', ' ');

describe('values', () => {
  it('become words, numbers and dates of the language', () => {
    expect(plain(it_.value({ name: 'a', type: 'real', unit: 'm2' }, 12345.6))).toBe('12.345,6 m²');
    expect(plain(en.value({ name: 'a', type: 'real', unit: 'm2' }, 12345.6))).toBe('12,345.6 m²');
    expect(plain(it_.value({ name: 'a', type: 'real', unit: '{EUR}' }, 10))).toBe('10 €');
    expect(plain(it_.value({ name: 'a', type: 'integer', unit: 'a' }, 3))).toBe('3 anni');
    expect(it_.value({ name: 'd', type: 'date' }, '2025-01-31')).toBe('31 gennaio 2025');
    expect(en.value({ name: 'd', type: 'date' }, '2025-01-31')).toBe('31 January 2025');
    expect(it_.value(undefined, true)).toBe('Sì');
  });

  it('are translated when the field has codes, numeric ones too', () => {
    const field = { name: 'k', type: 'integer', values: [{ code: '1', title: 'Strada' }] };
    expect(it_.value(field, 1)).toBe('Strada');
    expect(it_.value(field, 2)).toBe('2');
  });

  it('keep years and keys ungrouped', () => {
    expect(en.value({ name: 'year', type: 'integer' }, 1987)).toBe('1987');
    expect(en.value({ name: 'code', type: 'integer' }, 1234567, true)).toBe('1234567');
  });

  it('are absent when there is nothing to say, and text when a date is not one', () => {
    expect(it_.value(undefined, null)).toBeUndefined();
    expect(it_.value(undefined, '')).toBeUndefined();
    expect(it_.value({ name: 'd', type: 'date' }, 'ieri')).toBe('ieri');
  });

  it('write distances as people say them', () => {
    expect(plain(it_.metres(3.14))).toBe('3,1 m');
    expect(plain(it_.metres(42.4))).toBe('42 m');
    expect(plain(it_.metres(1234))).toBe('1,2 km');
  });
});

describe('a feature’s name', () => {
  const layer: Collection = { id: 'schools', title: 'Scuole', label: 'name', key: ['code'], fields: [] };
  const feature = (properties: Record<string, unknown>, id?: string): MapFeature => ({
    type: 'Feature',
    geometry: { type: 'Point', coordinates: [0, 0] },
    properties,
    ...(id ? { id } : {}),
  });

  it('is its label, else its key, else its id, else the layer', () => {
    expect(it_.featureName(feature({ name: 'Galilei', code: 'X' }), layer)).toBe('Galilei');
    expect(it_.featureName(feature({ code: 'X' }), layer)).toBe('X');
    expect(it_.featureName(feature({}, '7'), layer)).toBe('Elemento 7');
    expect(it_.featureName(feature({}), layer)).toBe('Scuole');
  });
});
