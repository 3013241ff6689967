import close from 'bootstrap-italia/src/svg/it-close.svg?raw';
import copy from 'bootstrap-italia/src/svg/it-copy.svg?raw';
import expand from 'bootstrap-italia/src/svg/it-expand.svg?raw';
import info from 'bootstrap-italia/src/svg/it-info-circle.svg?raw';
import link from 'bootstrap-italia/src/svg/it-link.svg?raw';
import list from 'bootstrap-italia/src/svg/it-list.svg?raw';
import marker from 'bootstrap-italia/src/svg/it-map-marker.svg?raw';
import maximize from 'bootstrap-italia/src/svg/it-maximize.svg?raw';
import minus from 'bootstrap-italia/src/svg/it-minus.svg?raw';
import pa from 'bootstrap-italia/src/svg/it-pa.svg?raw';
import plus from 'bootstrap-italia/src/svg/it-plus.svg?raw';
import refresh from 'bootstrap-italia/src/svg/it-refresh.svg?raw';
import search from 'bootstrap-italia/src/svg/it-search.svg?raw';
import share from 'bootstrap-italia/src/svg/it-share.svg?raw';

/** The icons in use, bundled from bootstrap-italia's own set. */
const ICONS = { close, copy, expand, info, link, list, marker, maximize, minus, pa, plus, refresh, search, share };
export type IconName = keyof typeof ICONS;

/** A decorative icon: the text beside it (or the `aria-label` around it) carries the meaning. */
export function icon(name: IconName, classes = 'icon-sm'): Element {
  const parsed = new DOMParser().parseFromString(ICONS[name], 'image/svg+xml').documentElement;
  const element = document.importNode(parsed, true);
  element.setAttribute('class', `icon ${classes}`);
  element.setAttribute('aria-hidden', 'true');
  element.setAttribute('focusable', 'false');
  return element;
}
