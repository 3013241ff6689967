// Is a file OpenAPI 3.0, by its published schema? usage: node openapi.js FILE
import { readFile } from "node:fs/promises";
import { Validator } from "@seriousme/openapi-schema-validator";

const document = JSON.parse(await readFile(process.argv[2], "utf8"));
const validator = new Validator();
const { valid, errors } = await validator.validate(document);
if (!valid || validator.version !== "3.0") {
    console.error(`openapi: not OpenAPI 3.0 (${validator.version})`, JSON.stringify(errors, null, 2));
    process.exit(1);
}
console.log(`openapi: valid, ${Object.keys(document.paths).length} paths`);
