/**
 * bootstrap-italia draws its focus ring unless an element carries `data-focus-mouse`. The browser knows better who
 * needs the ring (`:focus-visible`), so the attribute follows it.
 */
export function followFocus(): void {
  document.addEventListener('focusin', ({ target }) => {
    if (target instanceof Element) target.setAttribute('data-focus-mouse', String(!target.matches(':focus-visible')));
  });
  document.addEventListener('focusout', ({ target }) => {
    if (target instanceof Element) target.removeAttribute('data-focus-mouse');
  });
}
