// What the mock says of its layers, and its style.

const LAYERS = [
  ['municipal-boundary', 'Confine comunale', 'Municipal boundary', 'boundaries', 'Confini', 'Boundaries', 'name', [['name', 'text', 'Nome', 'Name']]],
  ['parcels', 'Particelle catastali', 'Cadastral parcels', 'cadastre', 'Catasto', 'Cadastre', 'label', [
    ['national_ref', 'text', 'Riferimento catastale nazionale', 'National cadastral reference'],
    ['municipality', 'text', 'Comune (codice Belfiore)', 'Municipality (Belfiore code)'],
    ['sheet', 'integer', 'Foglio', 'Sheet'],
    ['number', 'text', 'Numero', 'Number'],
    ['kind', 'text', 'Tipo', 'Kind', undefined, [['parcel', 'Particella', 'Parcel'], ['road', 'Strada', 'Road']]],
    ['area_m2', 'real', 'Superficie', 'Area', 'm2'],
    ['label', 'text', 'Etichetta', 'Label'],
  ]],
  ['buildings', 'Edifici', 'Buildings', 'cadastre', 'Catasto', 'Cadastre', undefined, [
    ['kind', 'text', 'Uso', 'Use', undefined, [['residential', 'Residenziale', 'Residential']]],
    ['floors', 'integer', 'Piani', 'Floors'],
  ]],
  ['streets', 'Strade', 'Streets', 'addresses', 'Toponomastica', 'Streets and addresses', 'name', [['name', 'text', 'Nome', 'Name']]],
  ['tariff-zones', 'Zone tariffarie', 'Tariff zones', 'taxes', 'Tributi', 'Taxes', 'name', [
    ['code', 'text', 'Codice', 'Code'],
    ['name', 'text', 'Nome', 'Name'],
    ['daily', 'real', 'Coefficiente giornaliero', 'Daily coefficient', '1'],
    ['since', 'date', 'In vigore dal', 'In force since'],
  ]],
  ['ztl', 'Zone a traffico limitato', 'Limited traffic zones', 'mobility', 'Mobilità', 'Mobility', 'name', [
    ['name', 'text', 'Nome', 'Name'],
    ['active', 'boolean', 'Attiva', 'Active'],
  ]],
  ['stops', 'Fermate', 'Stops', 'mobility', 'Mobilità', 'Mobility', 'name', [['name', 'text', 'Nome', 'Name']]],
  ['schools', 'Scuole', 'Schools', 'services', 'Servizi', 'Services', 'name', [
    ['code', 'text', 'Codice', 'Code'],
    ['name', 'text', 'Nome', 'Name'],
    ['level', 'text', 'Grado', 'Level', undefined, [['nido', 'Nido d’infanzia', 'Crèche'], ['infanzia', 'Scuola dell’infanzia', 'Preschool'], ['primaria', 'Scuola primaria', 'Primary school'], ['secondaria-1', 'Secondaria di primo grado', 'Lower secondary school']]],
    ['capacity', 'integer', 'Capienza', 'Capacity'],
    ['website', 'text', 'Sito', 'Website'],
  ]],
  ['parks', 'Parchi e giardini', 'Parks and gardens', 'green', 'Verde', 'Green', 'name', [['name', 'text', 'Nome', 'Name']]],
  ['public-works', 'Lavori pubblici', 'Public works', 'works', 'Lavori', 'Works', 'name', [['name', 'text', 'Nome', 'Name']]],
];

export const BBOX = [12.189, 45.462, 12.211, 45.478];

