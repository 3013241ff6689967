"""OGC API Features 5, which is Common 3 (23-058r2, annex A)."""

import functools
import re

import jsonschema

from .suite import SPEC, equal, skip, tests_of
from .world import GEOJSON

REL = "http://www.opengis.net/def/rel/ogc/1.0/"
DRAFT = "https://json-schema.org/draft/2020-12/schema"
KINDS = ("schema", "queryables", "sortables")
# What the schemas of features are made of, beside keywords that begin with x-ogc-.
KEYWORDS = set(
    "$schema $id $ref $defs type title description properties additionalProperties required format enum const items oneOf anyOf "
    "allOf minimum maximum exclusiveMinimum exclusiveMaximum minLength maxLength pattern multipleOf readOnly writeOnly default".split()
)
GEOMETRIES = re.compile("geometry-(point|multipoint|linestring|multilinestring|polygon|multipolygon|geometrycollection|any)(-or-multi[a-z]+)?")
# UCUM, as far as it is used here: symbols with prefixes and exponents, and annotations in braces.
UNIT = re.compile(r"\{[^{}]+\}|1|%|deg|[kdcmhu]?(m|g|L|Pa|W|V)\d?|a|d|h|min|s|ha|ar")


def inspected(world, id, what):
    """A schema of a collection, as basic-schema-inspection has it."""
    schema = world.described(id, what)
    equal(schema["$schema"], DRAFT)
    equal(schema["$id"], f"{world.url}/collections/{id}/{what}")
    equal(schema["type"], "object")
    jsonschema.Draft202012Validator.check_schema(schema)
    answer = world.get(schema["$id"], accept="application/schema+json").expect(200)
    equal(answer.kind, "application/schema+json")
    for name, it in schema["properties"].items():
        if it.get("format", "").startswith("geometry-"):
            assert "type" not in it and "$ref" not in it, name
            assert GEOMETRIES.fullmatch(it["format"]), it["format"]
        else:
            assert it["type"] in ("string", "number", "integer", "boolean"), f"{name} of {id}"
    for keyword in keywords(schema):
        assert keyword in KEYWORDS or keyword.startswith("x-ogc-"), f"{keyword} in {id}/{what}"
    return schema


def keywords(schema):
    for name, it in schema.items():
        yield name
        if name in ("properties", "$defs"):
            for inner in it.values():
                yield from keywords(inner)
        elif isinstance(it, dict):
            yield from keywords(it)
        elif name in ("oneOf", "anyOf", "allOf"):
            for inner in it:
                yield from keywords(inner)


def is_linked(world, what):
    for id, collection in world.collections.items():
        for document in (collection, world.get(f"/collections/{id}").expect(200).json()):
            found = [it["href"] for it in document["links"] if it["rel"] == REL + what]
            equal([it.split("?")[0] for it in found], [f"{world.url}/collections/{id}/{what}"], f"{what} of {id}")


def properties(world, keyword):
    """All properties with a keyword: collection, kind of schema, name, schema."""
    for id in world.collections:
        for what in KINDS:
            for name, it in world.described(id, what)["properties"].items():
                if keyword in it:
                    yield id, what, name, it


def with_role(world, *roles):
    for id in world.collections:
        for what in KINDS:
            yield id, what, [it for it in world.described(id, what)["properties"].values() if it.get("x-ogc-role") in roles]


schemas = tests_of("ogcapi-common-3/1.0/conf/schemas")


@schemas("basic-schema-inspection")
def _(world):
    for id in world.collections:
        for what in KINDS:
            inspected(world, id, what)


@schemas("role")
def _(world):
    for id, what, name, it in properties(world, "x-ogc-role"):
        assert isinstance(it["x-ogc-role"], str), (id, what, name)


@schemas("role-id")
def _(world):
    for id, what, found in with_role(world, "id"):
        equal([it["type"] in ("string", "integer") for it in found], [True], f"{what} of {id}")


@schemas("property-seq")
def _(world):
    seen = set()
    for id, what, name, it in properties(world, "x-ogc-propertySeq"):
        at = (id, what, it["x-ogc-propertySeq"])
        assert isinstance(at[2], int) and at not in seen, (name, at)
        seen.add(at)
    assert seen


