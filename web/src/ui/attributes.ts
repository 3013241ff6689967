import type { Collection, MapFeature } from '../api.ts';
import type { Context } from '../context.ts';
import { el } from '../dom.ts';

/** The attributes of a feature by their titles, in the order of the layer's definition; empty ones are left out. None = `undefined`. */
export function attributeList(
  { format }: Context,
  feature: MapFeature,
  collection: Collection | undefined,
  skip: (string | null | undefined)[] = [],
): HTMLElement | undefined {
  const properties = feature.properties ?? {};
  const fields = collection?.fields ?? [];
  const known = new Set(fields.map(({ name }) => name));
  const names = [...fields.map(({ name }) => name), ...Object.keys(properties).filter((name) => !known.has(name))];
  const list = el('dl', { class: 'facts' });
  for (const name of names) {
    if (skip.includes(name)) continue;
    const field = fields.find((candidate) => candidate.name === name);
    const text = format.value(field, properties[name], collection?.key?.includes(name));
    if (text === undefined) continue;
    list.append(el('div', {}, el('dt', {}, field?.title ?? name), el('dd', {}, linked(text))));
  }
  return list.childElementCount > 0 ? list : undefined;
}

/** A web address becomes a link; anything else stays text. */
function linked(text: string): Node {
  if (!/^https?:\/\/\S+$/i.test(text)) return document.createTextNode(text);
  return el('a', { href: text, rel: 'noopener noreferrer' }, text);
}
