"""OGC API Features 1 (17-069r4, annex A)."""

import datetime
import re

from .suite import equal, tests_of
from .world import ALL, CRS84, GEOJSON, box, link, links, vertices

core = tests_of("ogcapi-features-1/1.0/conf/core")
ITEMS = "/collections/{collectionId}/items"


@core("http")
def _(world):
    equal(world.get("/").version, 11, "HTTP")


@core("root-op")
def _(world):
    world.get("/").expect(200)


@core("root-success")
def _(world):
    for rel in ("service-desc", "service-doc", "conformance", "data"):
        link(world.landing, rel)
    equal(world.landing["title"] and True, True)


@core("api-definition-op")
def _(world):
    for rel in ("service-desc", "service-doc"):
        for it in links(world.landing, rel):
            answer = world.get(it["href"], accept=it["type"]).expect(200)
            equal(answer.kind, it["type"].split(";")[0], it["href"])


@core("api-definition-success")
def _(world):
    assert world.api["openapi"].startswith("3.0."), world.api["openapi"]
    assert world.api["info"]["title"] and world.api["paths"]


@core("conformance-op")
def _(world):
    equal(link(world.landing, "conformance").split("?")[0], f"{world.url}/conformance")
    world.get("/conformance").expect(200)


@core("conformance-success")
def _(world):
    assert "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core" in world.classes
    equal(len(world.classes), len(set(world.classes)), "classes")


@core("crs84")
def _(world):
    for id, collection in world.collections.items():
        answer = world.get(f"/collections/{id}/items", {"limit": 50}, accept=GEOJSON).expect(200)
        equal(answer.headers["content-crs"], f"<{CRS84}>")
        for feature in answer.json()["features"]:
            for x, y, *_ in vertices(feature["geometry"]):
                assert -180 <= x <= 180 and -90 <= y <= 90, (id, x, y)
        if "extent" in collection:
            equal(collection["extent"]["spatial"].get("crs", CRS84), CRS84)


@core("fc-md-op")
def _(world):
    equal(link(world.landing, "data").split("?")[0], f"{world.url}/collections")
    world.get("/collections").expect(200)


@core("fc-md-success")
def _(world):
    document = world.get("/collections").json()
    assert len(document["collections"]) == len(world.collections), "an id twice"
    for it in document["collections"]:
        assert it["id"] and links(it, "items"), it["id"]


@core("fc-md-links")
def _(world):
    """Itself, and itself in every other form that the path describes."""
    document = world.get("/collections").json()
    alternates(world, document, "/collections")


def alternates(world, document, path, but=()):
    kinds = set(world.operation(path)["responses"]["200"]["content"]) - set(but)
    own = [it for it in document["links"] if it["rel"] == "self"]
    equal(len(own), 1, "links to itself")
    others = {it["type"].split(";")[0] for it in links(document, "alternate")}
    missing = {kind.split(";")[0] for kind in kinds} - others - {own[0]["type"].split(";")[0]}
    assert not missing, f"{path} has no link to itself as {missing}"
    for it in own + links(document, "alternate"):
        assert it["href"] and it["type"], it


@core("fc-md-items")
def _(world):
    for id, collection in world.collections.items():
        equal(link(collection, "items", GEOJSON).split("?")[0], f"{world.url}/collections/{id}/items")


@core("fc-md-items-links")
def _(world):
    for collection in world.collections.values():
        for it in links(collection, "items"):
            assert it.get("type"), f"{it['href']} does not say its type"
            if collection is next(iter(world.collections.values())):
                kind = world.get(it["href"], accept="*/*").expect(200).kind
                equal(kind, it["type"].split(";")[0], it["href"])


@core("fc-md-extent")
def _(world):
    for id, collection in world.filled.items():
        bboxes = collection["extent"]["spatial"]["bbox"]
        # One of the whole, and it may be the only one.
        west, south, east, north = bboxes[0]
        for feature in world.features(id):
            for x, y, *_ in vertices(feature["geometry"]):
                assert west <= x <= east and south <= y <= north, f"{id} {feature['id']}: {x} {y} is not in {bboxes[0]}"


@core("sfc-md-op")
def _(world):
    for id in world.collections:
        world.get(f"/collections/{id}").expect(200)