@schemas("unit")
def _(world):
    units = 0
    for id, _, name, it in properties(world, "x-ogc-unit"):
        assert it["type"] in ("number", "integer") and UNIT.fullmatch(it["x-ogc-unit"]), f"{it['x-ogc-unit']} of {id} {name}"
        units += 1
    assert units


@schemas("definition")
def _(world):
    for _, _, name, it in properties(world, "x-ogc-definition"):
        assert re.match("https?://", it["x-ogc-definition"]), name


@schemas("nullvalues")
def _(world):
    for _, _, name, it in properties(world, "x-ogc-nullValues"):
        assert isinstance(it["x-ogc-nullValues"], list), name


roles = tests_of("ogcapi-common-3/1.0/conf/advanced-property-roles")


@roles("role-primary-geometry")
def _(world):
    for id, what, found in with_role(world, "primary-geometry"):
        equal(len(found), 0 if what == "sortables" else 1, f"{what} of {id}")
        for it in found:
            assert "type" not in it and it["format"].startswith("geometry-")


@roles("role-primary-temporal")
def _(world):
    for id, what, found in with_role(world, "primary-instant", "primary-interval-start", "primary-interval-end", "primary-interval"):
        named = [it["x-ogc-role"] for it in found]
        equal(len(named), len(set(named)), f"{what} of {id}")
        assert len(named) < 2 or set(named) == {"primary-interval-start", "primary-interval-end"}, named
        for it in found:
            assert it["type"] == "string" and it["format"] in ("date", "date-time"), it


@roles("role-type")
def _(world):
    for id, what, found in with_role(world, "type"):
        assert len(found) <= 1 and all(it["type"] == "string" for it in found), f"{what} of {id}"


def resource(name, what):
    """The tests that three classes have in common."""
    tests = tests_of(f"ogcapi-common-3/1.0/conf/{name}")

    @tests("get-conformance")
    def _(world):
        for it in ("schemas", name):
            assert f"{SPEC}ogcapi-common-3/1.0/conf/{it}" in world.classes, it

    @tests("link")
    def _(world):
        is_linked(world, what)

    @tests("op-and-response")
    def _(world):
        for id in world.collections:
            for it in inspected(world, id, what)["properties"].values():
                assert what != "sortables" or it["type"] not in ("array", "object"), id

    return tests


receivables = resource("returnables-and-receivables", "schema")
resource("queryables", "queryables")
resource("sortables", "sortables")


@functools.cache
def validator(world, id):
    schema = world.described(id, "schema")
    return {name: jsonschema.Draft202012Validator(it) for name, it in schema["properties"].items()}


@receivables("response-1")
def _(world):
    """What a feature holds is valid by the schema; a value that is not known is null."""
    for id in world.collections:
        equal(world.described(id, "schema")["additionalProperties"], False)
        checks = validator(world, id)
        pages = [world.features(id)[:200]]
        pages += [[world.get(f"/collections/{id}/items/{it['id']}", accept=GEOJSON).expect(200).json()] for it in pages[0][:1]]
        for feature in (it for page in pages for it in page):
            checks["id"].validate(feature["id"])
            for name, value in feature["properties"].items():
                if value is not None:
                    checks[name].validate(value)
            wanted = world.described(id, "schema")["properties"]["geometry"]["format"].split("-")[1:]
            geometry = feature["geometry"]
            assert geometry is None or wanted[0] == "any" or geometry["type"].lower() in wanted, (id, wanted, geometry["type"])


@receivables("response-2")
def _(world):
    if not world.token:
        skip("nobody may edit")
    from .editing import Editor

    with Editor(world) as editor:
        made = editor.create(editor.valid()).expect(201).headers["location"]
        world.get(made, accept=GEOJSON).expect(200)
        for wrong in ({"no_such_field": 1}, {"id": 3}, {editor.name: {"an": "object"}}):
            body = editor.valid()
            body["properties"].update(wrong)
            assert 400 <= editor.create(body).status < 500, wrong
            assert 400 <= editor.replace(made, body).status < 500, wrong


# The draft's names for the same classes.
for theirs, ours in (("schemas", "schemas"), ("core-roles-features", "advanced-property-roles"), ("queryables", "queryables"), ("sortables", "sortables")):
    tests = tests_of(f"ogcapi-features-5/1.0/conf/{theirs}")
    for name in tests_of(f"ogcapi-common-3/1.0/conf/{ours}").names():
        tests(name)(tests_of(f"ogcapi-common-3/1.0/conf/{ours}").of(name))
