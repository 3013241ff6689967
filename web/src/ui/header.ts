import type { Context } from '../context.ts';
import { el, hidden } from '../dom.ts';
import { LANGUAGES } from '../i18n.ts';
import { icon } from '../icons.ts';

export interface Header {
  element: HTMLElement;
  /** Shows the ente's name. */
  setTenant(name: string): void;
  /** Keeps the language links pointing at the map as it is now. */
  setHash(hash: string): void;
}

export function skipLinks({ t }: Context): HTMLElement {
  const links = [
    ['#search-input', t('skip.search')],
    ['#panel', t('skip.panel')],
    ['#map', t('skip.map')],
  ] as const;
  const nav = el('div', { class: 'skiplinks' });
  for (const [target, text] of links) {
    const link = el('a', { class: 'visually-hidden-focusable', href: target }, text);
    link.addEventListener('click', (event) => {
      // The hash holds the map's state, so the jump is made here.
      event.preventDefault();
      const place = document.querySelector<HTMLElement>(target === '#map' ? '#map canvas' : target);
      (place ?? document.querySelector<HTMLElement>(target))?.focus();
    });
    nav.append(link);
  }
  return nav;
}

export function header({ t, language }: Context, share: () => void): Header {
  const owner = el('span', { class: 'navbar-brand' });
  const languages = LANGUAGES.map((code) => {
    const current = code === language;
    return el(
      'a',
      { href: `?lang=${code}`, hreflang: code, lang: code, 'aria-current': current ? 'true' : undefined },
      el('span', { 'aria-hidden': 'true' }, code.toUpperCase()),
      hidden(t(`lang.${code}`)),
    );
  });
  const shareButton = el(
    'button',
    { type: 'button', class: 'btn btn-icon share-button', id: 'share' },
    icon('share', 'icon-white icon-sm'),
    el('span', { class: 'share-text' }, t('share.button')),
  );
  shareButton.addEventListener('click', share);

  const element = el(
    'header',
    { class: 'it-header-wrapper' },
    el(
      'div',
      { class: 'it-header-slim-wrapper' },
      el(
        'div',
        { class: 'it-header-slim-wrapper-content' },
        owner,
        el(
          'div',
          { class: 'it-header-slim-right-zone' },
          el('nav', { class: 'languages', 'aria-label': t('lang.nav') }, ...languages),
        ),
      ),
    ),
    el(
      'div',
      { class: 'it-header-center-wrapper it-small-header' },
      el(
        'div',
        { class: 'it-header-center-content-wrapper' },
        el(
          'div',
          { class: 'it-brand-wrapper' },
          el(
            'div',
            { class: 'brand' },
            icon('pa', 'icon-white'),
            el(
              'div',
              { class: 'it-brand-text' },
              el('h1', { class: 'it-brand-title' }, t('app.title')),
              el('div', { class: 'it-brand-tagline' }, t('app.tagline')),
            ),
          ),
        ),
        el('div', { class: 'it-right-zone' }, shareButton),
      ),
    ),
  );
  return {
    element,
    setTenant: (name) => {
      owner.textContent = name;
    },
    setHash: (hash) => {
      languages.forEach((link, index) => {
        link.setAttribute('href', `?lang=${LANGUAGES[index]}${hash}`);
      });
    },
  };
}
