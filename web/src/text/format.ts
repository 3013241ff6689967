import type { Collection, Field, MapFeature } from '../api.ts';
import type { Language, Translate } from '../i18n.ts';

const LOCALES: Record<Language, string> = { it: 'it-IT', en: 'en-GB' };

/** UCUM symbols as people write them; what is not here is shown as it comes. */
const UNITS: Record<string, string> = {
  m2: 'm²',
  m3: 'm³',
  km2: 'km²',
  deg: '°',
  '1': '',
  '{EUR}': '€',
  '{EUR}/m2': '€/m²',
};

/** Writes values for people in one language. */
export class Formatter {
  private readonly locale: string;

  constructor(
    language: Language,
    private readonly t: Translate,
  ) {
    this.locale = LOCALES[language];
  }

  /** Four-digit numbers stay ungrouped: most of them are years. */
  number(value: number, digits = 3): string {
    return new Intl.NumberFormat(this.locale, { maximumFractionDigits: digits, useGrouping: 'min2' }).format(value);
  }

  metres(value: number): string {
    if (value >= 1000) return `${this.number(value / 1000, 1)}\u00a0km`;
    return `${this.number(value, value < 10 ? 1 : 0)}\u00a0m`;
  }

  area(squareMetres: number): string {
    return `${this.number(squareMetres, 0)}\u00a0m²`;
  }

  degrees(value: number, digits = 6): string {
    return new Intl.NumberFormat(this.locale, { minimumFractionDigits: digits, maximumFractionDigits: digits }).format(value);
  }

  /** Typed coordinates are read back as they could be typed again: a point, whatever the language. */
  coordinate(value: number): string {
    return String(Number(value.toFixed(Math.abs(value) > 180 ? 3 : 8)));
  }

  /** A property by its field: coded values become their title, numbers get their unit. Absent = `undefined`. */
  value(field: Field | undefined, raw: unknown, isKey = false): string | undefined {
    if (raw === null || raw === undefined || raw === '') return undefined;
    const coded = field?.values?.find((entry) => entry.code === String(raw));
    if (coded) return coded.title;
    if (typeof raw === 'boolean') return this.t(raw ? 'here.yes' : 'here.no');
    if (typeof raw === 'number') {
      const text = isKey ? String(raw) : this.number(raw);
      const unit = this.unit(field?.unit);
      return unit === '' ? text : `${text}\u00a0${unit}`;
    }
    if (field?.type === 'date' || field?.type === 'datetime') return this.date(String(raw), field.type === 'datetime');
    return typeof raw === 'object' ? JSON.stringify(raw) : String(raw);
  }

  private unit(symbol: string | undefined): string {
    if (symbol === undefined) return '';
    return symbol === 'a' ? this.t('unit.years') : (UNITS[symbol] ?? symbol);
  }

  private date(text: string, withTime: boolean): string {
    const instant = new Date(withTime ? text : `${text}T00:00:00Z`);
    if (Number.isNaN(instant.getTime())) return text;
    return new Intl.DateTimeFormat(this.locale, {
      dateStyle: 'long',
      ...(withTime ? { timeStyle: 'short' } : { timeZone: 'UTC' }),
    }).format(instant);
  }

  /** What a feature is called: its label field, then its key, then its id. */
  featureName(feature: MapFeature, layer: Collection | undefined): string {
    const properties = feature.properties ?? {};
    for (const name of [layer?.label, ...(layer?.key ?? [])]) {
      if (name === undefined || name === null) continue;
      const text = this.value(layer?.fields?.find((field) => field.name === name), properties[name], true);
      if (text !== undefined) return text;
    }
    return feature.id === undefined ? (layer?.title ?? '') : this.t('here.feature', { id: feature.id });
  }
}
