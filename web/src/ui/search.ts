import { ApiError, isAbort } from '../api.ts';
import type { Context } from '../context.ts';
import { announce, debounce, el } from '../dom.ts';
import { icon } from '../icons.ts';
import { type SearchResult, type SearchTarget, runSearch } from '../searching.ts';
import { TYPED_CRS } from '../text/crs.ts';
import { parseQuery } from '../text/query.ts';
import { describe } from './problem.ts';

/** Milliseconds without a key before the server is asked. */
const PAUSE = 150;

/**
 * The search box: an editable combobox with a list of results (ARIA 1.2 pattern). The focus stays in the box;
 * arrows move through the list, Enter chooses, Escape closes.
 */
export function search(
  context: Context,
  chosen: (target: SearchTarget) => void,
  near: () => { lon: number; lat: number } | undefined,
): HTMLElement {
  const { t } = context;
  const input = el('input', {
    type: 'text',
    id: 'search-input',
    class: 'form-control',
    role: 'combobox',
    placeholder: t('search.placeholder'),
    autocomplete: 'off',
    autocapitalize: 'off',
    spellcheck: 'false',
    enterkeyhint: 'search',
    'aria-autocomplete': 'list',
    'aria-expanded': 'false',
    'aria-controls': 'search-results',
    'aria-describedby': 'search-help',
  });
  const crs = el(
    'select',
    { id: 'search-crs' },
    el('option', { value: '' }, t('search.crs.auto')),
    ...TYPED_CRS.map(([code, name]) => el('option', { value: `EPSG:${code}` }, `${code} · ${name}`)),
  );
  const list = el('ul', { id: 'search-results', class: 'search-results', role: 'listbox', 'aria-label': t('search.results') });
  list.hidden = true;
  const message = el('p', { class: 'search-message' });
  message.hidden = true;
  const clear = el('button', { type: 'button', class: 'icon-button search-clear', 'aria-label': t('search.clear') }, icon('close', 'icon-sm icon-primary'));
  clear.hidden = true;

  let results: SearchResult[] = [];
  let active = -1;
  /** The text that `results` answer; while it differs from the box, an answer is still due. */
  let answered: string | undefined;
  let pending: AbortController | undefined;

  function setActive(index: number): void {
    active = index;
    Array.from(list.children).forEach((option, i) => {
      option.setAttribute('aria-selected', String(i === index));
      if (i === index) option.scrollIntoView({ block: 'nearest' });
    });
    if (index >= 0) input.setAttribute('aria-activedescendant', `search-option-${index}`);
    else input.removeAttribute('aria-activedescendant');
  }

  function close(): void {
    list.hidden = true;
    input.setAttribute('aria-expanded', 'false');
    setActive(-1);
  }

  function say(text: string, wrong = false): void {
    message.textContent = text;
    message.hidden = text === '';
    message.classList.toggle('is-error', wrong);
    input.setAttribute('aria-invalid', String(wrong));
    if (text !== '') announce(text);
  }

  function show(found: SearchResult[], none: string): void {
    results = found;
    list.replaceChildren(
      ...found.map((result, index) => {
        const option = el(
          'li',
          { role: 'option', id: `search-option-${index}`, 'aria-selected': 'false' },
          el('span', { class: 'result-title' }, result.title),
          el('span', { class: 'result-note' }, result.note),
        );
        option.addEventListener('mousedown', (event) => event.preventDefault());
        option.addEventListener('click', () => choose(index));
        return option;
      }),
    );
    list.hidden = found.length === 0;
    input.setAttribute('aria-expanded', String(found.length > 0));
    setActive(-1);
    say(found.length === 0 ? none : '');
    if (found.length > 0) announce(found.length === 1 ? t('search.one') : t('search.many', { count: found.length }));
  }

  function choose(index: number): void {
    const result = results[index];
    if (!result) return;
    close();
    chosen(result.target);
  }

  /** Asks for the text in the box; `takeOnly` goes straight to a single result (Enter was pressed). */
  async function run(takeOnly: boolean): Promise<void> {
    const text = input.value;
    pending?.abort();
    const controller = new AbortController();
    pending = controller;
    try {
      const outcome = await runSearch(context, text, crs.value === '' ? undefined : crs.value, controller.signal, near());
      if (controller.signal.aborted) return;
      answered = text;
      show(outcome.results, outcome.message);
      if (takeOnly && outcome.results.length > 0) {
        if (outcome.results.length === 1) choose(0);
        else setActive(0);
      }
    } catch (error) {
      if (isAbort(error) || controller.signal.aborted) return;
      answered = text;
      show([], '');
      if (error instanceof ApiError && error.code === 'search-building') {
        say(t('search.building'));
        return;
      }
      const { title, detail } = describe(error, context);
      say(`${title}. ${detail}`, true);
    }
  }

  const runLater = debounce(() => {
    // One letter begins too much to be worth an answer; Enter always asks.
    const query = parseQuery(input.value);
    const isWorthIt = query.kind === 'words' ? query.text.length > 1 : query.kind !== 'empty';
    if (isWorthIt && answered !== input.value) void run(false);
  }, PAUSE);

  input.addEventListener('input', () => {
    clear.hidden = input.value === '';
    answered = undefined;
    pending?.abort();
    close();
    say('');
    runLater();
  });
  input.addEventListener('keydown', (event) => {
    const count = results.length;
    const open = !list.hidden;
    if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      if (count === 0) return;
      event.preventDefault();
      list.hidden = false;
      input.setAttribute('aria-expanded', 'true');
      const step = event.key === 'ArrowDown' ? 1 : -1;
      setActive(open && active >= 0 ? (active + step + count) % count : step > 0 ? 0 : count - 1);
    } else if (event.key === 'Escape') {
      if (open) close();
      else clear.click();
      event.preventDefault();
    }
  });
  input.addEventListener('blur', () => close());
  crs.addEventListener('change', () => {
    answered = undefined;
    if (parseQuery(input.value).kind === 'coordinates') void run(false).then(() => input.focus());
  });
  clear.addEventListener('click', () => {
    input.value = '';
    results = [];
    answered = undefined;
    clear.hidden = true;
    close();
    say('');
    input.focus();
  });

  const form = el(
    'form',
    { class: 'viewer-search', role: 'search', autocomplete: 'off', novalidate: true },
    el('label', { for: 'search-input', class: 'search-label' }, t('search.label')),
    el(
      'div',
      { class: 'search-box' },
      input,
      clear,
      el('button', { type: 'submit', class: 'btn btn-primary search-submit', 'aria-label': t('search.submit') }, icon('search', 'icon-white icon-sm')),
      list,
    ),
    message,
    el('p', { id: 'search-help', class: 'search-help' }, t('search.help')),
    el('div', { class: 'search-crs' }, el('label', { for: 'search-crs' }, t('search.crs')), crs),
  );
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if (!list.hidden && active >= 0 && answered === input.value) choose(active);
    else if (parseQuery(input.value).kind === 'empty') say(t('search.hint'));
    else void run(true);
  });
  return form;
}
