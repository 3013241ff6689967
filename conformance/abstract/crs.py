"""OGC API Features 2 (18-058r1, annex A)."""

import re

from osgeo import osr

from .suite import equal, tests_of
from .world import ALL, CRS84, GEOJSON, box, vertices

crs = tests_of("ogcapi-features-2/1.0/conf/crs")
URI = re.compile(r"http://www\.opengis\.net/def/crs/[^/]+/[^/]+/[^/]+")
UNKNOWN = ("http://www.opengis.net/def/crs/EPSG/0/0", "http://www.opengis.net/def/crs/OGC/0/no-such", "EPSG:99999999", "x")
osr.UseExceptions()


def authority(uri):
    """What PROJ takes for a CRS, with the authority's order of axes."""
    found = osr.SpatialReference()
    found.SetFromUserInput("OGC:CRS84" if uri == CRS84 else "EPSG:" + uri.rsplit("/", 1)[1])
    found.SetAxisMappingStrategy(osr.OAMS_AUTHORITY_COMPLIANT)
    return found


@crs("crs-uri")
def _(world):
    for id, collection in world.collections.items():
        for uri in [*collection["crs"], collection["storageCrs"]]:
            assert URI.fullmatch(uri), f"{uri} of {id}"
            authority(uri)


@crs("default-crs")
def _(world):
    for id, collection in world.collections.items():
        equal(collection["crs"][0], CRS84, id)


@crs("storageCrs")
def _(world):
    for id, collection in world.collections.items():
        assert collection["storageCrs"] in collection["crs"], id


@crs("crs-parameter")
def _(world):
    for id, collection in world.filled.items():
        first = world.features(id)[0]["id"]
        for uri in collection["crs"]:
            for path in (f"/collections/{id}/items", f"/collections/{id}/items/{first}"):
                answer = world.get(path, {"crs": uri}, accept=GEOJSON).expect(200)
                equal(answer.headers.get("content-crs"), f"<{uri}>", f"Content-Crs of {path}")


@crs("crs-parameter-invalid")
def _(world):
    for id in world.filled:
        first = world.features(id)[0]["id"]
        for uri in UNKNOWN:
            world.get(f"/collections/{id}/items", {"crs": uri}, accept=GEOJSON).expect(400)
            world.get(f"/collections/{id}/items/{first}", {"crs": uri}, accept=GEOJSON).expect(400)


@crs("crs-parameter-default")
def _(world):
    for id in world.filled:
        first = world.features(id)[0]["id"]
        for path in (f"/collections/{id}/items", f"/collections/{id}/items/{first}"):
            plain, named = world.get(path, accept=GEOJSON), world.get(path, {"crs": CRS84}, accept=GEOJSON)
            equal(plain.headers["content-crs"], f"<{CRS84}>")
            for one, other in zip(*([*it.get("features", [it])] for it in (plain.json(), named.json()))):
                equal(one["geometry"], other["geometry"], path)


def far(uri):
    """How far coordinates of PROJ's and ours may be apart, in metres: of the old datum it knows several ways."""
    return 5.0 if uri.endswith(("/3003", "/3004")) else 0.02


@crs("crs-parameter-transform")
def _(world):
    """Each position is where PROJ brings it, axes in the order of the authority."""
    compared = 0
    for id, collection in world.filled.items():
        plain = [it for it in world.features(id)[:10] if it["geometry"]]
        for uri in collection["crs"]:
            moved = {it["id"]: it for it in world.items(id, crs=uri, limit=10)["features"]}
            target = authority(uri)
            way = osr.CoordinateTransformation(authority(CRS84), target)
            metre = 1 / 111_000 if target.IsGeographic() else 1
            for feature in plain:
                ours, theirs = list(vertices(moved[feature["id"]]["geometry"])), list(vertices(feature["geometry"]))
                equal(len(ours), len(theirs), f"vertices of {id}/{feature['id']}")
                for (x, y, *_), at in zip(ours, theirs):
                    x2, y2, _ = way.TransformPoint(at[0], at[1])
                    compared += 1
                    apart = max(abs(x - x2), abs(y - y2))
                    assert apart <= far(uri) * metre, f"{id}/{feature['id']} {uri}: {x} {y} instead of {x2} {y2}"
    assert compared > 10_000, compared


@crs("bbox-crs-parameter")
def _(world):
    """The box around a feature in any CRS finds the feature, and no other that lies far from it."""
    for id, collection in world.filled.items():
        for uri in collection["crs"]:
            for feature in world.items(id, crs=uri, limit=2)["features"]:
                if not feature["geometry"]:
                    continue
                # A little wider than coordinates are rounded.
                wide = 1e-7 if authority(uri).IsGeographic() else 0.01
                west, south, east, north = box(feature["geometry"])
                asked = f"{west - wide!r},{south - wide!r},{east + wide!r},{north + wide!r}"
                page = world.items(id, bbox=asked, bbox_crs=uri, crs=uri, limit=ALL)
                assert feature["id"] in [it["id"] for it in page["features"]], f"{id}/{feature['id']} in {uri} {asked}"
                for other in page["features"]:
                    left, low, right, high = box(other["geometry"])
                    apart = left > east + wide or right < west - wide or low > north + wide or high < south - wide
                    assert not apart, f"{id}/{other['id']} is not in {asked} of {uri}"


@crs("bbox-crs-parameter-invalid")
def _(world):
    for id in world.filled:
        for uri in UNKNOWN:
            world.get(f"/collections/{id}/items", {"bbox": "12,45,13,46", "bbox-crs": uri}, accept=GEOJSON).expect(400)


@crs("bbox-crs-parameter-default")
def _(world):
    for id, collection in world.filled.items():
        west, south, east, north = collection["extent"]["spatial"]["bbox"][0]
        asked = f"{west},{south},{(west + east) / 2},{north}"
        equal(world.ids(id, bbox=asked), world.ids(id, bbox=asked, bbox_crs=CRS84), id)
