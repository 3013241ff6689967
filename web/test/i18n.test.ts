import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { chooseLanguage, translator } from '../src/i18n.ts';
import { en } from '../src/locales/en.ts';
import { it as italian } from '../src/locales/it.ts';

const placeholders = (text: string): string[] => [...text.matchAll(/\{\w+\}/g)].map(([name]) => name).sort();

describe('the two languages', () => {
  it('have the same keys', () => {
    expect(Object.keys(en).sort()).toEqual(Object.keys(italian).sort());
  });

  it('fill the same places in every text, and leave none empty', () => {
    for (const [key, text] of Object.entries(italian)) {
      const other = en[key as keyof typeof en];
      expect(placeholders(other), key).toEqual(placeholders(text));
      expect(text.trim() && other.trim(), key).not.toBe('');
    }
  });

  it('have no text that nothing uses', () => {
    const source = readdirSync('src', { recursive: true, encoding: 'utf8' })
      .filter((path) => path.endsWith('.ts') && !path.startsWith('locales'))
      .map((path) => readFileSync(`src/${path}`, 'utf8'))
      .join('\n');
    const unused = Object.keys(italian).filter((key) => !source.includes(`'${key}'`) && !key.startsWith('lang.'));
    expect(unused).toEqual([]);
  });
});

describe('the language', () => {
  it('is the one in the address, else the last chosen, else Italian', () => {
    expect(chooseLanguage('?lang=en', 'it')).toBe('en');
    expect(chooseLanguage('?lang=de', 'en')).toBe('en');
    expect(chooseLanguage('', null)).toBe('it');
    expect(chooseLanguage('', 'xx')).toBe('it');
  });

  it('fills values and leaves unknown places as they are', () => {
    expect(translator('it')('search.parcel', { sheet: 12, number: '123' })).toBe('Foglio 12, particella 123');
    expect(translator('en')('search.parcel', { sheet: 12 })).toBe('Sheet 12, parcel {number}');
  });
});
