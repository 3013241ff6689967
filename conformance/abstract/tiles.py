"""OGC API Tiles 1 (20-057, annex A)."""


from osgeo import gdal

from .suite import SPEC, equal, tests_of
from .world import link, links

MVT = "application/vnd.mapbox-vector-tile"
REL = "http://www.opengis.net/def/rel/ogc/1.0/"
DATASET = "/tiles/{tileMatrixSetId}/{tileMatrix}/{tileRow}/{tileCol}"
LAYER = "/collections/{collectionId}/tiles/{tileMatrixSetId}/{tileMatrix}/{tileRow}/{tileCol}"


def is_declared(name):
    return lambda world: equal(f"{SPEC}ogcapi-tiles-1/1.0/conf/{name}" in world.classes, True, name)


def tilesets(world):
    """Every tileset, as its list has it, with the path of the list."""
    for path in ["/tiles", *(f"/collections/{id}/tiles" for id in world.collections)]:
        for it in world.get(path).expect(200).json()["tilesets"]:
            yield path, it


def alone(world, listed):
    return world.get(link(listed, "self", "application/json")).expect(200).json()


def some(world):
    """Addresses of tiles in which something is: one of each grid of some layers, and of the dataset."""
    for path, listed in tilesets(world):
        if path.split("/")[2:3] not in ([], ["parcels"], ["streets"], ["fountains"]):
            continue
        whole = alone(world, listed)
        limits = whole["tileMatrixSetLimits"][-1]
        template = next(it["href"] for it in links(whole, "item") if it["type"] == MVT)
        row, column = ((limits[f"min{it}"] + limits[f"max{it}"]) // 2 for it in ("TileRow", "TileCol"))
        yield template, limits, filled(template, limits["tileMatrix"], row, column)


def filled(template, matrix, row, column):
    for name, it in (("tileMatrix", matrix), ("tileRow", row), ("tileCol", column)):
        template = template.replace(f"{{{name}}}", str(it))
    return template


core = tests_of("ogcapi-tiles-1/1.0/conf/core")


@core("tc-op")
def _(world):
    for _, _, address in some(world):
        world.get(address, accept=MVT).expect(200, 204)


def parameter(name):
    def test(world):
        for path in (DATASET, LAYER):
            it = world.parameter(path, name)
            equal((it["in"], it["required"]), ("path", True), f"{name} of {path}")
            assert it["schema"]["type"] in ("string", "integer"), it
        template, limits, _ = next(some(world))
        wrong = {"tileMatrix": ("no-matrix", 0, 0), "tileRow": (limits["tileMatrix"], "x", 0), "tileCol": (limits["tileMatrix"], 0, "x")}
        world.get(filled(template, *wrong[name]), accept=MVT).expect(400, 404)

    return test


for name in ("tileMatrix", "tileRow", "tileCol"):
    core(f"tc-{name.lower()}-definition")(parameter(name))


@core("tc-success")
def _(world):
    drawn = 0
    for template, limits, _ in some(world):
        for row in (limits["minTileRow"], (limits["minTileRow"] + limits["maxTileRow"]) // 2):
            for column in (limits["minTileCol"], (limits["minTileCol"] + limits["maxTileCol"]) // 2):
                answer = world.get(filled(template, limits["tileMatrix"], row, column), accept=MVT).expect(200, 204)
                equal(bool(answer.body), answer.status == 200)
                drawn += answer.status == 200
                assert answer.status == 204 or answer.kind == MVT, answer.kind
    assert drawn


@core("tc-error")
def _(world):
    """404 outside of the grid and of the limits of a matrix, 400 what is no number."""
    for template, limits, _ in some(world):
        for row, column in ((limits["minTileRow"], 2**31), (2**31, limits["minTileCol"])):
            world.get(filled(template, limits["tileMatrix"], row, column), accept=MVT).expect(404)
        world.get(filled(template, limits["tileMatrix"], -1, 0), accept=MVT).expect(400, 404)
        world.get(filled(template, "no-such-matrix", 0, 0), accept=MVT).expect(400, 404)
    world.get("/tiles/NoSuchGrid/0/0/0", accept=MVT).expect(404)
    world.get("/collections/no-such-collection/tiles/WebMercatorQuad/0/0/0", accept=MVT).expect(404)


core("conformance-success")(is_declared("core"))
tileset = tests_of("ogcapi-tiles-1/1.0/conf/tileset")


@tileset("description")
def _(world):
    """Title, type of data, CRS and grid, limits, and links to itself, the grid and the tiles."""
    for _, listed in tilesets(world):
        whole = alone(world, listed)
        equal(whole["dataType"], "vector")
        for member in ("crs", "tileMatrixSetId", "tileMatrixSetURI", "title"):
            equal(whole.get(member), listed.get(member), member)
        link(whole, "self")
        grid = world.get(link(whole, REL + "tiling-scheme")).expect(200).json()
        known = {it["id"]: it for it in grid["tileMatrices"]}
        for it in whole["tileMatrixSetLimits"]:
            matrix = known[it["tileMatrix"]]
            assert 0 <= it["minTileRow"] <= it["maxTileRow"] < matrix["matrixHeight"], it
            assert 0 <= it["minTileCol"] <= it["maxTileCol"] < matrix["matrixWidth"], it
        for it in links(whole, "item"):
            assert it["templated"] is True and all(f"{{{name}}}" in it["href"] for name in ("tileMatrix", "tileRow", "tileCol")), it


tileset("conformance-success")(is_declared("tileset"))
lists = tests_of("ogcapi-tiles-1/1.0/conf/tilesets-list")


@lists("tileset-links")
def _(world):
    for path, listed in tilesets(world):
        assert listed["dataType"] and listed["crs"], path
        for rel in ("self", REL + "tiling-scheme"):
            world.get(link(listed, rel)).expect(200)


lists("conformance-success")(is_declared("tilesets-list"))
dataset = tests_of("ogcapi-tiles-1/1.0/conf/dataset-tilesets")


@dataset("landingpage")
def _(world):
    equal(link(world.landing, REL + "tilesets-vector").split("?")[0], f"{world.url}/tiles")


@dataset("operation")
def _(world):
    assert world.get("/tiles").expect(200).json()["tilesets"]
    world.operation("/tiles")


dataset("conformance-success")(is_declared("dataset-tilesets"))
geodata = tests_of("ogcapi-tiles-1/1.0/conf/geodata-tilesets")


@geodata("desc-links")
def _(world):
    for id, collection in world.collections.items():
        equal(link(collection, REL + "tilesets-vector").split("?")[0], f"{world.url}/collections/{id}/tiles")


@geodata("operation")
def _(world):
    for id in world.collections:
        assert world.get(f"/collections/{id}/tiles").expect(200).json()["tilesets"], id
    world.operation("/collections/{collectionId}/tiles")


geodata("conformance-success")(is_declared("geodata-tilesets"))
selection = tests_of("ogcapi-tiles-1/1.0/conf/collections-selection")


@selection("collections-parameter")
def _(world):
    it = world.parameter(DATASET, "collections")
    equal((it["in"], it.get("required", False), it["schema"]["type"]), ("query", False, "array"))


@selection("collections-response")
def _(world):
    """A tile of the dataset has the layers that are asked for, and no others."""
    # A tile in the middle of the parcels, deep enough for all layers.
    listed = world.get("/collections/parcels/tiles").json()["tilesets"][0]
    limits = alone(world, listed)["tileMatrixSetLimits"][-3]
    row, column = ((limits[f"min{it}"] + limits[f"max{it}"]) // 2 for it in ("TileRow", "TileCol"))
    address = f"/tiles/{listed['tileMatrixSetId']}/{limits['tileMatrix']}/{row}/{column}"
    for asked in (["parcels"], ["parcels", "streets"], ["streets"]):
        answer = world.get(address, {"collections": ",".join(asked)}, accept=MVT).expect(200)
        equal(set(layers(answer.body)), set(asked), address)
    world.get(address, {"collections": "parcels,no-such-collection"}, accept=MVT).expect(400, 404)


mvt = tests_of("ogcapi-tiles-1/1.0/conf/mvt")


def layers(body):
    """Layers of a tile and how many features each has, as GDAL reads them."""
    gdal.UseExceptions()
    path = "/vsimem/abstract.pbf"
    gdal.FileFromMemBuffer(path, body)
    try:
        source = gdal.OpenEx(path, gdal.OF_VECTOR, allowed_drivers=["MVT"])
        return {(it := source.GetLayer(n)).GetName(): it.GetFeatureCount() for n in range(source.GetLayerCount())}
    finally:
        gdal.Unlink(path)


@mvt("content")
def _(world):
    read = 0
    for _, _, address in some(world):
        answer = world.get(address, accept=MVT).expect(200, 204)
        if answer.status == 200:
            equal(answer.kind, MVT)
            assert "content-encoding" not in answer.headers
            read += sum(layers(answer.body).values())
    assert read > 100, read


oas30 = tests_of("ogcapi-tiles-1/1.0/conf/oas30")


@oas30("completeness")
def _(world):
    for path in (DATASET, LAYER, "/tiles", "/tiles/{tileMatrixSetId}", "/collections/{collectionId}/tiles"):
        described = world.operation(path)
        assert {"200", "404"} <= set(described["responses"]) or path == "/tiles", (path, list(described["responses"]))
    for path in (DATASET, LAYER):
        assert MVT in world.operation(path)["responses"]["200"]["content"], path


@oas30("operationids")
def _(world):
    """Each operation has a name of its own."""
    named = [it["operationId"] for path in world.api["paths"].values() for it in path.values()]
    equal(len(named), len(set(named)))

moment = tests_of("ogcapi-tiles-1/1.0/conf/datetime")


@moment("datetime-parameter")
def _(world):
    for path in (DATASET, LAYER):
        for name in ("datetime", "subset"):
            it = world.parameter(path, name)
            equal((it["in"], it.get("required", False)), ("query", False), f"{name} of {path}")


@moment("datetime-response")
def _(world):
    """The same by both names, for instants and intervals; what is none is refused."""
    for _, _, address in list(some(world))[:4]:
        for told, subset in (("2026-03-01", 'datetime("2026-03-01")'), ("2026-03-01/2026-04-01", 'datetime("2026-03-01":"2026-04-01")')):
            one = world.get(address, {"datetime": told}, accept=MVT).expect(200, 204)
            other = world.get(address, {"subset": subset}, accept=MVT).expect(200, 204)
            equal(other.body, one.body, f"{address} {subset}")
        world.get(address, {"datetime": "yesterday"}, accept=MVT).expect(400)
        world.get(address, {"subset": "datetime(yesterday)"}, accept=MVT).expect(400)
