import type { Context } from '../context.ts';
import { el } from '../dom.ts';
import { icon } from '../icons.ts';

export type TabName = 'layers' | 'here';

export interface Panel {
  element: HTMLElement;
  layers: HTMLElement;
  here: HTMLElement;
  show(tab: TabName): void;
  /** Opens the bottom sheet (on a phone; beside the map it is always open). */
  open(): void;
  /** How many pixels of the map the sheet covers from below. */
  covered(): number;
}

/** Two tabs: beside the map on a desk, a sheet from below on a phone. */
export function panel({ t }: Context, resized: () => void): Panel {
  const bodies: Record<TabName, HTMLElement> = { layers: tabBody('layers'), here: tabBody('here') };
  const tabs: Record<TabName, HTMLButtonElement> = { layers: tab('layers', t('tab.layers')), here: tab('here', t('tab.here')) };
  const names: TabName[] = ['layers', 'here'];

  const toggle = el(
    'button',
    { type: 'button', class: 'sheet-toggle', 'aria-expanded': 'false', 'aria-controls': 'panel-body' },
    el('span', { class: 'sheet-handle', 'aria-hidden': 'true' }),
    icon('expand', 'icon-sm icon-primary'),
    el('span', { class: 'visually-hidden' }, t('panel.expand')),
  );
  const list = el('div', { class: 'nav nav-tabs auto', role: 'tablist', 'aria-label': t('panel.label') }, tabs.layers, tabs.here);
  const element = el(
    'section',
    { class: 'viewer-panel', id: 'panel', tabindex: '-1', 'aria-label': t('panel.label') },
    toggle,
    list,
    el('div', { class: 'panel-body', id: 'panel-body' }, bodies.layers, bodies.here),
  );

  function setOpen(open: boolean): void {
    element.classList.toggle('is-open', open);
    toggle.setAttribute('aria-expanded', String(open));
    const label = toggle.querySelector('.visually-hidden');
    if (label) label.textContent = t(open ? 'panel.collapse' : 'panel.expand');
    resized();
  }

  function show(name: TabName): void {
    for (const other of names) {
      const active = other === name;
      tabs[other].classList.toggle('active', active);
      tabs[other].setAttribute('aria-selected', String(active));
      tabs[other].tabIndex = active ? 0 : -1;
      bodies[other].hidden = !active;
    }
  }

  toggle.addEventListener('click', () => setOpen(!element.classList.contains('is-open')));
  for (const name of names) {
    tabs[name].addEventListener('click', () => {
      show(name);
      setOpen(true);
    });
    tabs[name].addEventListener('keydown', (event) => {
      const target = { ArrowLeft: 'layers', ArrowRight: 'here', Home: 'layers', End: 'here' }[event.key] as TabName | undefined;
      if (!target) return;
      event.preventDefault();
      show(target);
      tabs[target].focus();
    });
  }
  show('layers');

  return {
    element,
    layers: bodies.layers,
    here: bodies.here,
    show,
    open: () => setOpen(true),
    covered: () => (getComputedStyle(element).position === 'absolute' ? element.offsetHeight : 0),
  };
}

function tab(name: TabName, text: string): HTMLButtonElement {
  return el(
    'button',
    { type: 'button', class: 'nav-link nav-item', role: 'tab', id: `tab-${name}`, 'aria-controls': `body-${name}` },
    text,
  );
}

function tabBody(name: TabName): HTMLElement {
  return el('div', { class: 'tab-body', role: 'tabpanel', id: `body-${name}`, 'aria-labelledby': `tab-${name}`, tabindex: '0' });
}
