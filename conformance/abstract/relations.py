"""CQL2 (21-065r2, annex A): spatial functions."""

from .cql2 import agrees, classed, logical, queryables, refused, select
from .expression import It, field, geometry
from .suite import equal

WORLD = [[[-180, -90], [180, -90], [180, 90], [-180, 90], [-180, -90]]]
HOLED = [[[-180, -90], [-90, -90], [-90, 90], [-180, 90], [-180, -90]], [[-120, -50], [-100, -50], [-100, -40], [-120, -40], [-120, -50]]]
TEN = [[[0, 0], [10, 0], [10, 10], [0, 10], [0, 0]]]
NOWHERE = geometry("Point", [90, 180])
THERE = geometry("Point", [7.02, 49.92])
LINE = geometry("LineString", [[7, 50], [10, 51]])
POINTS = geometry("MultiPoint", [[7, 50], [10, 51]])
EVERYWHERE = It("bbox", [-180, -90, 180, 90])
EARTH = geometry("Polygon", WORLD)


def places(world):
    """Collections whose features have places, and what their geometries are."""
    for id, name, _ in queryables(world, "geometry"):
        if id in world.filled:
            yield id, field(name), world.described(id, "queryables")["properties"][name]["format"]


def placed(world, id):
    return {it["id"] for it in world.features(id) if it["geometry"]}


basic = classed("basic-spatial-functions")


@basic("s_intersects")
def _(world):
    for id, it, _ in places(world):
        equal(agrees(world, id, It("s_intersects", it, EVERYWHERE)), placed(world, id), id)
        agrees(world, id, It("s_intersects", it, THERE))
        refused(world, id, It("s_intersects", it, NOWHERE))
        parts = ([-180, -90, -90, 90], [90, -90, 180, 90])
        agrees(world, id, It("and", *(It("s_intersects", it, It("bbox", part)) for part in parts)))


def around(world, id):
    """Boxes of some size in the extent of a collection, and far larger ones that cut it."""
    west, south, east, north = world.filled[id]["extent"]["spatial"]["bbox"][0]
    wide, high = east - west, north - south
    for x, y, part in ((0.21, 0.33, 0.17), (0.5, 0.5, 0.31), (0.07, 0.61, 0.9)):
        yield [west + wide * x, south + high * y, west + wide * (x + part), south + high * (y + part)]
    if wide < 1e-3:
        # A place, beside which a long edge passes closer than it bends.
        return
    middle = [west + wide * 0.431, south + high * 0.567]
    yield from ([-180, -90, middle[0], 90], [middle[0], -90, 180, 90], [-180, middle[1], 180, 90], [0, 40, *middle])
    yield [170, -90, middle[0], 90]


def polygon(area):
    west, south, east, north = area
    return [[[west, south], [east, south], [east, north], [west, north], [west, south]]]


@basic("test-data")
def _(world):
    for id, it, _ in places(world):
        for area in around(world, id):
            agrees(world, id, It("s_intersects", it, It("bbox", area)))
        one, other, *_ = (It("s_intersects", it, It("bbox", area)) for area in around(world, id))
        for whole in (It("and", one, other), It("and", one, It("not", other)), It("or", one, other)):
            agrees(world, id, whole)


basic("logical")(logical)
plus = classed("basic-spatial-functions-plus")


@plus("s_intersects")
def _(world):
    lines = [[[-180, -45], [0, -45]], [[0, 45], [180, 45]]]
    for id, it, _ in places(world):
        refused(world, id, It("s_intersects", it, geometry("MultiPoint", [[7.02, 49.92], [90, 180]])))
        for given in (
            geometry("LineString", lines[0]),
            geometry("MultiLineString", lines),
            geometry("Polygon", HOLED),
            geometry("MultiPolygon", [HOLED, TEN]),
            geometry("GeometryCollection", [THERE.args[0], geometry("Polygon", TEN).args[0]]),
        ):
            agrees(world, id, It("s_intersects", it, given))