@core("sfc-md-success")
def _(world):
    for id, listed in world.collections.items():
        alone = world.get(f"/collections/{id}").json()
        for member in ("id", "title", "description", "extent", "itemType", "crs", "storageCrs"):
            equal(alone.get(member), listed.get(member), f"{member} of {id}")
        for it in listed["links"]:
            assert it in alone["links"], f"{it} of {id}"


@core("fc-op")
def _(world):
    for id in world.collections:
        world.get(f"/collections/{id}/items", accept=GEOJSON).expect(200)


def is_form(parameter, schema):
    equal(parameter["in"], "query")
    equal(parameter.get("required", False), False)
    equal(parameter.get("style", "form"), "form")
    equal(parameter.get("explode"), False)
    for name, value in schema.items():
        equal(parameter["schema"].get(name), value, f"{name} of {parameter['name']}")


@core("fc-bbox-definition")
def _(world):
    parameter = world.parameter(ITEMS, "bbox")
    is_form(parameter, {"type": "array", "minItems": 4, "maxItems": 6})
    equal(parameter["schema"]["items"]["type"], "number")


@core("fc-bbox-response")
def _(world):
    for id, collection in world.filled.items():
        west, south, east, north = collection["extent"]["spatial"]["bbox"][0]
        middle = [(west + east) / 2, (south + north) / 2]
        for area in ([west, south, *middle], [*middle, east, north]):
            asked = ",".join(map(str, area))
            page = world.items(id, bbox=asked, limit=ALL)
            for feature in page["features"]:
                found = box(feature["geometry"])
                apart = found[0] > area[2] or found[2] < area[0] or found[1] > area[3] or found[3] < area[1]
                assert not apart, f"{id} {feature['id']} is not in {asked}"
            inside = {it["id"] for it in world.features(id) if it["geometry"] and contains(area, box(it["geometry"]))}
            assert inside <= {it["id"] for it in page["features"]}, f"{id}: something is missing in {asked}"
        placed = {it["id"] for it in world.features(id) if it["geometry"]}
        equal(world.ids(id, bbox="-180,-90,180,90"), placed, f"{id} in the world")
        equal(world.ids(id, bbox="170,-90,-170,90"), set(), f"{id} across the antimeridian")
        equal(world.ids(id, bbox="-180,-90,-1000,180,90,9000"), placed, f"{id} in six numbers")
    wrong = ["1,2,3", "1,2,3,4,5", "a,b,c,d", "10,20,5,1", "200,0,201,1", "0,-91,1,1", "NaN,0,1,1", "1,2,3,"]
    for bbox in wrong:
        world.get(f"/collections/{id}/items", {"bbox": bbox}, accept=GEOJSON).expect(400)


def contains(area, other):
    return area[0] < other[0] and area[1] < other[1] and area[2] > other[2] and area[3] > other[3]


@core("fc-limit-definition")
def _(world):
    parameter = world.parameter(ITEMS, "limit")
    is_form(parameter, {"type": "integer"})
    schema = parameter["schema"]
    assert 1 <= schema["minimum"] <= schema["default"] <= schema["maximum"], schema


@core("fc-limit-response")
def _(world):
    most = world.parameter(ITEMS, "limit")["schema"]["maximum"]
    usual = world.parameter(ITEMS, "limit")["schema"]["default"]
    for id in world.collections:
        there = len(world.features(id))
        for limit in (1, 7, most, most + 1):
            equal(len(world.items(id, limit=limit)["features"]), min(limit, there, most), f"{id} limit={limit}")
        equal(len(world.items(id)["features"]), min(usual, there), f"{id} without a limit")
    for limit in ("0", "-1", "x", "1.5"):
        world.get(f"/collections/{id}/items", {"limit": limit}, accept=GEOJSON).expect(400)


@core("fc-time-definition")
def _(world):
    is_form(world.parameter(ITEMS, "datetime"), {"type": "string"})


@core("fc-time-response")
def _(world):
    """A feature without a time is in every time; one with an interval where both overlap."""
    timed = 0
    for id in world.collections:
        for asked in ("2026-02-12T23:20:50Z", "2024-01-01", "2020-02-12/2026-03-18", "2023-02-12T00:00:00Z/..", "../2020-03-18", "2020-01-01/"):
            found = world.ids(id, datetime=asked)
            wanted = {it["id"] for it in world.features(id) if overlaps(it["properties"], asked)}
            equal(found, wanted, f"{id} at {asked}")
            timed += len(world.features(id)) - len(wanted)
    assert timed, "no feature lies in another time"
    for asked in ("yesterday", "2026-13-01", "2026-02-01/2026-01-01", "2026-01-01/2026-02-01/2026-03-01", "2026-02-30"):
        world.get(f"/collections/{id}/items", {"datetime": asked}, accept=GEOJSON).expect(400)


