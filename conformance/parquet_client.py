"""Reads every collection of a server as GeoParquet with GeoPandas, and compares it with what the server sends as GeoJSON.

usage: parquet_client.py URL
"""

import io
import json
import sys
import urllib.request

import geopandas
import shapely.geometry

CRS = "http://www.opengis.net/def/crs/EPSG/0/7792"


def fetch(url):
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.read()


def same(value, other):
    if other is None:
        # Missing numbers and times are told as NaN and NaT.
        return value is None or value != value
    return str(value)[: len(other)] == other if hasattr(value, "isoformat") else value == other


def main(url):
    collections = [it["id"] for it in json.loads(fetch(f"{url}/collections?f=json"))["collections"]]
    rows = values = 0
    for name in collections:
        lines = fetch(f"{url}/collections/{name}/items?f=ndjson").splitlines()
        wanted = {it["id"]: it for it in map(json.loads, lines)}
        frame = geopandas.read_parquet(io.BytesIO(fetch(f"{url}/collections/{name}/items?f=parquet")))
        assert frame.crs.to_authority() == ("OGC", "CRS84"), frame.crs
        assert sorted(frame["id"]) == sorted(wanted), name
        rows += len(frame)
        fields = [it for it in frame.columns if it not in ("id", frame.geometry.name, "bbox")]
        for row in frame.to_dict("records"):
            feature = wanted[row["id"]]
            for field in fields:
                assert same(row[field], feature["properties"].get(field)), f"{name}/{row['id']} {field}: {row[field]!r}"
                values += 1
            shape = row[frame.geometry.name]
            if feature["geometry"] is None:
                assert shape is None, f"{name}/{row['id']}"
            else:
                # GeoJSON is rounded to eight decimals.
                assert shape.equals_exact(shapely.geometry.shape(feature["geometry"]), 1.1e-8), f"{name}/{row['id']}"
        moved = geopandas.read_parquet(io.BytesIO(fetch(f"{url}/collections/{name}/items?f=parquet&crs={CRS}")))
        assert moved.crs.to_epsg() == 7792, moved.crs
        apart = moved.geometry.distance(frame.geometry.to_crs(moved.crs)).max() if len(frame) else 0
        assert not apart > 0.02, f"{name}: {apart} m apart"
    print(f"GeoPandas: {len(collections)} collections as GeoParquet, {rows} features in two CRSs, {values} values compared")


if __name__ == "__main__":
    main(sys.argv[1].rstrip("/"))
