"""CQL2 (21-065r2, annex A): every test by text and by JSON, each with the same result.

The annex's own data are not here: where it has a table of counts for them, the features of the server take their place, and what
Python and GEOS select among these is what is expected.
"""

import random

from .expression import It, dumps, field, holds, text
from .suite import equal, tests_of
from .world import GEOJSON, NAMES

COMPARISONS = ("=", "<>", ">", "<", ">=", "<=")
VALUES = {
    "string": "foo",
    "boolean": True,
    "number": 3.14,
    "integer": 1,
    "timestamp": It("timestamp", "2022-04-14T14:48:46Z"),
    "date": It("date", "2022-04-14"),
}
TIMES = {
    "date": (It("date", "2022-04-24"), It("interval", "2021-01-01", "2021-12-31")),
    "timestamp": (It("timestamp", "2022-04-24T07:59:57Z"), It("interval", "2021-01-01T00:00:00Z", "2021-12-31T23:59:59Z")),
}
INSTANT = ("t_after", "t_before", "t_disjoint", "t_equals", "t_intersects")
SPANS = ("t_contains", "t_during", "t_finishedby", "t_finishes", "t_meets", "t_metby", "t_overlappedby", "t_overlaps", "t_startedby", "t_starts")
# What was asked and answered, for the tests that combine it at random.
STORED = {}


def classed(name):
    return tests_of(f"cql2/1.0/conf/{name}")


def kind(schema):
    """Of a queryable, in the words of the annex."""
    match schema.get("format", ""):
        case "date":
            return "date"
        case "date-time":
            return "timestamp"
        case it if it.startswith("geometry"):
            return "geometry"
    return schema["type"]


def queryables(world, *kinds):
    """Collection, name and kind of all that are of some kinds."""
    for id in world.collections:
        for name, schema in world.described(id, "queryables")["properties"].items():
            if kind(schema) in kinds:
                yield id, name, kind(schema)


def both(expression):
    return ({"filter": text(expression)}, {"filter": dumps(expression), "filter_lang": "cql2-json"})


def select(world, id, expression, kept=True):
    """The features for which it holds, which are the same by text and by JSON."""
    by_text, by_json = (world.ids(id, **query) for query in both(expression))
    equal(by_json, by_text, f"{expression} of {id} as JSON")
    if kept:
        STORED.setdefault(id, []).append(expression)
    return by_text


def refused(world, id, expression):
    for query in both(expression):
        query = {NAMES.get(name, name): value for name, value in query.items()}
        world.get(f"/collections/{id}/items", query, accept=GEOJSON).expect(400)


def agrees(world, id, expression):
    """Selects what Python and GEOS select."""
    wanted = {it["id"] for it in world.features(id) if holds(expression, it)}
    equal(select(world, id, expression), wanted, f"{expression} of {id}")
    return wanted


def logical(world):
    """Random combinations of four of the expressions that were taken so far."""
    chance = random.Random(1)
    for id, expressions in STORED.items():
        for _ in range(4):
            p1, p2, p3, p4 = (chance.choice(expressions) for _ in range(4))
            whole = It("or", It("and", It("not", p1), p2), It("and", p3, It("not", p4)), It("not", It("and", p1, p4)))
            select(world, id, whole, kept=False)


