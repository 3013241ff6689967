// Validates MapLibre styles: `node check.js style.json …` or one style on standard input.
// Prints every violation and exits 1 when there is one.
import { readFileSync } from "node:fs";
import { validateStyleMin } from "@maplibre/maplibre-gl-style-spec";

const files = process.argv.length > 2 ? process.argv.slice(2) : [0];
let violations = 0;
for (const file of files) {
  for (const { message } of validateStyleMin(JSON.parse(readFileSync(file, "utf8")))) {
    console.error(`${file === 0 ? "stdin" : file}: ${message}`);
    violations += 1;
  }
}
console.log(`${files.length} styles, ${violations} violations`);
process.exit(violations === 0 ? 0 : 1);
