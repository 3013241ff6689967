"""OGC Features and Geometries JSON 1 (21-045r1, annex A)."""

from .suite import equal, tests_of
from .world import CRS84, GEOJSON

SPEC = "http://www.opengis.net/spec/json-fg-1/1.0/conf/"
PROFILE = "http://www.opengis.net/def/profile/OGC/0/"


def pages(world, **query):
    """A page of each collection, with the storage CRS and without."""
    for id in world.filled:
        for crs in (CRS84, world.collections[id]["storageCrs"]):
            answer = world.get(f"/collections/{id}/items", {"f": "jsonfg", "limit": 20, "crs": crs, **query}, accept="*/*").expect(200)
            equal(answer.kind, GEOJSON)
            yield id, crs, answer.json()


core = tests_of("json-fg-1/1.0/conf/core")


@core("schema-valid")
def _(world):
    for _, _, page in pages(world):
        for feature in page["features"]:
            equal(feature["type"], "Feature")
            for member in ("time", "geometry", "place", "properties"):
                assert member in feature, member


@core("metadata")
def _(world):
    for _, _, page in pages(world):
        assert SPEC + "core" in page["conformsTo"], page["conformsTo"]
        assert all("conformsTo" not in feature for feature in page["features"])


@core("instant-and-interval")
def _(world):
    timed = 0
    for id, _, page in pages(world):
        for feature in page["features"]:
            properties, time = feature["properties"], feature["time"]
            begin, end = properties.get("valid_from"), properties.get("valid_to")
            if time is None:
                assert not begin and not end, (id, feature["id"])
                continue
            timed += 1
            first, last = time["interval"] if "interval" in time else (time["date"],) * 2
            equal(first, begin or "..", id)
            # The last day, where the data have the first after it.
            assert last == ".." if not end else last <= end, (id, time, end)
    assert timed


@core("place-and-coordrefsys")
def _(world):
    """What is in another CRS is in `place`, and `geometry` is empty; else the other way round."""
    for id, crs, page in pages(world):
        equal(page.get("coordRefSys", CRS84), crs, id)
        full, empty = ("geometry", "place") if crs == CRS84 else ("place", "geometry")
        for feature in page["features"]:
            equal(feature[empty], None, id)
            assert feature[full] is None or feature[full]["type"] and feature[full]["coordinates"], id


@core("links")
def _(world):
    for _, _, page in pages(world):
        assert all(it["href"] and it["rel"] for it in page["links"])


types = tests_of("json-fg-1/1.0/conf/types-schemas")


@types("feature-type")
def _(world):
    for id, _, page in pages(world):
        assert SPEC + "types-schemas" in page["conformsTo"]
        equal(page["featureType"], id)


@types("feature-schema")
def _(world):
    for id, _, page in pages(world):
        equal(page["featureSchema"], f"{world.url}/collections/{id}/schema")


@types("geometry-dimension")
def _(world):
    for id, _, page in pages(world):
        kind = world.described(id, "schema")["properties"]["geometry"]["format"]
        wanted = 2 if "polygon" in kind else 1 if "line" in kind else 0 if "point" in kind else None
        equal(page.get("geometryDimension"), wanted, id)


profiles = tests_of("json-fg-1/1.0/conf/profiles")


@profiles("link")
def _(world):
    for name in ("jsonfg", "jsonfg-plus"):
        for _, _, page in pages(world, profile=name):
            equal([it["href"] for it in page["links"] if it["rel"] == "profile"], [PROFILE + name])


@profiles("rfc7946")
def _(world):
    for id in world.filled:
        page = world.items(id, profile="rfc7946", limit=5)
        assert "conformsTo" not in page and all("place" not in it for it in page["features"])


@profiles("jsonfg-plus")
def _(world):
    """`geometry` is there too where `place` is."""
    for id, crs, page in pages(world, profile="jsonfg-plus"):
        plain = {it["id"]: it for it in world.features(id)}
        for feature in page["features"]:
            equal(feature["geometry"], plain[feature["id"]]["geometry"], id)
            equal(feature["place"] is None, crs == CRS84 or feature["geometry"] is None, id)