@plus("test-data")
def _(world):
    for id, it, _ in places(world):
        west, south, east, north = next(around(world, id))
        area, *far = (polygon(it) for it in around(world, id) if it[0] < it[2])
        line = geometry("LineString", [[west, south], [east, north], [10, 50]])
        mixed = [line.args[0], geometry("Polygon", area).args[0]]
        for given in (
            line,
            geometry("MultiLineString", [[[west, north], [east, south]], [[west, south], [15, 40]]]),
            geometry("MultiPolygon", [area, TEN]),
            geometry("GeometryCollection", mixed),
            geometry("Polygon", far[-1]),
            geometry("Polygon", area),
        ):
            agrees(world, id, It("s_intersects", it, given))
        agrees(world, id, It("and", It("s_intersects", it, geometry("Polygon", area)), It("not", It("s_intersects", it, line))))


plus("logical")(logical)
full = classed("spatial-functions")


@full("s_intersects")
def _(world):
    for id, it, _ in places(world):
        pair = [agrees(world, id, It("s_intersects", it, given)) for given in (EVERYWHERE, EARTH)]
        equal(pair[0], pair[1], id)
        for given in (LINE, THERE):
            agrees(world, id, It("s_intersects", it, given))
        refused(world, id, It("s_intersects", it, NOWHERE))


@full("s_disjoint")
def _(world):
    for id, it, _ in places(world):
        for given in (EVERYWHERE, EARTH):
            equal(agrees(world, id, It("s_disjoint", it, given)), set(), id)
        for given in (LINE, THERE):
            pair = [select(world, id, It(op, it, given)) for op in ("s_disjoint", "s_intersects")]
            assert not pair[0] & pair[1], (id, given)
        refused(world, id, It("s_disjoint", it, NOWHERE))


@full("s_equals")
def _(world):
    for id, it, _ in places(world):
        for given in (EARTH, LINE, THERE):
            equal(agrees(world, id, It("s_equals", it, given)), set(), id)


@full("s_touches")
def _(world):
    for id, it, _ in places(world):
        for given in (EVERYWHERE, EARTH, LINE):
            agrees(world, id, It("s_touches", it, given))


@full("s_crosses")
def _(world):
    for id, it, kind in places(world):
        if "polygon" not in kind:
            for given in (EVERYWHERE, EARTH, LINE):
                agrees(world, id, It("s_crosses", it, given))


@full("s_within")
def _(world):
    for id, it, _ in places(world):
        pair = [agrees(world, id, It("s_within", it, given)) for given in (EVERYWHERE, EARTH)]
        equal(pair[0], placed(world, id), id)
        equal(pair[1], placed(world, id), id)
        for given in (LINE, POINTS):
            agrees(world, id, It("s_within", it, given))


@full("s_contains")
def _(world):
    for id, it, _ in places(world):
        for given in (EVERYWHERE, EARTH, LINE, POINTS):
            found = agrees(world, id, It("s_contains", it, given))
            assert not found & select(world, id, It("s_within", it, given)), (id, given)


@full("s_overlaps")
def _(world):
    for id, it, kind in places(world):
        given = EARTH if "polygon" in kind else LINE if "line" in kind else POINTS
        agrees(world, id, It("s_overlaps", it, given))


@full("test-data")
def _(world):
    """Relations with boxes, lines and points among the features. (What touches by the last digit is not asked for here:
    coordinates are rounded when they are sent.)"""
    for id, it, kind in places(world):
        for area in around(world, id):
            for given in (It("bbox", area), geometry("Polygon", polygon(area))) if area[0] < area[2] else (It("bbox", area),):
                for op in ("s_disjoint", "s_within"):
                    agrees(world, id, It(op, it, given))
                if "polygon" in kind:
                    agrees(world, id, It("s_overlaps", it, given))
                if "line" in kind:
                    agrees(world, id, It("s_crosses", it, given))
        west, south, east, north = next(around(world, id))
        line = geometry("LineString", [[west, south], [east, north]])
        small = [(west + east) / 2, (south + north) / 2, (west + east) / 2 + 1e-7, (south + north) / 2 + 1e-7]
        if "polygon" in kind:
            for given in (It("bbox", small), geometry("Point", small[:2]), geometry("LineString", [small[:2], small[2:]])):
                agrees(world, id, It("s_contains", it, given))
        if "line" in kind:
            agrees(world, id, It("s_crosses", it, line))
        agrees(world, id, It("s_disjoint", line, it))


full("logical")(logical)
