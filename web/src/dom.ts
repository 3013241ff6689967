/** Attributes of an element: `class`, `aria-*`, `data-*` and so on; `on` holds listeners. */
type Attributes = Record<string, string | number | boolean | undefined | null>;
type Child = Node | string | null | undefined | false;

/**
 * Builds an element. Text children become text nodes, so nothing that comes from data is ever read as HTML.
 * A `true` attribute is written empty, a `false` or absent one not at all.
 */
export function el<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    element.setAttribute(key, value === true ? '' : String(value));
  }
  element.append(...children.filter((child): child is Node | string => Boolean(child)));
  return element;
}

/**
 * Makes these the children of `parent`, in this order. Those that are there already are moved only where they must be:
 * what is moved loses the focus.
 */
export function reconcile(parent: Element, children: Element[]): void {
  const wanted = new Set(children);
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove();
  children.forEach((child, place) => {
    const there = parent.children[place] ?? null;
    if (there !== child) parent.insertBefore(child, there);
  });
}

const SVG = 'http://www.w3.org/2000/svg';

export function svg(name: string, attributes: Attributes = {}, ...children: Node[]): SVGElement {
  const element = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null && value !== false) element.setAttribute(key, String(value));
  }
  element.append(...children);
  return element;
}

/** Text for screen readers only. */
export function hidden(text: string): HTMLSpanElement {
  return el('span', { class: 'visually-hidden' }, text);
}

/** Calls `action` once, `delay` milliseconds after the last call. */
export function debounce<A extends unknown[]>(action: (...args: A) => void, delay: number): (...args: A) => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...args), delay);
  };
}

/** Says `message` to screen readers through the page's live region. */
export function announce(message: string): void {
  const region = document.getElementById('live');
  if (!region) return;
  // The same text twice in a row is not announced unless the region changes in between.
  region.textContent = '';
  requestAnimationFrame(() => {
    region.textContent = message;
  });
}
