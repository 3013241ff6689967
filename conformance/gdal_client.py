"""Reads every collection of a server with GDAL's driver for OGC API Features, and compares with what the server sends as a file.

usage: gdal_client.py URL       (Debian's python3-gdal)
"""

import json
import sys
import urllib.request

from osgeo import gdal, ogr

gdal.UseExceptions()
gdal.SetConfigOption("GDAL_HTTP_TIMEOUT", "60")


def fetch(url):
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.read()


def opened(url, collection, **options):
    options = [f"{name}={value}" for name, value in options.items()]
    source = gdal.OpenEx(f"OAPIF:{url}/collections/{collection}", gdal.OF_VECTOR, allowed_drivers=["OAPIF"], open_options=options)
    return source, source.GetLayer(0)


def ids(layer):
    return sorted(feature.GetField("id") if layer.FindFieldIndex("id", 1) >= 0 else feature.GetFID() for feature in layer)


def same_values(feature, wanted, names):
    for name in names:
        value, other = feature.GetField(name), wanted["properties"].get(name)
        if isinstance(other, bool):
            other = int(other)
        # Dates are written as 2026/11/27.
        if other and feature.GetFieldType(name) == ogr.OFTDate:
            other = other[:10].replace("-", "/")
        # A text that looks like a time of day is one to GDAL, and has seconds.
        if other and feature.GetFieldType(name) == ogr.OFTTime and other.count(":") == 1:
            other += ":00"
        assert value == other, f"{name} of {wanted['id']}: {value!r} instead of {other!r}"


def main(url):
    listed = gdal.OpenEx(f"OAPIF:{url}", gdal.OF_VECTOR, allowed_drivers=["OAPIF"])
    names = sorted(listed.GetLayer(n).GetName() for n in range(listed.GetLayerCount()))
    known = [it["id"] for it in json.loads(fetch(f"{url}/collections?f=json"))["collections"]]
    assert names == sorted(known), f"{names} instead of {known}"
    total = values = filtered = 0
    for name in names:
        lines = fetch(f"{url}/collections/{name}/items?f=ndjson").splitlines()
        wanted = {it["id"]: it for it in map(json.loads, lines)}
        source, layer = opened(url, name, PAGE_SIZE=max(len(wanted) // 3, 10))
        assert layer.GetFeatureCount() == len(wanted), f"{name}: {layer.GetFeatureCount()} counted instead of {len(wanted)}"
        assert ids(layer) == sorted(wanted), f"{name}: pages and file differ"
        total += len(wanted)
        if not wanted:
            continue
        definition = layer.GetLayerDefn()
        fields = [definition.GetFieldDefn(n).GetName() for n in range(definition.GetFieldCount())]
        fields = [it for it in fields if it not in ("id", "fid")]
        sent = set().union(*(it["properties"] for it in wanted.values()))
        assert set(fields) <= sent and len(fields) > 0, f"{name}: {set(fields) - sent}"
        layer.ResetReading()
        for feature in list(layer)[:200]:
            id = feature.GetField("id") if layer.FindFieldIndex("id", 1) >= 0 else feature.GetFID()
            same_values(feature, wanted[id], fields)
            values += len(fields)
            shape = wanted[id]["geometry"]
            assert (shape is None) == (feature.GetGeometryRef() is None), f"{name}/{id}"
            if shape:
                assert feature.GetGeometryRef().Equals(ogr.CreateGeometryFromJson(json.dumps(shape))), f"{name}/{id}"
        placed = [it for it in wanted.values() if it["geometry"]]
        boxes = [ogr.CreateGeometryFromJson(json.dumps(it["geometry"])).GetEnvelope() for it in placed]
        west, east = min(it[0] for it in boxes), max(it[1] for it in boxes)
        south, north = min(it[2] for it in boxes), max(it[3] for it in boxes)
        # A little wider than coordinates are rounded.
        area = west - 1e-6, south - 1e-6, (west + east) / 2, (south + north) / 2
        layer.SetSpatialFilterRect(*area)
        ring = ogr.CreateGeometryFromWkt("POLYGON(({0} {1},{2} {1},{2} {3},{0} {3},{0} {1}))".format(*area))
        inside = [it["id"] for it in placed if ogr.CreateGeometryFromJson(json.dumps(it["geometry"])).Intersects(ring)]
        assert ids(layer) == sorted(inside), f"{name}: a box"
        layer.SetSpatialFilter(None)
        text = next((it for it in fields if any(isinstance(one["properties"].get(it), str) for one in wanted.values())), None)
        if text:
            value = next(one["properties"][text] for one in wanted.values() if isinstance(one["properties"].get(text), str))
            layer.SetAttributeFilter("{} = '{}'".format(text, value.replace("'", "''")))
            chosen = sorted(id for id, it in wanted.items() if it["properties"].get(text) == value)
            assert ids(layer) == chosen and chosen, f"{name}: {text} = {value}"
            filtered += len(chosen)
        del layer, source
    print(f"GDAL OAPIF: {len(names)} collections, {total} features by pages and boxes, {filtered} by values, {values} values compared")


if __name__ == "__main__":
    main(sys.argv[1].rstrip("/"))
