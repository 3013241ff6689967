import { el } from '../dom.ts';
import { chooseLanguage, translator } from '../i18n.ts';

/** Milliseconds for which a button says that it has copied. */
const SAID = 2500;

/** Gives each snippet a button that copies it, where the browser lets pages copy. */
export function copyButtons(root: ParentNode): void {
  if (!navigator.clipboard) return;
  const t = translator(chooseLanguage('', document.documentElement.lang));
  for (const code of root.querySelectorAll<HTMLElement>('.snippet pre')) {
    const button = el('button', { type: 'button', class: 'btn btn-outline-primary btn-xs copy' }, t('page.copy'));
    const told = el('span', { class: 'copied', role: 'status' });
    button.addEventListener('click', () => {
      void navigator.clipboard.writeText(code.textContent ?? '').then(() => {
        told.textContent = t('page.copied');
        setTimeout(() => {
          told.textContent = '';
        }, SAID);
      });
    });
    code.after(button, told);
  }
}
