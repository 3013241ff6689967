"""OGC API Common 1 (19-072) and 2 (20-024): what Features asks for too is tested there."""

from .features import core, each_path, html, oas30
from .suite import equal, tests_of

common = tests_of("ogcapi-common-1/1.0/conf/core")


@common("http")
def _(world):
    equal(world.get("/").version, 11, "HTTP")


@common("query-param-name-unknown")
def _(world):
    world.get("/", {"unknownQueryParameter": "1"}).expect(400)


@common("query-param-value-invalid")
def _(world):
    world.get("/", {"f": "no-such-form"}).expect(400)


@common("query-param-capitalization")
def _(world):
    """The names of parameters are those that are described, letter by letter."""
    world.get(f"/collections/{next(iter(world.filled))}/items", {"LIMIT": 1}).expect(400)


pages = tests_of("ogcapi-common-1/1.0/conf/landing-page")
for name in ("root-op", "root-success", "api-definition-op", "api-definition-success", "conformance-op"):
    pages(name)(core.of(name))


@pages("conformance-success")
def _(world):
    for name in ("core", "landing-page", "json", "html", "oas30"):
        assert f"http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/{name}" in world.classes, name


json = tests_of("ogcapi-common-1/1.0/conf/json")


@json("definition")
def _(world):
    for path in ("/", "/conformance", "/collections", "/collections/{collectionId}"):
        assert "application/json" in world.operation(path)["responses"]["200"]["content"], path


@json("content")
def _(world):
    for path in [it for it in each_path(world) if "/items" not in it and it != "/api"]:
        answer = world.get(path).expect(200)
        equal(answer.kind, "application/json", path)
        answer.json()


for theirs, ours in (("html", html), ("oas30", oas30)):
    tests = tests_of(f"ogcapi-common-1/1.0/conf/{theirs}")
    for name in ours.names():
        tests(name)(ours.of(name))

collections = tests_of("ogcapi-common-2/1.0/conf/collections")
for theirs, ours in (
    ("rc-md-op", "fc-md-op"),
    ("rc-md-success", "fc-md-success"),
    ("rc-md-links", "fc-md-links"),
    ("rc-md-extent", "fc-md-extent"),
    ("src-md-op", "sfc-md-op"),
    ("src-md-success", "sfc-md-success"),
):
    collections(theirs)(core.of(ours))


@collections("src-md-unknown")
def _(world):
    world.get("/collections/no-such-collection").expect(404)
