import { en } from './locales/en.ts';
import { it } from './locales/it.ts';

/** Languages of the house, Italian first. */
export const LANGUAGES = ['it', 'en'] as const;
export type Language = (typeof LANGUAGES)[number];
export type MessageKey = keyof typeof it;
export type Messages = Record<MessageKey, string>;

const MESSAGES: Record<Language, Messages> = { it, en };
const STORAGE_KEY = 'bricola.lang';

/** Translates a key, filling `{name}` with the given values. */
export type Translate = (key: MessageKey, values?: Record<string, string | number>) => string;

export function isLanguage(value: unknown): value is Language {
  return value === 'it' || value === 'en';
}

/** The language asked for: the address first, then the last choice on this device, then Italian. */
export function chooseLanguage(query: string, remembered: string | null): Language {
  const asked = new URLSearchParams(query).get('lang');
  if (isLanguage(asked)) return asked;
  return isLanguage(remembered) ? remembered : 'it';
}

/** Reads the language chosen before; storage may be forbidden, and then there is none. */
export function rememberedLanguage(): string | null {
  try {
    return localStorage.getItem(STORAGE_KEY);
  } catch {
    return null;
  }
}

export function rememberLanguage(language: Language): void {
  try {
    localStorage.setItem(STORAGE_KEY, language);
  } catch {
    // Without storage the choice lives in the address only.
  }
}

export function translator(language: Language): Translate {
  const messages = MESSAGES[language];
  return (key, values = {}) =>
    messages[key].replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole));
}
