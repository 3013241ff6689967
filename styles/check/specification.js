// Writes the table by which the server validates styles: `node specification.js > ../specification.json`.
// It holds names, types, ranges and lists of values of the MapLibre style specification, without its texts.
// The tests of the server compare it with the release that is installed here.
import { latest } from "@maplibre/maplibre-gl-style-spec";

const KEPT = ["type", "value", "length", "minimum", "maximum", "required", "tokens", "transition"];

function property(spec) {
  const kept = {};
  for (const name of KEPT) {
    if (spec[name] !== undefined) kept[name] = spec[name];
  }
  if (kept.value && typeof kept.value === "object") kept.value = property(kept.value);
  if (kept.length && typeof kept.length === "object") delete kept.length;
  if (spec.values !== undefined) kept.values = Array.isArray(spec.values) ? spec.values : Object.keys(spec.values);
  if (spec.default !== undefined) kept.default = spec.default;
  if (spec.expression) {
    kept.expression = true;
    kept.interpolated = spec.expression.interpolated;
    kept.parameters = spec.expression.parameters;
  }
  if (spec["property-type"]) kept.kind = spec["property-type"];
  return kept;
}

const group = (spec) => Object.fromEntries(Object.entries(spec).map(([name, one]) => [name, property(one)]));
const types = Object.keys(latest.layer.type.values);
const of = (kind) => Object.fromEntries(types.map((type) => [type, group(latest[`${kind}_${type}`] ?? {})]));
const table = {
  root: group(latest.$root),
  source: group(latest.source_vector),
  layer: group(latest.layer),
  light: group(latest.light),
  sky: group(latest.sky),
  transition: group(latest.transition),
  layout: of("layout"),
  paint: of("paint"),
};
console.log(JSON.stringify(table, null, 1));
