"""OGC API Features 3 (19-079r2, annex A)."""

from osgeo import osr

from .crs import authority
from .cql2 import kind, middling, queryables
from .expression import It, dumps, field, text
from .schemas import inspected, is_linked
from .suite import equal, skip, tests_of
from .world import CRS84, GEOJSON, NAMES

CLASS = "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/"
NOWHERE = "http://www.opengis.net/def/crs/OGC/0/does_not_exist"


def asked(world, id, status=200, **query):
    query = {NAMES.get(name, name): value for name, value in query.items()}
    return world.get(f"/collections/{id}/items", query, accept=GEOJSON).expect(status)


described = tests_of("ogcapi-features-3/1.0/conf/queryables")


@described("get-conformance")
def _(world):
    assert CLASS + "queryables" in world.classes


@described("get-queryables")
def _(world):
    for id in world.collections:
        inspected(world, id, "queryables")
        assert world.described(id, "queryables")["properties"], id


@described("get-collection")
def _(world):
    is_linked(world, "queryables")


parameters = tests_of("ogcapi-features-3/1.0/conf/queryables-query-parameters")


@parameters("parameters")
def _(world):
    """Each field that is no geometry is a parameter: equality, and several of them at once."""
    for id, name, what in queryables(world, "string", "integer", "number", "boolean", "date"):
        it = middling(world, id, name)
        if it is None:
            continue
        wanted = {f["id"] for f in world.features(id) if f["properties"][name] == it}
        equal(world.ids(id, **{name: it}), wanted, f"{name}={it} of {id}")


@parameters("unknown")
def _(world):
    for id in world.collections:
        asked(world, id, 400, thisisnotaqueryable="1")


flt = tests_of("ogcapi-features-3/1.0/conf/filter")


@flt("get-conformance")
def _(world):
    assert CLASS + "filter" in world.classes


@flt("get-collections")
def _(world):
    assert world.collections


@flt("get-queryables")
def _(world):
    for id in world.collections:
        inspected(world, id, "queryables")


@flt("get-collection")
def _(world):
    is_linked(world, "queryables")


def languages(expression):
    """The parameters that say it, in each language."""
    yield {"filter": text(expression), "filter_lang": "cql2-text"}
    yield {"filter": dumps(expression), "filter_lang": "cql2-json"}


def sample(world, id):
    return next(name for name, it in world.described(id, "queryables")["properties"].items() if kind(it) == "string")


@flt("filter-param")
def _(world):
    for id in world.collections:
        name = sample(world, id)
        for query in languages(It("isNull", field(name))):
            for feature in asked(world, id, **query).json()["features"]:
                equal(feature["properties"][name], None, id)
        asked(world, id, 400, filter="THIS IS NOT A FILTER", filter_lang="cql2-text")
        asked(world, id, 400, filter='{"op": "no"}', filter_lang="cql2-json")
        asked(world, id, 400, filter="true", filter_lang="no-such-language")


@flt("filter-lang-default")
def _(world):
    for id in world.collections:
        name = sample(world, id)
        plain = asked(world, id, filter=f"{name} IS NULL").json()
        equal(plain["numberMatched"], asked(world, id, filter=f"{name} IS NULL", filter_lang="cql2-text").json()["numberMatched"])
        asked(world, id, 400, filter="THIS IS NOT A FILTER")


@flt("expression-construction")
def _(world):
    for id in world.collections:
        for query in languages(It("isNull", field("this_is_not_a_queryable"))):
            asked(world, id, 400, **query)


def boxed(area):
    return It("s_intersects", field("geometry"), It("bbox", area))


@flt("filter-crs-wgs84")
def _(world):
    for id, collection in world.filled.items():
        placed = len([it for it in world.features(id) if it["geometry"]])
        for query in languages(boxed(wide(collection))):
            equal(asked(world, id, **query).json()["numberMatched"], placed, id)
        for query in languages(boxed([1000000, 1000000, 2000000, 2000000])):
            asked(world, id, 400, **query)


def wide(collection):
    """The box of a collection, a little wider than coordinates are rounded."""
    west, south, east, north = collection["extent"]["spatial"]["bbox"][0]
    return [west - 1e-6, south - 1e-6, east + 1e-6, north + 1e-6]


@flt("filter-crs-param")
def _(world):
    for id, collection in world.filled.items():
        placed = len([it for it in world.features(id) if it["geometry"]])
        west, south, east, north = wide(collection)
        for uri in collection["crs"]:
            way = osr.CoordinateTransformation(authority(CRS84), authority(uri))
            corners = [way.TransformPoint(x, y)[:2] for x in (west, east) for y in (south, north)]
            # What is straight in degrees is not elsewhere: wider by a metre or two.
            more = 1e-5 if authority(uri).IsGeographic() else 5.0
            low, high = ([pick(axis) for axis in zip(*corners)] for pick in (min, max))
            for query in languages(boxed([*(it - more for it in low), *(it + more for it in high)])):
                equal(asked(world, id, filter_crs=uri, **query).json()["numberMatched"], placed, f"{id} in {uri}")
        for query in languages(boxed(wide(collection))):
            asked(world, id, 400, filter_crs=NOWHERE, **query)


@flt("mixing-expression")
def _(world):
    for id, collection in world.filled.items():
        placed = len([it for it in world.features(id) if it["geometry"]])
        for query in languages(boxed(wide(collection))):
            there = ",".join(map(str, wide(collection)))
            equal(asked(world, id, bbox=there, **query).json()["numberMatched"], placed, id)
            equal(asked(world, id, bbox="-60,-30,-50,-20", **query).json()["numberMatched"], 0, id)


@flt("get-functions")
def _():
    skip("no functions of our own are offered, so there is no /functions")


features = tests_of("ogcapi-features-3/1.0/conf/features-filter")


@features("get-conformance")
def _(world):
    assert CLASS + "features-filter" in world.classes


@features("filter-on-items")
def _(world):
    """The tests of the class Filter, which are carried out on items, as GeoJSON."""
    for name in flt.names():
        if name != "get-functions":
            flt.of(name)(world)
