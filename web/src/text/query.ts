/** What a person typed into the search box. */
export type SearchQuery =
  | { kind: 'empty' }
  | { kind: 'reference'; ref: string }
  | { kind: 'parcel'; sheet: string; number: string }
  | { kind: 'coordinates'; text: string }
  | { kind: 'words'; text: string };

/** National cadastral reference of the Agenzia delle Entrate, with or without its INSPIRE prefixes. */
const REFERENCE = /^(?:CadastralParcel\.)?(?:IT\.AGE\.PLA\.)?([A-Z]\d{3}[A-Z_]\d{4}[0-9A-Z]{2}\.\S+)$/i;

/** Names of a special parcel (`STRADA001`), a number, or a number with a denominator (`123/2`). */
const NUMBER = String.raw`\.?[0-9A-Z]{1,12}(?:\s*\/\s*[0-9A-Z]{1,5})?`;

/** `foglio 12 particella 123`, `fg. 12 mapp. 123`, `sheet 12 parcel 123`. */
const WORDS = new RegExp(
  String.raw`^(?:foglio|fgl?\.?|f\.|sheet)\s*(?:n\.?\s*)?(\d{1,4})\s*[,;]?\s*(?:e\s+)?` +
    String.raw`(?:particella|part\.?|p\.?lla\.?|mappale|mapp?\.?|p\.|num(?:ero)?\.?|n\.|parcel)\s*(?:n\.?\s*)?(${NUMBER})$`,
  'i',
);

/** `12/123`, and `12/123/2` for a parcel with a denominator. */
const SHORT = new RegExp(String.raw`^(\d{1,4})\s*\/\s*(${NUMBER})$`, 'i');

/**
 * Tells a parcel and a pair of coordinates from words. Coordinates themselves are read by the server, which knows
 * the systems and the territory; here it is enough that the text can hold two numbers.
 */
export function parseQuery(input: string): SearchQuery {
  const text = input.replace(/\s+/g, ' ').trim();
  if (text === '') return { kind: 'empty' };

  const reference = REFERENCE.exec(text)?.[1];
  if (reference !== undefined) return { kind: 'reference', ref: reference.toUpperCase() };

  const parcel = WORDS.exec(text) ?? SHORT.exec(text);
  if (parcel?.[1] !== undefined && parcel[2] !== undefined) {
    return { kind: 'parcel', sheet: stripZeros(parcel[1]), number: cleanNumber(parcel[2]) };
  }
  return looksLikeCoordinates(text) ? { kind: 'coordinates', text } : { kind: 'words', text };
}

function looksLikeCoordinates(text: string): boolean {
  const numbers = text.match(/\d+(?:[.,]\d+)?/g) ?? [];
  if (numbers.length < 2) return false;
  const words = text.replace(/EPSG\s*:+\s*\d+/gi, '').match(/[A-Za-z]{3,}/g) ?? [];
  return words.every((word) => /^(lat|lon|lng|long|latitud\w*|longitud\w*|nord|est|ovest|north|east|west|epsg|srid)$/i.test(word));
}

function stripZeros(digits: string): string {
  return digits.replace(/^0+(?=\d)/, '');
}

function cleanNumber(number: string): string {
  const compact = number.replace(/\s+/g, '').toUpperCase();
  return /^\d/.test(compact) ? stripZeros(compact) : compact;
}
