"""Draws a layer of a running server in QGIS, without a screen.

usage: draw_tiles.py URL LAYER LON LAT

LON and LAT are a place in the layer. Prints a JSON object: whether QGIS takes the layer, what it makes of its extent and
its style, and how many pixels of 256 by 256 are drawn there, with how many colours, and in the sea far from it.
"""

import json
import os
import sys

os.environ["QT_QPA_PLATFORM"] = "offscreen"

from qgis.core import (QgsApplication, QgsCoordinateReferenceSystem, QgsCoordinateTransform, QgsMapRendererSequentialJob,
                       QgsMapSettings, QgsPointXY, QgsProject, QgsRectangle, QgsVectorTileLayer)
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtGui import QColor

application = QgsApplication([], False)
application.initQgis()
url, name, lon, lat = sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4])
source = f"type=xyz&url={url}/tiles/{name}/%7Bz%7D/%7Bx%7D/%7By%7D&zmin=13&zmax=18&styleUrl={url}/styles/{name}.json"
layer = QgsVectorTileLayer(source, name)
error, styled = layer.loadDefaultStyle() if layer.isValid() else ("not valid", False)
mercator = QgsCoordinateReferenceSystem("EPSG:3857")
degrees = QgsCoordinateReferenceSystem("EPSG:4326")
transform = QgsCoordinateTransform(degrees, mercator, QgsProject.instance())


def draw(lon, lat):
    middle = transform.transform(QgsPointXY(lon, lat))
    settings = QgsMapSettings()
    settings.setLayers([layer])
    settings.setDestinationCrs(mercator)
    settings.setOutputSize(QSize(256, 256))
    settings.setBackgroundColor(QColor(255, 255, 255))
    settings.setExtent(QgsRectangle(middle.x() - 300, middle.y() - 300, middle.x() + 300, middle.y() + 300))
    job = QgsMapRendererSequentialJob(settings)
    job.start()
    job.waitForFinished()
    image = job.renderedImage()
    colours = [image.pixel(x, y) for x in range(256) for y in range(256)]
    drawn = [colour for colour in colours if colour != QColor(255, 255, 255).rgb()]
    return {"drawn": len(drawn), "colours": len(set(drawn)), "errors": [error.message for error in job.errors()]}


print(json.dumps({
    "valid": layer.isValid(),
    "zooms": [layer.sourceMinZoom(), layer.sourceMaxZoom()],
    "styled": styled,
    "error": error,
    "here": draw(lon, lat),
    "far": draw(lon, lat - 3),
}))
