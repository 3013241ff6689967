"""Two Dimensional Tile Matrix Set and Tile Set Metadata 2.0 (17-083r4, annex A)."""

import math

from .crs import URI
from .suite import equal, tests_of
from .tiles import alone, tilesets
from .world import link

# Metres to a pixel of 0.28 mm (6.1.1 and annex D).
PIXEL = 0.00028
METRES = {"http://www.opengis.net/def/crs/OGC/1.3/CRS84": 6378137 * math.pi / 180}


def grids(world):
    for it in world.get("/tileMatrixSets").expect(200).json()["tileMatrixSets"]:
        answer = world.get(f"/tileMatrixSets/{it['id']}").expect(200)
        yield it, answer, answer.json()


def near(one, other, part=1e-9):
    return abs(one - other) <= part * max(abs(one), abs(other))


grid = tests_of("tms/2.0/conf/tilematrixset")


@grid("model")
def _(world):
    for listed, _, it in grids(world):
        equal(it["id"], listed["id"])
        assert it["crs"] and it["tileMatrices"], it["id"]
        ids = [matrix["id"] for matrix in it["tileMatrices"]]
        equal(len(ids), len(set(ids)))
        for matrix in it["tileMatrices"]:
            assert matrix["cellSize"] > 0 and matrix["scaleDenominator"] > 0
            for member in ("tileWidth", "tileHeight", "matrixWidth", "matrixHeight"):
                assert isinstance(matrix[member], int) and matrix[member] > 0, (it["id"], member)
            equal(len(matrix["pointOfOrigin"]), 2)
            scale = matrix["cellSize"] * METRES.get(it["crs"], 1) / PIXEL
            assert near(scale, matrix["scaleDenominator"], 1e-6), (it["id"], matrix["id"], scale)
        sizes = [matrix["cellSize"] for matrix in it["tileMatrices"]]
        equal(sizes, sorted(sizes, reverse=True), it["id"])


def document(name, gather):
    """The tests of an encoding as JSON: is it JSON, of its media type, by the model, by the schema?"""
    tests = tests_of(f"tms/2.0/conf/json-{name}")

    @tests("ietf")
    def _(world):
        for it in gather(world):
            assert isinstance(it[1], (dict, list))

    return tests


@(grid_json := document("tilematrixset", lambda world: [(it, body) for it, _, body in grids(world)]))("media-type")
def _(world):
    for _, answer, _ in grids(world):
        equal(answer.kind, "application/json")


@grid_json("model")
def _(world):
    grid.of("model")(world)


@grid_json("schema")
def _(world):
    """Members and their types, as the schema of the standard has them."""
    for _, _, it in grids(world):
        for name, kind in {"id": str, "title": str, "uri": str, "crs": str, "orderedAxes": list, "tileMatrices": list}.items():
            assert name not in it or isinstance(it[name], kind), f"{name} of {it['id']}"
        assert URI.fullmatch(it["crs"]), it["crs"]
        for matrix in it["tileMatrices"]:
            assert isinstance(matrix["id"], str)
            assert matrix.get("cornerOfOrigin", "topLeft") in ("topLeft", "bottomLeft")
            assert all(isinstance(value, (int, float)) for value in matrix["pointOfOrigin"])


limits = tests_of("tms/2.0/conf/tilematrixsetlimits")


def limited(world):
    for _, listed in tilesets(world):
        yield listed, alone(world, listed)["tileMatrixSetLimits"]


@limits("model")
def _(world):
    for listed, it in limited(world):
        grid = world.get(f"/tileMatrixSets/{listed['tileMatrixSetId']}").expect(200).json()
        matrices = {matrix["id"]: matrix for matrix in grid["tileMatrices"]}
        named = [one["tileMatrix"] for one in it]
        equal(len(named), len(set(named)))
        for one in it:
            matrix = matrices[one["tileMatrix"]]
            assert 0 <= one["minTileRow"] <= one["maxTileRow"] < matrix["matrixHeight"], one
            assert 0 <= one["minTileCol"] <= one["maxTileCol"] < matrix["matrixWidth"], one


@(limits_json := document("tilematrixsetlimits", limited))("model")
def _(world):
    limits.of("model")(world)


@limits_json("schema")
def _(world):
    wanted = {"tileMatrix": str, "minTileRow": int, "maxTileRow": int, "minTileCol": int, "maxTileCol": int}
    for _, it in limited(world):
        for one in it:
            equal({name: type(value) for name, value in one.items()}, wanted)


metadata = tests_of("tms/2.0/conf/tilesetmetadata")


@metadata("identifier")
def _(world):
    """A tileset names its grid: by its address, and by that of the register where it is in one."""
    for _, listed in tilesets(world):
        it = alone(world, listed)
        found = world.get(link(it, "http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme")).expect(200).json()
        equal(found["id"], it["tileMatrixSetId"])
        if "tileMatrixSetURI" in it:
            equal(it["tileMatrixSetURI"], found.get("uri", f"{world.url}/tileMatrixSets/{found['id']}"))


@metadata("model")
def _(world):
    for path, listed in tilesets(world):
        it = alone(world, listed)
        equal(it["dataType"], "vector")
        found = world.get(f"/tileMatrixSets/{it['tileMatrixSetId']}").json()
        equal(it["crs"], found["crs"])
        layers = [layer["id"] for layer in it["layers"]]
        assert layers == [path.split("/")[2]] if path != "/tiles" else set(layers) <= set(world.collections), layers
        for layer in it["layers"]:
            equal((layer["dataType"], layer["propertiesSchema"]["type"]), ("vector", "object"))


@(metadata_json := document("tilesetmetadata", lambda world: [(it, alone(world, it)) for _, it in tilesets(world)]))("media-type")
def _(world):
    for _, listed in tilesets(world):
        equal(world.get(link(listed, "self")).kind, "application/json")


@metadata_json("model")
def _(world):
    metadata.of("model")(world)


@metadata_json("schema")
def _(world):
    wanted = {"title": str, "dataType": str, "crs": str, "tileMatrixSetURI": str, "links": list, "layers": list}
    for _, listed in tilesets(world):
        it = alone(world, listed)
        for name, kind in wanted.items():
            assert name not in it or isinstance(it[name], kind), name
        for one in it["links"]:
            assert one["href"] and one["rel"], one
        if "boundingBox" not in it:
            # Of a layer without features.
            continue
        box = it["boundingBox"]
        assert all(low <= high for low, high in zip(box["lowerLeft"], box["upperRight"])), box
        west, south, east, north = (*box["lowerLeft"], *box["upperRight"])
        x, y = it["centerPoint"]["coordinates"]
        assert west <= x <= east and south <= y <= north, it["centerPoint"]