def middling(world, id, name):
    """A value that some features have."""
    values = sorted({it["properties"][name] for it in world.features(id) if it["properties"].get(name) is not None}, key=str)
    return values[len(values) // 2] if values else None


def literal(what, it):
    return It(what, it) if what in ("date", "timestamp") else it


basic = classed("basic-cql2")


@basic("basic-test")
def _(world):
    for id in world.collections:
        kinds = [kind(it) for it in world.described(id, "queryables")["properties"].values()]
        assert set(kinds) & set(VALUES), id


def disjoint(world, id, pairs):
    found = {op: select(world, id, expression) for op, expression in pairs.items()}
    for one, other in (("=", "<>"), (">", "<="), ("<", ">=")):
        assert not found.get(one, set()) & found.get(other, set()), f"{one} and {other} of {id}"


def operators(what):
    """Of true and false none is the greater."""
    return COMPARISONS[:2] if what == "boolean" else COMPARISONS


@basic("comparison")
def _(world):
    for id, name, what in queryables(world, *VALUES):
        disjoint(world, id, {op: It(op, field(name), VALUES[what]) for op in operators(what)})


@basic("is-null")
def _(world):
    for id, name, _ in queryables(world, *VALUES, "geometry"):
        null = It("isNull", field(name))
        assert not agrees(world, id, null) & agrees(world, id, It("not", null)), (id, name)


@basic("boolean")
def _(world):
    for id in world.collections:
        equal(select(world, id, True), {it["id"] for it in world.features(id)}, id)
        equal(select(world, id, False), set(), id)


@basic("test-data")
def _(world):
    for id, name, what in queryables(world, *VALUES):
        if (it := middling(world, id, name)) is not None:
            for op in operators(what):
                agrees(world, id, It(op, field(name), literal(what, it)))


basic("logical")(logical)
advanced = classed("advanced-comparison-operators")


@advanced("like")
def _(world):
    for id, name, _ in queryables(world, "string"):
        like = {it: agrees(world, id, It("like", field(name), it)) for it in ("%", "_%", "", "%%", "\\%\\_")}
        assert not like["_%"] & like[""], (id, name)
        equal(like["%"], like["%%"], f"{id} {name}")


@advanced("between")
def _(world):
    for id, name, _ in queryables(world, "number", "integer"):
        for low, high in ((0, 100), (100.0, 1.0)):
            agrees(world, id, It("between", field(name), low, high))


@advanced("in")
def _(world):
    among = {"number": (1, 2, 3), "integer": (1, 2, 3), "string": ("foo", "bar"), "boolean": (True,)}
    among["timestamp"] = ("2022-04-14T14:52:56Z", "2022-04-14T15:52:56Z")
    among["date"] = ("2022-04-14", "2022-04-15")
    for id, name, what in queryables(world, *among):
        agrees(world, id, It("in", field(name), among[what]))


@advanced("test-data")
def _(world):
    for id, name, what in queryables(world, "string", "number", "integer", "date"):
        it = middling(world, id, name)
        if it is None:
            continue
        agrees(world, id, It("in", field(name), (literal(what, it), literal(what, it))))
        agrees(world, id, It("not", It("in", field(name), (literal(what, it),))))
        if what == "string":
            agrees(world, id, It("like", field(name), it[:1] + "_" + it[2:4] + "%"))
            agrees(world, id, It("not", It("like", field(name), "%" + it[-2:])))
        elif what != "date":
            agrees(world, id, It("between", field(name), it, it * 2))
            agrees(world, id, It("not", It("between", field(name), it - 1, it)))


advanced("logical")(logical)


def folded(name, word):
    """The tests of CASEI and of ACCENTI."""
    tests = classed(name)

    @tests(word)
    def _(world):
        for id, it, _ in queryables(world, "string"):
            pair = [agrees(world, id, It(op, It(word, field(it)), It(word, foo))) for op, foo in (("=", "foo"), ("<>", "FOO"))]
            assert not pair[0] & pair[1], (id, it)

    @tests(f"{word}-like")
    def _(world):
        for id, it, _ in queryables(world, "string"):
            agrees(world, id, It("like", It(word, field(it)), It(word, "foo%")))

    @tests("test-data")
    def _(world):
        for id, it, _ in queryables(world, "string"):
            if value := middling(world, id, it):
                other = value.swapcase() if word == "casei" else value.replace("a", "à").replace("e", "è")
                assert agrees(world, id, It("=", It(word, field(it)), It(word, other))), (id, it, other)
                agrees(world, id, It("in", It(word, field(it)), (It(word, other), It(word, "foo"))))
                nested = It("casei", It("accenti", field(it)))
                agrees(world, id, It("=", nested, It("casei", It("accenti", other))))

    tests("logical")(logical)


folded("case-insensitive-comparison", "casei")
folded("accent-insensitive-comparison", "accenti")
arithmetic = classed("arithmetic")


@arithmetic("arithmetic")
def _(world):
    for id, name, _ in queryables(world, "number", "integer"):
        for op in ("+", "-", "*", "/", "%", "^", "div"):
            agrees(world, id, It(">", It(op, field(name), 2), 7))
            agrees(world, id, It("<=", 7, It(op, 30, field(name))))


@arithmetic("test-data")
def _(world):
    for id, name, _ in queryables(world, "number", "integer"):
        it = middling(world, id, name)
        if it is None:
            continue
        agrees(world, id, It("=", field(name), It("+", it - 8, 8)))
        agrees(world, id, It(">=", field(name), It("-", it + 2, It("*", 2, It("^", 2, 0)))))
        agrees(world, id, It(">", field(name), It("-", it + 2, It("/", 20, 10))))
        agrees(world, id, It(">", field(name), It("-", it + 2, It("div", 21, 10))))
        agrees(world, id, It("<>", field(name), It("-", it + 1, It("%", 5, 2))))
        agrees(world, id, It("between", field(name), It("/", it, 4), It("*", 3, It("+", it, 1))))
        agrees(world, id, It("in", field(name), (It("+", it - 1, 1), It("*", 3, it))))
        agrees(world, id, It("=", It("+", it - 8, 8), field(name)))


arithmetic("logical")(logical)
temporal = classed("temporal-functions")


@temporal("temporal-functions-1")
def _(world):
    for id, name, what in queryables(world, *TIMES):
        for op in INSTANT:
            for time in TIMES[what]:
                agrees(world, id, It(op, field(name), time))


@temporal("temporal-functions-2")
def _(world):
    for id, what, names in pairs_of_times(world):
        for op in INSTANT + SPANS:
            agrees(world, id, It(op, It("interval", *map(field, names)), TIMES[what][1]))


def pairs_of_times(world):
    for id in world.collections:
        for what in TIMES:
            names = [name for it, name, _ in queryables(world, what) if it == id]
            if len(names) > 1:
                yield id, what, names[:2]


@temporal("test-data")
def _(world):
    for id, what, names in pairs_of_times(world):
        both_ends = [[it["properties"][name] for name in names] for it in world.features(id)]
        known = sorted(it for it in both_ends if None not in it)
        if not known:
            continue
        first, last = known[len(known) // 2]
        given = It("interval", *map(field, names))
        for op in INSTANT + SPANS:
            for ends in ((first, last), (first, ".."), ("..", last), ("2020-01-01" + first[10:], last), (first, first)):
                agrees(world, id, It(op, given, It("interval", *ends)))
        for op in INSTANT:
            agrees(world, id, It(op, field(names[0]), It(what, first)))
            agrees(world, id, It(op, field(names[0]), It("interval", first, first)))


temporal("logical")(logical)
twosided = classed("property-property")


@twosided("comparison-value-property")
def _(world):
    for id, name, what in queryables(world, *VALUES):
        disjoint(world, id, {op: It(op, VALUES[what], field(name)) for op in operators(what)})


@twosided("comparison-property-property")
def _(world):
    for id, name, what in queryables(world, *VALUES):
        for op in operators(what):
            found = agrees(world, id, It(op, field(name), field(name)))
            assert not found or op in ("=", ">=", "<="), (id, name, op)


@twosided("comparison-value-value")
def _(world):
    for id in list(world.collections)[:3]:
        for what, it in VALUES.items():
            for op in operators(what):
                agrees(world, id, It(op, it, it))


@twosided("test-data")
def _(world):
    for id in world.collections:
        names = [name for it, name, _ in queryables(world, "string") if it == id]
        numbers = [name for it, name, _ in queryables(world, "number", "integer") if it == id and name != "id"]
        for some in (names, numbers):
            for one, other in zip(some, some[1:]):
                for op in COMPARISONS:
                    agrees(world, id, It(op, field(one), field(other)))
        if len(numbers) > 2:
            agrees(world, id, It("between", *map(field, numbers[:3])))
    id = next(iter(world.filled))
    agrees(world, id, It("like", "København", "K_benhavn"))
    west, south, east, north = world.filled[id]["extent"]["spatial"]["bbox"][0]
    half = It("bbox", [west - 1, south - 1, (west + east) / 2, north + 1])
    for op in ("s_intersects", "s_disjoint", "s_contains"):
        agrees(world, id, It(op, half, field("geometry")))


twosided("logical")(logical)

for language, wrong in (("cql2-text", "THIS IS NO FILTER"), ("cql2-json", '{"op": "no"}')):

    @classed(language)("validate")
    def _(world, language=language, wrong=wrong):
        """Every other test of CQL2 is carried out in both languages: that is how they select."""
        query = {"filter": wrong, "filter-lang": language}
        world.get(f"/collections/{next(iter(world.filled))}/items", query, accept=GEOJSON).expect(400)


@classed("cql2-text")("escaping")
def _(world):
    """Single quotes and control characters in texts arrive as they are; a quote is escaped by another, or by a backslash."""
    id = next(iter(world.filled))
    for it in ("it's", "a\ab", "a\bb", "a\tb", "a\nb", "a\vb", "a\fb", "a\rb", "'"):
        assert it and select(world, id, It("=", it, it)), repr(it)
        assert not select(world, id, It("=", it, it + "x")), repr(it)
    equal(len(world.ids(id, filter="'it\\'s' = 'it''s'")), len(world.features(id)))