def overlaps(properties, asked):
    begin, end = properties.get("valid_from"), properties.get("valid_to")
    ends = asked.split("/") if "/" in asked else [asked, asked]
    first, last = (None if it in ("", "..") else it[:10] for it in ends)
    # An end is the first day on which something does not hold any more.
    return not (begin and last and begin[:10] > last) and not (end and first and end[:10] <= first)


@core("fc-response")
def _(world):
    for id in world.collections:
        page = world.items(id, limit=3)
        equal(page["type"], "FeatureCollection")
        assert isinstance(page["features"], list)


@core("fc-links")
def _(world):
    for id in world.collections:
        page = world.items(id, limit=2)
        # JSON that is not GeoJSON tells how an answer comes about (`explain`), and is no form of it.
        alternates(world, page, ITEMS, but=["application/json"])
        equal(bool(links(page, "next")), page["numberMatched"] > 2, f"next of {id}")
        seen, following = page["features"][:], page
        for _ in range(4):
            if not links(following, "next"):
                break
            following = world.get(link(following, "next"), accept=GEOJSON).expect(200).json()
            seen += following["features"]
        equal(len({it["id"] for it in seen}), len(seen), f"pages of {id}")
        # What is asked for with the page is in its other forms too.
        for it in links(page, "alternate"):
            assert "limit=2" in it["href"], it


@core("fc-timeStamp")
def _(world):
    now = datetime.datetime.now(datetime.timezone.utc)
    for id in world.collections:
        told = datetime.datetime.fromisoformat(world.items(id, limit=1)["timeStamp"].replace("Z", "+00:00"))
        assert abs((told - now).total_seconds()) < 600, told


