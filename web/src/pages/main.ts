// What the server's own pages (collections, features and so on) get beside their HTML; they can do without all of it.
import '../styles/italia.scss';
import '../styles/fonts.css';
import '../styles/pages.scss';
import { followFocus } from '../focus.ts';
import { copyButtons } from './copy.ts';
import { suggest } from './suggest.ts';

followFocus();
copyButtons(document);
for (const field of document.querySelectorAll<HTMLInputElement>('input[data-suggest]')) suggest(field);
const places = [...document.querySelectorAll<HTMLElement>('.page-map[data-style]')];
if (places.length > 0) {
  void import('./map.ts').then(({ drawMap }) => Promise.all(places.map(drawMap)));
}
const drawings = [...document.querySelectorAll<HTMLElement>('.draw[data-draw]')];
if (drawings.length > 0) {
  void import('./draw.ts').then(({ drawPlace }) => Promise.all(drawings.map(drawPlace)));
}
