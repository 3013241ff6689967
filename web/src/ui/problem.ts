import { ApiError } from '../api.ts';
import type { Context } from '../context.ts';
import { el } from '../dom.ts';

/** What went wrong, in the server's own words when it gave any. */
export function describe(error: unknown, { t }: Pick<Context, 't'>): { title: string; detail: string } {
  if (error instanceof ApiError) {
    if (error.status === 0) return { title: t('error.network'), detail: t('error.network.detail') };
    const title = error.title ?? (error.status === 503 ? t('error.unavailable') : t('error.title'));
    return { title, detail: error.detail ?? `HTTP ${error.status}` };
  }
  return { title: t('error.title'), detail: error instanceof Error ? error.message : '' };
}

/** An alert with a way to try again. */
export function problemAlert(error: unknown, context: Pick<Context, 't'>, retry?: () => void, heading?: string): HTMLElement {
  const { title, detail } = describe(error, context);
  const alert = el(
    'div',
    { class: 'alert alert-danger', role: 'alert' },
    el('p', { class: 'alert-heading' }, heading ?? title),
    heading !== undefined && el('p', {}, title),
    detail !== '' && el('p', {}, detail),
  );
  if (retry) {
    const button = el('button', { type: 'button', class: 'btn btn-outline-danger btn-xs' }, context.t('error.retry'));
    button.addEventListener('click', retry);
    alert.append(button);
  }
  return alert;
}

export function spinner(label: string): HTMLElement {
  return el(
    'div',
    { class: 'busy', role: 'status' },
    el('span', { class: 'progress-spinner progress-spinner-active size-sm', 'aria-hidden': 'true' }),
    el('span', {}, label),
  );
}
