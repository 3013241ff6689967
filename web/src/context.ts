import type { Api } from './api.ts';
import type { Language, Translate } from './i18n.ts';
import type { Formatter } from './text/format.ts';

/** What every part of the page needs. */
export interface Context {
  api: Api;
  language: Language;
  t: Translate;
  format: Formatter;
}
