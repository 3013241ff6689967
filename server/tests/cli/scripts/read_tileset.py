"""Reads all tiles of a tileset of a running server and compares them with the store.

usage: read_tileset.py URL STORE LAYER GRID CODE ZOOM

Finds the tileset by the links of OGC API Tiles alone, from the landing page on, and asks by GDAL for every tile of one matrix inside
the limits that the tileset tells. Each feature must lie where that of the store does in the CRS of the grid (EPSG:CODE), and no
feature of the store may be missing that is larger than two pixels. ZOOM is the place of the matrix in the limits. Prints a JSON object
of what was compared; ends with an error at the first difference.
"""

import json
import os
import sys
import tempfile
import urllib.request

from osgeo import gdal, ogr, osr

gdal.UseExceptions()
EXTENT = 4096
REL = "http://www.opengis.net/def/rel/ogc/1.0/"


def fetch(url):
    return json.load(urllib.request.urlopen(url))


def follow(document, rel):
    found = [link["href"] for link in document["links"] if link["rel"] == rel]
    assert len(found) == 1, (rel, document["links"])
    return found[0]


def shapes(body, folder):
    """The features of a tile by GDAL's driver, in tile units, y downwards."""
    path = os.path.join(folder, "tile.mvt")
    with open(path, "wb") as saved:
        saved.write(body)
    dataset = gdal.OpenEx(f"MVT:{path}", gdal.OF_VECTOR, open_options=["CLIP=NO"])
    for index in range(dataset.GetLayerCount()):
        for feature in dataset.GetLayer(index):
            yield feature


def placed(geometry, west, north, unit):
    """From tile units, which GDAL counts upwards without a place on earth, to the CRS of the grid."""
    for index in range(geometry.GetGeometryCount()):
        placed(geometry.GetGeometryRef(index), west, north, unit)
    if geometry.GetGeometryCount() == 0:
        for index in range(geometry.GetPointCount()):
            x, y = geometry.GetX(index), geometry.GetY(index)
            geometry.SetPoint_2D(index, west + x * unit, north - (EXTENT - y) * unit)
    return geometry


def main(url, store, layer, grid, code, zoom):
    landing = fetch(f"{url}/?f=json")
    collections = fetch(follow(landing, "data"))["collections"]
    (collection,) = [it for it in collections if it["id"] == layer]
    tilesets = fetch(follow(collection, REL + "tilesets-vector"))["tilesets"]
    (listed,) = [it for it in tilesets if follow(it, REL + "tiling-scheme").endswith(grid)]
    tileset, scheme = fetch(follow(listed, "self")), fetch(follow(listed, REL + "tiling-scheme"))
    limits = tileset["tileMatrixSetLimits"][zoom]
    (matrix,) = [it for it in scheme["tileMatrices"] if it["id"] == limits["tileMatrix"]]
    crs = osr.SpatialReference()
    crs.ImportFromEPSG(code)
    origin = matrix["pointOfOrigin"]
    if scheme["crs"].startswith("http://www.opengis.net/def/crs/EPSG") and crs.EPSGTreatsAsNorthingEasting():
        origin = origin[::-1]
    crs.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    opened = ogr.Open(store)
    table = opened.GetLayerByName(layer.replace("-", "_"))
    table.GetSpatialRef().SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    way = osr.CoordinateTransformation(table.GetSpatialRef(), crs)
    stored = {}
    for feature in table:
        geometry = feature.GetGeometryRef().Clone()
        geometry.Transform(way)
        stored[feature.GetFID()] = (feature.ExportToJson(as_object=True)["properties"], geometry)
    side = matrix["cellSize"] * matrix["tileWidth"]
    unit = side / EXTENT
    known = set(tileset["layers"][0]["propertiesSchema"]["properties"])
    told = {"tiles": 0, "empty": 0, "features": 0, "values": 0, "missing": 0, "matrix": matrix["id"]}
    seen = set()
    template = follow(tileset, "item")
    with tempfile.TemporaryDirectory() as folder:
        for row in range(limits["minTileRow"], limits["maxTileRow"] + 1):
            for column in range(limits["minTileCol"], limits["maxTileCol"] + 1):
                address = template
                for name, value in (("tileMatrix", matrix["id"]), ("tileRow", row), ("tileCol", column)):
                    address = address.replace(f"{{{name}}}", str(value))
                with urllib.request.urlopen(address) as answer:
                    body, kind = answer.read(), answer.headers["content-type"]
                told["tiles"] += 1
                if not body:
                    told["empty"] += 1
                    continue
                assert kind == "application/vnd.mapbox-vector-tile", kind
                west, north = origin[0] + column * side, origin[1] - row * side
                for feature in shapes(body, folder):
                    fid = feature.GetField("mvt_id")
                    properties, geometry = stored[fid]
                    seen.add(fid)
                    drawn = placed(feature.GetGeometryRef().Clone(), west, north, unit)
                    away = drawn.Difference(geometry.Buffer(4 * unit))
                    assert away.IsEmpty() or away.Area() < 64 * unit * unit, (address, fid, away.ExportToWkt())
                    for index in range(feature.GetFieldCount()):
                        name = feature.GetFieldDefnRef(index).GetName()
                        if name != "mvt_id" and feature.IsFieldSetAndNotNull(index):
                            assert name in known, name
                            assert str(feature.GetField(index)) == str(properties[name]), (fid, name)
                            told["values"] += 1
                    told["features"] += 1
    for fid, (_, geometry) in stored.items():
        if fid not in seen:
            extent = geometry.GetEnvelope()
            assert max(extent[1] - extent[0], extent[3] - extent[2]) < 16 * unit, f"feature {fid} is in no tile"
            told["missing"] += 1
    # Beyond the limits there is no tile.
    beyond = template.replace("{tileMatrix}", matrix["id"]).replace("{tileRow}", str(limits["maxTileRow"] + 1))
    try:
        urllib.request.urlopen(beyond.replace("{tileCol}", str(limits["minTileCol"])))
        raise AssertionError(f"{beyond} is there")
    except urllib.error.HTTPError as error:
        assert error.code == 404, error
    print(json.dumps(told))


main(*sys.argv[1:5], int(sys.argv[5]), int(sys.argv[6]))
