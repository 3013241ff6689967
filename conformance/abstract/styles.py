"""OGC API Styles 1, the draft 20-009: its annex is empty, so that each requirement lends its name."""

import json

from .suite import equal, skip, tests_of
from .world import link, links

MAPBOX = "application/vnd.mapbox.style+json"
REL = "http://www.opengis.net/def/rel/ogc/1.0/styles"

core = tests_of("ogcapi-styles-1/1.0/conf/core")


def listed(world):
    return world.get("/styles").expect(200).json()["styles"]


@core("styles-success")
def _(world):
    found = listed(world)
    ids = [it["id"] for it in found]
    equal(len(ids), len(set(ids)), "ids, each once")
    for it in found:
        assert links(it, "stylesheet") and links(it, "describedby"), it


@core("style-success")
def _(world):
    for it in listed(world):
        answer = world.get(link(it, "stylesheet"), accept=MAPBOX).expect(200)
        equal(answer.kind, MAPBOX, it["id"])
        style = answer.json()
        equal(style["version"], 8, it["id"])
        assert isinstance(style["layers"], list) and isinstance(style["sources"], dict), it["id"]
    world.get("/styles/no-such-style", accept=MAPBOX).expect(404)


@core("style-metadata-success")
def _(world):
    for it in listed(world):
        told = world.get(f"/styles/{it['id']}/metadata").expect(200).json()
        equal(told["id"], it["id"])
        sheets = told["stylesheets"]
        assert sheets and all(link for link in sheets), told
    world.get("/styles/no-such-style/metadata").expect(404)


overall = tests_of("ogcapi-styles-1/1.0/conf/global-styles")


@overall("landing-page")
def _(world):
    equal(link(world.landing, REL).split("?")[0], f"{world.url}/styles")
    world.operation("/styles")
    world.operation("/styles/{styleId}")


manage = tests_of("ogcapi-styles-1/1.0/conf/manage-styles")
validation = tests_of("ogcapi-styles-1/1.0/conf/style-validation")


def ours(world, name):
    """A style over this server's own tiles."""
    return {
        "version": 8, "name": name,
        "sources": {"parcels": {"type": "vector", "tiles": [f"{world.url}/tiles/parcels/{{z}}/{{x}}/{{y}}"]}},
        "layers": [{"id": "parcels", "type": "fill", "source": "parcels", "source-layer": "parcels", "paint": {"fill-color": "#abc"}}],
    }


def edit(world, method, path, body=None, **headers):
    if world.token is None:
        skip("without a token nothing is edited")
    headers = {name.replace("_", "-"): it for name, it in headers.items()}
    headers |= {"Authorization": f"Bearer {world.token}"}
    if body is not None:
        headers["Content-Type"] = MAPBOX
    return world.send(method, path, headers=headers, body=None if body is None else json.dumps(body))


@manage("create-replace-delete")
def _(world):
    made = edit(world, "POST", "/styles", ours(world, "Abstract tests")).expect(201)
    path = made.headers["location"]
    kept = world.get(path, accept=MAPBOX).expect(200)
    equal(kept.json()["layers"][0]["paint"]["fill-color"], "#abc")
    changed = ours(world, "Abstract tests")
    changed["layers"][0]["paint"]["fill-color"] = "#123"
    edit(world, "PUT", path, changed).expect(428)
    edit(world, "PUT", path, changed, If_Match='"another"').expect(412)
    edit(world, "PUT", path, changed, If_Match=kept.headers["etag"]).expect(200, 204)
    now = world.get(path, accept=MAPBOX).expect(200)
    equal(now.json()["layers"][0]["paint"]["fill-color"], "#123")
    assert path.rsplit("/", 1)[1] in {it["id"] for it in listed(world)}
    edit(world, "DELETE", path, If_Match=now.headers["etag"]).expect(200, 204)
    world.get(path, accept=MAPBOX).expect(404)


@manage("unknown-media-type")
def _(world):
    if world.token is None:
        skip("without a token nothing is edited")
    headers = {"Authorization": f"Bearer {world.token}", "Content-Type": "application/vnd.ogc.sld+xml"}
    world.send("POST", "/styles", headers=headers, body="<sld/>").expect(415)


@validation("invalid-style")
def _(world):
    wrong = ours(world, "Wrong")
    wrong["layers"][0]["paint"]["fill-color"] = 7
    answer = edit(world, "POST", "/styles", wrong).expect(400, 422)
    assert answer.json()["errors"], answer.body
    before = {it["id"] for it in listed(world)}
    edit(world, "POST", "/styles?dry-run=true", wrong).expect(400, 422)
    edit(world, "POST", "/styles?dry-run=true", ours(world, "Right")).expect(204)
    equal({it["id"] for it in listed(world)}, before, "a dry run keeps nothing")
