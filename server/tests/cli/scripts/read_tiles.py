"""Reads tiles of a running server by GDAL and compares them with the store, read by GDAL too.

usage: read_tiles.py URL STORE LAYER Z...

For each zoom some tiles around features of the layer are read. A vertex of the one must lie within a grid unit of the outline of the other.
Prints a JSON object of what was compared; ends with an error at the first difference.
"""

import json
import os
import sys
import tempfile
import urllib.request

from osgeo import gdal, ogr, osr

gdal.UseExceptions()
EXTENT = 4096
# Grid units.
PIXEL = 8
HALF = 20037508.342789244


def fetch(url, folder):
    """Fetches by GDAL's own client and saves under a name that its driver of vector tiles takes."""
    file = gdal.VSIFOpenL(f"/vsicurl/{url}", "rb")
    body = gdal.VSIFReadL(1, 10_000_000, file)
    gdal.VSIFCloseL(file)
    path = os.path.join(folder, "tile.mvt")
    with open(path, "wb") as saved:
        saved.write(body)
    return path


def drawn(z, x, y, source):
    dataset = gdal.OpenEx(f"MVT:{source}", gdal.OF_VECTOR, open_options=[f"X={x}", f"Y={y}", f"Z={z}", "CLIP=NO"])
    assert dataset.GetDriver().ShortName == "MVT"
    return dataset


def outline(geometry):
    return geometry if geometry.GetDimension() < 2 else geometry.Boundary()


def vertices(geometry):
    if geometry.GetGeometryCount():
        for part in range(geometry.GetGeometryCount()):
            yield from vertices(geometry.GetGeometryRef(part))
    else:
        yield from ((point[0], point[1]) for point in geometry.GetPoints())


def near(of, to, unit, box):
    """The largest distance of a vertex inside the box from the outline of the other geometry, in grid units."""
    line, worst, count = outline(to), 0.0, 0
    for x, y in vertices(of):
        if box[0] < x < box[2] and box[1] < y < box[3]:
            point = ogr.Geometry(ogr.wkbPoint)
            point.AddPoint_2D(x, y)
            worst, count = max(worst, point.Distance(line) / unit), count + 1
    return worst, count


def main(url, store, layer, zooms):
    mercator = osr.SpatialReference()
    mercator.ImportFromEPSG(3857)
    tilejson = json.load(urllib.request.urlopen(f"{url}/tiles/{layer}.json"))
    fields = sorted(tilejson["vector_layers"][0]["fields"])
    # A layer is good for as long as something holds its data set.
    opened = ogr.Open(store)
    table = opened.GetLayerByName(layer.replace("-", "_"))
    there = table.GetSpatialRef()
    for reference in (mercator, there):
        reference.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    transformation = osr.CoordinateTransformation(there, mercator)
    stored = {}
    for feature in table:
        geometry = feature.GetGeometryRef().Clone()
        geometry.Transform(transformation)
        stored[feature.GetFID()] = ({field: feature.GetField(field) for field in fields}, geometry)
    told = {"features": 0, "vertices": 0, "tiles": 0, "values": 0, "worst": 0.0}
    middles = [geometry.Centroid() for _, geometry in list(stored.values())[:: max(1, len(stored) // 5)]]
    for z in zooms:
        size = 2 * HALF / (1 << z)
        unit = size / EXTENT
        tolerance = 1 if z == tilejson["maxzoom"] else 3
        for x, y in sorted({(int((m.GetX() + HALF) / size), int((HALF - m.GetY()) / size)) for m in middles}):
            west, north = x * size - HALF, HALF - y * size
            path = f"{url}/tiles/{layer}/{z}/{x}/{y}"
            with tempfile.TemporaryDirectory() as folder:
                dataset = drawn(z, x, y, fetch(path, folder))
                assert dataset.GetLayerCount() == 1 and dataset.GetLayer(0).GetName() == layer
                found = compare(dataset.GetLayer(0), stored, fields, unit, (west, north - size, west + size, north), tolerance, told)
            for fid, (_, geometry) in stored.items():
                box = ogr.CreateGeometryFromWkt(
                    f"POLYGON(({west} {north}, {west + size} {north}, {west + size} {north - size}, {west} {north - size}, {west} {north}))")
                if fid not in found and geometry.Intersects(box):
                    inside, extent = geometry.Intersection(box), geometry.GetEnvelope()
                    # What is shorter than a pixel, or touches the tile with less than one, may be left out.
                    tiny = max(extent[1] - extent[0], extent[3] - extent[2]) < PIXEL * unit
                    length = inside.Area() / (PIXEL * unit) if inside.GetDimension() == 2 else inside.Length()
                    assert tiny or length < PIXEL * unit, f"{z}/{x}/{y} lacks feature {fid}"
            told["tiles"] += 1
    print(json.dumps(told))


def compare(tile, stored, fields, unit, box, tolerance, told):
    found = set()
    for feature in tile:
        fid = feature.GetField("mvt_id")
        properties, geometry = stored[fid]
        assert fid not in found, f"feature {fid} twice"
        found.add(fid)
        for field in fields:
            index = feature.GetFieldIndex(field)
            value = feature.GetField(field) if index >= 0 else None
            assert value == properties[field], (fid, field, value, properties[field])
            told["values"] += 1
        shape = feature.GetGeometryRef()
        inside = (box[0] + 2 * unit, box[1] + 2 * unit, box[2] - 2 * unit, box[3] - 2 * unit)
        for of, to in ((shape, geometry), (geometry, shape)):
            worst, count = near(of, to, unit, inside)
            assert worst <= tolerance, f"feature {fid}: {worst} grid units"
            told["worst"], told["vertices"] = max(told["worst"], worst), told["vertices"] + count
        told["features"] += 1
    return found


main(sys.argv[1], sys.argv[2], sys.argv[3], [int(zoom) for zoom in sys.argv[4:]])
