"""Reads a server with QGIS, as its users do: layers of OGC API Features with filter, box and pages, and a map of vector tiles.

usage: qgis_client.py URL PICTURE       (Debian's python3-qgis, without a screen)

PICTURE is where the map is drawn to, as PNG.
"""

import json
import os
import sys
import urllib.request

os.environ["QT_QPA_PLATFORM"] = "offscreen"

from qgis.core import (  # noqa: E402
    QgsApplication,
    QgsCoordinateReferenceSystem,
    QgsCoordinateTransform,
    QgsFeatureRequest,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsPointXY,
    QgsProject,
    QgsRectangle,
    QgsVectorLayer,
    QgsVectorTileLayer,
)
from qgis.PyQt.QtCore import QSize  # noqa: E402
from qgis.PyQt.QtGui import QColor  # noqa: E402

SIDE = 512


def fetch(url):
    with urllib.request.urlopen(url, timeout=60) as answer:
        return answer.read()


def layer_of(url, name, **more):
    parts = {"url": url, "typename": name, "pageSize": "100", "srsname": "OGC:CRS84", **more}
    layer = QgsVectorLayer(" ".join(f"{key}='{value}'" for key, value in parts.items()), name, "OAPIF")
    assert layer.isValid(), f"{name}: {layer.error().summary()}"
    return layer


def codes(features, key):
    return sorted(str(it.attribute(key)) for it in features)


def read(url, collection):
    """All features of a layer, those of a filter and those of a box; how many."""
    name = collection["id"]
    wanted = [json.loads(line) for line in fetch(f"{url}/collections/{name}/items?f=ndjson").splitlines()]
    layer = layer_of(url, name)
    if not wanted:
        return 0
    fields = [it.name() for it in layer.fields()]
    key = next(it["name"] for it in collection["fields"] if it["name"] in fields)
    found = list(layer.getFeatures())
    assert len(found) == len(wanted), f"{name}: {len(found)} of {len(wanted)}"
    assert codes(found, key) == sorted(str(it["properties"][key]) if it["properties"][key] is not None else "NULL" for it in wanted), name
    placed = [it for it in found if it.hasGeometry() and not it.geometry().isNull()]
    assert len(placed) == len([it for it in wanted if it["geometry"]]), name
    # A filter of the layer, and one of a request.
    value = next((it["properties"][key] for it in wanted if isinstance(it["properties"][key], str)), None)
    if value:
        quoted = value.replace("'", "''")
        chosen = len([it for it in wanted if it["properties"][key] == value])
        asked = QgsFeatureRequest().setFilterExpression(f"\"{key}\" = '{quoted}'")
        assert len(list(layer.getFeatures(asked))) == chosen, f"{name}: {key} = {value}"
        assert layer.setSubsetString(f"\"{key}\" = '{quoted}'"), name
        assert len(list(layer.getFeatures())) == chosen, f"{name}: the layer's filter {key} = {value}"
        layer.setSubsetString("")
    # What lies in a box, asked for by it.
    extent = layer.extent()
    middle = QgsRectangle(extent.xMinimum(), extent.yMinimum(), extent.center().x(), extent.center().y())
    asked = QgsFeatureRequest().setFilterRect(middle).setFlags(QgsFeatureRequest.ExactIntersect)
    inside = len([it for it in placed if it.geometry().intersects(middle)])
    for few in (layer, layer_of(url, name, restrictToRequestBBOX="1")):
        assert len(list(few.getFeatures(asked))) == inside, f"{name}: {inside} in a box"
    return len(found)


def draw(url, picture):
    """The map of the server's own style, drawn by QGIS; how many colours are on it."""
    about = json.loads(fetch(f"{url}/tiles/parcels.json"))
    source = f"type=xyz&url={url}/tiles/parcels/%7Bz%7D/%7Bx%7D/%7By%7D&zmin=13&zmax=18&styleUrl={url}/styles/parcels.json"
    layer = QgsVectorTileLayer(source, "parcels")
    error, styled = layer.loadDefaultStyle()
    assert layer.isValid() and styled, error
    settings = QgsMapSettings()
    settings.setLayers([layer])
    settings.setDestinationCrs(QgsCoordinateReferenceSystem("EPSG:3857"))
    settings.setOutputSize(QSize(SIDE, SIDE))
    settings.setBackgroundColor(QColor(255, 255, 255))
    way = QgsCoordinateTransform(QgsCoordinateReferenceSystem("OGC:CRS84"), settings.destinationCrs(), QgsProject.instance())
    middle = way.transform(QgsPointXY(*about["center"][:2]))
    settings.setExtent(QgsRectangle(middle.x() - 400, middle.y() - 400, middle.x() + 400, middle.y() + 400))
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    assert not job.errors(), [it.message for it in job.errors()]
    image = job.renderedImage()
    image.save(picture)
    pixels = [image.pixel(x, y) for x in range(SIDE) for y in range(SIDE)]
    drawn = len([it for it in pixels if it != QColor(255, 255, 255).rgb()])
    assert drawn > SIDE * SIDE // 4, f"{drawn} pixels are drawn"
    return len(set(pixels)), drawn


def main(url, picture):
    application = QgsApplication([], False)
    application.initQgis()
    try:
        collections = json.loads(fetch(f"{url}/collections?f=json"))["collections"]
        total = sum(read(url, it) for it in collections)
        colours, drawn = draw(url, picture)
        print(f"QGIS: {len(collections)} layers, {total} features by pages, filters and boxes; vector tiles: {drawn} of {SIDE * SIDE} pixels in {colours} colours")
    finally:
        application.exitQgis()


if __name__ == "__main__":
    main(sys.argv[1].rstrip("/"), sys.argv[2])
