"""OGC API Features 4 (20-002, annex A of its draft)."""

import json
import uuid

from .crs import authority
from .suite import equal, skip, tests_of
from .world import CRS84, GEOJSON, vertices

PATCH = "application/merge-patch+json"
# A layer of points that has a text for a key.
COLLECTION = "fountains"


class Editor:
    """Edits a collection, and takes away in the end what it has made."""

    def __init__(self, world):
        if not world.token:
            skip("nobody may edit")
        self.world, self.items = world, f"/collections/{COLLECTION}/items"
        self.sample = world.features(COLLECTION)[0]
        (self.key,) = world.collections[COLLECTION]["key"]
        self.name = next(name for name, it in world.described(COLLECTION, "schema")["properties"].items() if it.get("type") == "string" and name not in (self.key, "id") and "anyOf" not in it)
        self.made = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for path in self.made:
            answer = self.get(path)
            if answer.status == 200:
                self.send("DELETE", path, None, **{"If-Match": answer.headers["etag"]}).expect(204)

    def valid(self, name="abstract"):
        """A new feature that fits."""
        properties = {**self.sample["properties"], self.key: f"ATS{uuid.uuid4().hex[:12]}", self.name: name}
        return {"type": "Feature", "geometry": self.sample["geometry"], "properties": properties}

    def send(self, method, path, body, kind=GEOJSON, **headers):
        headers["Authorization"] = f"Bearer {self.world.token}"
        if body is not None:
            body = json.dumps(body)
            if kind:
                headers["Content-Type"] = kind
        return self.world.send(method, path, headers=headers, body=body)

    def create(self, body, kind=GEOJSON, **headers):
        answer = self.send("POST", self.items, body, kind, **headers)
        if answer.status == 201:
            self.made.append(answer.headers["location"])
        return answer

    def new(self):
        """The path and the tag of a feature that was made."""
        path = self.create(self.valid()).expect(201).headers["location"]
        return path, self.get(path).expect(200).headers["etag"]

    def get(self, path, **query):
        return self.world.get(path, query, accept=GEOJSON)

    def replace(self, path, body, kind=GEOJSON, tag=None):
        return self.send("PUT", path, body, kind, **{"If-Match": tag or self.get(path).headers["etag"]})

    def patch(self, path, body, kind=PATCH, tag=None):
        return self.send("PATCH", path, body, kind, **{"If-Match": tag or self.get(path).headers["etag"]})

    def holds(self, path, body):
        """Whether a feature is what was sent."""
        found = self.get(path).expect(200).json()
        for member in ("geometry", "properties"):
            equal(found[member], body[member], member)
        return found


crud = tests_of("ogcapi-features-4/1.0/conf/create-replace-delete")


@crud("options")
def _(world):
    with Editor(world) as editor:
        path, _ = editor.new()
        for at, methods, header in ((editor.items, {"POST"}, "accept-post"), (path, {"PUT", "PATCH", "DELETE"}, "accept-patch")):
            answer = editor.send("OPTIONS", at, None).expect(200)
            assert methods <= set(answer.headers["allow"].split(", ")), answer.headers["allow"]
            assert answer.headers[header], header


@crud("create")
def _(world):
    with Editor(world) as editor:
        known = {it["id"] for it in world.features(COLLECTION)}
        for extra in ({}, {"id": 987654321}):
            body = editor.valid()
            answer = editor.create({**body, **extra})
            if extra and 400 <= answer.status < 500:
                continue
            found = editor.holds(answer.expect(201).headers["location"], body)
            assert found["id"] not in known
            equal(answer.headers["location"].rsplit("/", 1)[1], str(found["id"]))
            known.add(found["id"])


def without_type(method):
    def test(world):
        with Editor(world) as editor:
            path, tag = editor.new()
            at, body = (editor.items, editor.valid()) if method == "POST" else (path, {"properties": {}} if method == "PATCH" else editor.valid())
            editor.send(method, at, body, kind=None, **{"If-Match": tag}).expect(400)

    return test


crud("create-content-type")(without_type("POST"))


@crud("replace")
def _(world):
    with Editor(world) as editor:
        path, _ = editor.new()
        body = editor.valid("replaced")
        editor.replace(path, body).expect(200, 204)
        editor.holds(path, body)


crud("replace-content-type")(without_type("PUT"))


def other_id(world):
    with Editor(world) as editor:
        path, _ = editor.new()
        before, body = editor.get(path).json(), editor.valid("replaced")
        answer = editor.replace(path, {**body, "id": editor.sample["id"]})
        if 400 <= answer.status < 500:
            equal(editor.get(path).json()["properties"], before["properties"])
        else:
            answer.expect(200, 204)
            equal(editor.holds(path, body)["id"], before["id"])
        equal(editor.get(f"{editor.items}/{editor.sample['id']}").json()["properties"], editor.sample["properties"])


crud("replace-rid")(other_id)


@crud("replace-exceptions")
def _(world):
    with Editor(world) as editor:
        for tag in (None, '"xyz"'):
            path = f"{editor.items}/987654321"
            headers = {"If-Match": tag} if tag else {}
            editor.send("PUT", path, editor.valid(), **headers).expect(404)
            editor.get(path).expect(404)


@crud("delete")
def _(world):
    with Editor(world) as editor:
        path, tag = editor.new()
        editor.send("DELETE", path, None, **{"If-Match": tag}).expect(200, 204)
        editor.get(path).expect(404)


update = tests_of("ogcapi-features-4/1.0/conf/update")