/** `/collections`; a layer in `preparing` is not ready yet. */
export function collections(lang, preparing = []) {
  const pick = (it, en) => (lang === 'en' ? en : it);
  return {
    tenant: { name: pick('Comune di Vallerbia', 'Municipality of Vallerbia'), bbox: BBOX },
    seq: 42,
    links: [],
    collections: LAYERS.map(([id, it, en, theme, themeIt, themeEn, label, fields]) => ({
      id,
      title: pick(it, en),
      description: pick(`${it} del comune dimostrativo.`, `${en} of the demo municipality.`),
      theme,
      themeTitle: pick(themeIt, themeEn),
      itemType: 'feature',
      geometryType: 'multipolygon',
      ...(label ? { label } : {}),
      key: id === 'parcels' ? ['national_ref'] : id === 'schools' ? ['code'] : [],
      minzoom: id === 'parcels' || id === 'buildings' ? 15 : 8,
      maxzoom: 18,
      count: 1234,
      ready: !preparing.includes(id),
      visibility: 'public',
      licence: 'CC-BY-4.0',
      attribution: pick('Comune di Vallerbia', 'Municipality of Vallerbia'),
      fields: fields.map(([name, type, titleIt, titleEn, unit, values]) => ({
        name,
        type,
        title: pick(titleIt, titleEn),
        ...(unit ? { unit } : {}),
        ...(values ? { values: values.map(([code, vIt, vEn]) => ({ code, title: pick(vIt, vEn) })) } : {}),
      })),
      links: [
        { rel: 'items', href: `/collections/${id}/items`, type: 'application/geo+json' },
        { rel: 'describedby', href: `/tiles/${id}.json`, type: 'application/json' },
      ],
    })),
  };
}

const fill = (id, color, outline, extra = {}) => ({ id, type: 'fill', source: 'city', 'source-layer': id, paint: { 'fill-color': color, 'fill-outline-color': outline }, ...extra });
const legend = (...entries) => ({ 'bricola:legend': entries.map(([it, en, kind, color, outline]) => ({ label: { it, en }, swatch: { type: kind, color, ...(outline ? { outline } : {}) } })) });

export function style() {
  return {
    version: 8,
    name: 'Mock city',
    center: [12.2, 45.47],
    zoom: 14,
    // Relative on purpose: the viewer makes them absolute.
    sources: { city: { type: 'vector', tiles: ['../tiles/city/{z}/{x}/{y}'], minzoom: 12, maxzoom: 16, attribution: '© Comune di Vallerbia' } },
    layers: [
      { id: 'background', type: 'background', paint: { 'background-color': '#eef1ea' } },
      { ...fill('municipal-boundary', '#f7f4ee', '#9a8f80') },
      fill('parks', '#cfe6c0', '#8fbb76'),
      fill('tariff-zones', '#f3d9a4', '#b07d16', { layout: { visibility: 'none' } }),
      { ...fill('ztl', 'rgba(214, 73, 73, 0.15)', '#b03030'), metadata: legend(['ZTL attiva', 'Active limited traffic zone', 'fill', 'rgba(214,73,73,.25)', '#b03030'], ['Varco', 'Gate', 'circle', '#b03030']) },
      { id: 'parcels', type: 'line', source: 'city', 'source-layer': 'parcels', minzoom: 15, paint: { 'line-color': '#a08a70', 'line-width': 1 } },
      fill('buildings', '#d9cbb8', '#a8937a', { minzoom: 15 }),
      { id: 'streets', type: 'line', source: 'city', 'source-layer': 'streets', metadata: { 'bricola:layer': 'streets', 'bricola:legend': [{ label: { it: 'Strade', en: 'Streets' }, swatch: { type: 'line', color: '#ffffff', width: 3, casing: '#7d6b52' } }] }, paint: { 'line-color': '#ffffff', 'line-width': ['interpolate', ['linear'], ['zoom'], 13, 1.5, 18, 12] } },
      { id: 'stops', type: 'circle', source: 'city', 'source-layer': 'stops', paint: { 'circle-color': '#1b6e8c', 'circle-radius': 5, 'circle-stroke-color': '#fff', 'circle-stroke-width': 1.5 } },
      {
        id: 'schools', type: 'circle', source: 'city', 'source-layer': 'schools',
        metadata: legend(['Nido e infanzia', 'Crèche and preschool', 'circle', '#e0861a'], ['Primaria e secondaria', 'Primary and secondary', 'circle', '#7a3fa0']),
        paint: { 'circle-color': ['match', ['get', 'level'], ['nido', 'infanzia'], '#e0861a', '#7a3fa0'], 'circle-radius': 7, 'circle-stroke-color': '#fff', 'circle-stroke-width': 2 },
      },
    ],
  };
}