@core("fc-numberMatched")
def _(world):
    for id in world.collections:
        every = len(world.features(id))
        equal(world.items(id, limit=2)["numberMatched"], every, id)
        half = [it["id"] for it in world.features(id)][: every // 2]
        if half:
            equal(world.items(id, limit=1, filter=f"id <= {max(half)}")["numberMatched"], len(half), id)


@core("fc-numberReturned")
def _(world):
    for id in world.collections:
        page = world.items(id, limit=5)
        equal(page["numberReturned"], len(page["features"]), id)


@core("f-op")
def _(world):
    for id in world.collections:
        for feature in world.features(id)[:3]:
            world.get(f"/collections/{id}/items/{feature['id']}", accept=GEOJSON).expect(200)
        for unknown in ("no-such-feature", "-1", "999999999999"):
            world.get(f"/collections/{id}/items/{unknown}", accept=GEOJSON).expect(404)


@core("f-success")
def _(world):
    for id in world.collections:
        for feature in world.features(id)[:3]:
            answer = world.get(f"/collections/{id}/items/{feature['id']}", accept=GEOJSON)
            equal(answer.kind, GEOJSON)
            for member in ("type", "id", "geometry", "properties"):
                equal(answer.json()[member], feature[member], f"{member} of {id}/{feature['id']}")


@core("f-links")
def _(world):
    for id in world.filled:
        feature = world.features(id)[0]
        document = world.get(f"/collections/{id}/items/{feature['id']}", accept=GEOJSON).json()
        alternates(world, document, f"{ITEMS}/{{featureId}}")
        equal(link(document, "collection").split("?")[0], f"{world.url}/collections/{id}")


PATHS = ["/", "/conformance", "/api", "/collections", "/collections/{0}", "/collections/{0}/items", "/collections/{0}/items/{1}"]


def each_path(world):
    """Every path of [`PATHS`] with names in it."""
    id = next(iter(world.filled))
    return [path.format(id, world.features(id)[0]["id"]) for path in PATHS]


@core("query-param-unknown")
def _(world):
    for path in each_path(world):
        world.get(path, {"unknownQueryParameter": "1"}).expect(400)


@core("query-param-invalid")
def _(world):
    for path in each_path(world):
        world.get(path, {"f": "no-such-form"}).expect(400)
    for name, value in [("limit", "foo"), ("bbox", "1,2"), ("datetime", "bar"), ("crs", "nowhere"), ("skipGeometry", "perhaps")]:
        world.get(f"/collections/{next(iter(world.filled))}/items", {name: value}).expect(400)


geojson = tests_of("ogcapi-features-1/1.0/conf/geojson")


@geojson("definition")
def _(world):
    for path in (ITEMS, f"{ITEMS}/{{featureId}}"):
        assert GEOJSON in world.operation(path)["responses"]["200"]["content"], path


@geojson("content")
def _(world):
    kinds = ("Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon")
    for id in world.collections:
        answer = world.get(f"/collections/{id}/items", {"limit": 20}, accept=GEOJSON)
        equal(answer.kind, GEOJSON)
        for feature in answer.json()["features"]:
            equal(feature["type"], "Feature")
            assert isinstance(feature["properties"], dict) and isinstance(feature["id"], (int, str))
            if feature["geometry"]:
                assert feature["geometry"]["type"] in kinds, feature["geometry"]["type"]
                for ring in rings(feature["geometry"]):
                    assert len(ring) >= 4 and ring[0] == ring[-1], f"{id}/{feature['id']} has an open ring"


def rings(geometry):
    if geometry["type"] == "Polygon":
        yield from geometry["coordinates"]
    if geometry["type"] == "MultiPolygon":
        for polygon in geometry["coordinates"]:
            yield from polygon


html = tests_of("ogcapi-features-1/1.0/conf/html")


@html("definition")
def _(world):
    for path in PATHS:
        assert "text/html" in world.operation(path)["responses"]["200"]["content"], path


@html("content")
def _(world):
    for path in each_path(world):
        answer = world.get(path, accept="text/html").expect(200)
        equal(answer.kind, "text/html")
        assert re.match(rb"<!doctype html>", answer.body, re.I), path
        for part in (b"<html lang=", b"<title>", b"</html>"):
            assert part in answer.body, f"{part} is not in {path}"


oas30 = tests_of("ogcapi-features-1/1.0/conf/oas30")


@oas30("completeness")
def _(world):
    for path in PATHS:
        world.operation(path)
    # Whatever is linked is described.
    patterns = [re.compile(re.sub(r"\\\{[^}]*\\\}", "[^/]+", re.escape(path)) + "$") for path in world.api["paths"]]
    documents = [world.landing, *world.collections.values()]
    for it in [it for document in documents for it in document["links"] if it["href"].startswith(world.url)]:
        path = it["href"][len(world.url) :].split("?")[0] or "/"
        assert it.get("templated") or any(pattern.match(path) for pattern in patterns), f"{path} is not described"


@oas30("exception-codes")
def _(world):
    for path, query, status in [
        (ITEMS, {"limit": "x"}, 400),
        ("/collections", {"unknownQueryParameter": 1}, 400),
        ("/collections/{collectionId}", {}, 404),
        (f"{ITEMS}/{{featureId}}", {}, 404),
    ]:
        id = "no-such-collection" if path == "/collections/{collectionId}" else next(iter(world.filled))
        answer = world.get(path.replace("{collectionId}", id).replace("{featureId}", "no-such-feature"), query)
        answer.expect(status)
        described = world.operation(path)["responses"][str(status)]["content"]
        assert answer.kind in described, f"{path}: {answer.kind}"


@oas30("definition-1")
def _(world):
    kind = "application/vnd.oai.openapi+json;version=3.0"
    answer = world.get(link(world.landing, "service-desc", kind), accept=kind).expect(200)
    equal(answer.headers["content-type"].replace(" ", ""), kind)


@oas30("definition-2")
def _(world):
    """By its published schema: `openapi.js` does so with a validator of others. What it names is there."""
    names = re.findall(r'"\$ref": ?"#/components/(\w+)/(\w+)"', world.get("/api").body.decode())
    assert names
    for group, name in names:
        assert name in world.api["components"][group], name


@oas30("oas-impl")
def _(world):
    """Every path answers as it is described; Schemathesis asks for much more than this."""
    for pattern, path in zip(PATHS, each_path(world)):
        answer = world.get(path).expect(200)
        described = world.operation(pattern)["responses"]["200"]["content"]
        assert any(answer.kind == kind.split(";")[0] for kind in described), f"{path}: {answer.kind}"


@oas30("security")
def _(world):
    schemes = world.api.get("components", {}).get("securitySchemes", {})
    for operations in world.api["paths"].values():
        for operation in operations.values():
            for asked in operation.get("security", []):
                for name in asked:
                    assert name in schemes, name