@update("options")
def _(world):
    with Editor(world) as editor:
        answer = editor.send("OPTIONS", editor.new()[0], None).expect(200)
        assert "PATCH" in answer.headers["allow"]
        equal(answer.headers["accept-patch"], PATCH)


@update("update")
def _(world):
    with Editor(world) as editor:
        path, _ = editor.new()
        before = editor.get(path).json()
        editor.patch(path, {"properties": {editor.name: "patched"}}).expect(200, 204)
        before["properties"][editor.name] = "patched"
        editor.holds(path, before)


update("update-content-type")(without_type("PATCH"))


@update("update-rid")
def _(world):
    with Editor(world) as editor:
        path, _ = editor.new()
        before = editor.get(path).json()
        answer = editor.patch(path, {"id": 987654321, "properties": {editor.name: "patched"}})
        assert 400 <= answer.status < 500, answer.status
        editor.holds(path, before)


features = tests_of("ogcapi-features-4/1.0/conf/features")


@features("endpoints")
def _(world):
    with Editor(world) as editor:
        assert COLLECTION in world.collections
        equal(editor.new()[0].split("?")[0].removeprefix(world.url).rsplit("/", 1)[0], editor.items)


@features("put-create")
def _(world):
    for id, collection in world.collections.items():
        assert not collection.get("supportsNonAutogeneratedResourceIds"), id
    skip("the store gives ids, so no collection says that PUT may make a feature")


@features("crs84")
def _():
    skip("geometries may come in other CRSs: Part 2 is declared")


@features("crs")
def _(world):
    with Editor(world) as editor:
        plain = editor.get(editor.create(editor.valid()).expect(201).headers["location"]).json()["geometry"]
        for uri in world.collections[COLLECTION]["crs"]:
            body = editor.valid()
            body["geometry"] = editor.get(f"{editor.items}/{editor.sample['id']}", crs=uri).json()["geometry"]
            path = editor.create(body, **{"Content-Crs": f"<{uri}>"}).expect(201).headers["location"]
            for one, other in zip(vertices(editor.get(path).json()["geometry"]), vertices(plain)):
                assert max(abs(a - b) for a, b in zip(one, other)) < 2e-7, (uri, one, other)
            authority(uri)
        for uri in ("http://www.opengis.net/def/crs/EPSG/0/2154", "http://www.opengis.net/def/crs/OGC/0/no-such"):
            assert 400 <= editor.create(editor.valid(), **{"Content-Crs": f"<{uri}>"}).status < 500, uri
        equal(editor.get(path).headers["content-crs"], f"<{CRS84}>")


@features("gml-srsname")
def _():
    skip("GML is not declared")


@features("schema")
def _(world):
    with Editor(world) as editor:
        equal(world.described(COLLECTION, "schema")["additionalProperties"], False)
        editor.create(editor.valid()).expect(201)
        for more in ({"no_such_field": "x"}, {"id": 5}):
            body = editor.valid()
            body["properties"] |= more
            assert 400 <= editor.create(body).status < 500, more


features("geojson")(other_id)


@features("json-merge-patch")
def _(world):
    with Editor(world) as editor:
        path, _ = editor.new()
        before = editor.get(path).json()
        x, y = before["geometry"]["coordinates"]
        moved = {"type": "Point", "coordinates": [round(x + 0.0001, 7), y]}
        empty = next(name for name in before["properties"] if name not in (editor.key, editor.name) and before["properties"][name])
        editor.patch(path, {"geometry": moved, "properties": {editor.name: "patched", empty: None}}).expect(200, 204)
        after = editor.get(path).expect(200).json()
        equal((after["properties"][editor.name], after["properties"][empty]), ("patched", None))
        assert all(abs(a - b) < 2e-8 for a, b in zip(after["geometry"]["coordinates"], moved["coordinates"])), after
        for body in ({"properties": {"id": 7}}, {"id": 7}):
            assert 400 <= editor.patch(path, body).status < 500, body


@features("jsonfg")
def _():
    skip("JSON-FG in Web APIs is not declared: bodies are GeoJSON")


@features("gml")
def _():
    skip("GML is not declared")


locking = tests_of("ogcapi-features-4/1.0/conf/optimistic-locking-etags")


@locking("get-etag")
def _(world):
    for id in world.filled:
        answer = world.get(f"/collections/{id}/items/{world.features(id)[0]['id']}", accept=GEOJSON).expect(200)
        tag = answer.headers["etag"]
        assert tag[0] == tag[-1] == '"' and len(tag) > 2, tag


def locked(method):
    """A stale tag is refused, the right one is taken, and none is asked for."""

    def test(world):
        with Editor(world) as editor:
            path, tag = editor.new()
            other, _ = editor.new()
            body = {"PUT": editor.valid("locked"), "PATCH": {"properties": {editor.name: "locked"}}, "DELETE": None}[method]
            kind = PATCH if method == "PATCH" else GEOJSON
            before = editor.get(path).json()
            editor.send(method, path, body, kind, **{"If-Match": '"0"'}).expect(412)
            editor.holds(path, before)
            answer = editor.send(method, path, body, kind, **{"If-Match": tag}).expect(200, 204)
            if method == "DELETE":
                editor.get(path).expect(404)
            else:
                assert answer.headers["etag"] not in ("", tag)
                equal(editor.get(path).headers["etag"], answer.headers["etag"])
            editor.send(method, other, body, kind).expect(428, 409, *range(200, 300))

    return test


locking("replace")(locked("PUT"))
locking("update")(locked("PATCH"))
locking("delete")(locked("DELETE"))
