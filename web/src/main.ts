import './styles/italia.scss';
import 'maplibre-gl/dist/maplibre-gl.css';
import './styles/fonts.css';
import './styles/viewer.css';
import './styles/panel.css';
import { Api } from './api.ts';
import { start } from './app.ts';
import { followFocus } from './focus.ts';
import { chooseLanguage, rememberedLanguage, rememberLanguage, translator } from './i18n.ts';
import { Formatter } from './text/format.ts';

const language = chooseLanguage(location.search, rememberedLanguage());
rememberLanguage(language);
document.documentElement.lang = language;

followFocus();
const t = translator(language);
void start({ api: new Api(document.baseURI, language), language, t, format: new Formatter(language, t) });
