import { el } from '../dom.ts';

/** Letters from which on there are suggestions. */
const LEAST = 3;
/** Milliseconds without a letter before they are asked for. */
const PAUSE = 150;

interface Hit {
  label: string;
  context: string;
}

/**
 * Offers what is found while somebody types: the field's own list, which browsers and screen readers know. `data-suggest` is
 * the address of the search.
 */
export function suggest(field: HTMLInputElement): void {
  const list = field.list;
  if (!list) return;
  let waiting: ReturnType<typeof setTimeout> | undefined;
  let asking: AbortController | undefined;
  field.addEventListener('input', () => {
    clearTimeout(waiting);
    asking?.abort();
    const text = field.value.trim();
    // What was chosen needs no suggestions.
    if (text.length < LEAST || [...list.children].some((option) => (option as HTMLOptionElement).value === text)) return;
    waiting = setTimeout(() => void ask(text), PAUSE);
  });

  async function ask(text: string): Promise<void> {
    asking = new AbortController();
    const url = new URL(field.dataset['suggest'] ?? '', document.baseURI);
    url.searchParams.set('q', text);
    try {
      const response = await fetch(url, { headers: { accept: 'application/json' }, signal: asking.signal });
      if (!response.ok) return;
      const { hits } = (await response.json()) as { hits: Hit[] };
      list?.replaceChildren(...hits.map((hit) => el('option', { value: named(hit) })));
    } catch {
      // Without suggestions the field is a field still.
    }
  }
}

/** An address as it can be asked for again. */
export function named({ label, context }: Hit): string {
  return context ? `${label}, ${context}` : label;
}
