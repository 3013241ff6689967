// Reads a list of styles from standard input and writes what is wrong with each: a list of lists of messages.
import { readFileSync } from "node:fs";
import { validateStyleMin } from "@maplibre/maplibre-gl-style-spec";

const styles = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(styles.map((style) => validateStyleMin(style).map(({ message }) => message))));
