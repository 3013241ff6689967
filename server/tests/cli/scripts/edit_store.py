"""An edit session in QGIS on the layer of parcels in a store: a value, a vertex, a new feature, a deleted one.

usage: edit_store.py STORE

Prints a JSON line as soon as the session is saved: ids, and for each feature a place where it can be asked for.
"""

import json
import os
import sys

os.environ["QT_QPA_PLATFORM"] = "offscreen"

from qgis.core import QgsApplication, QgsFeature, QgsGeometry, QgsPointXY, QgsVectorLayer

application = QgsApplication([], False)
application.initQgis()
layer = QgsVectorLayer(f"{sys.argv[1]}|layername=parcels", "parcels", "ogr")
assert layer.isValid() and layer.crs().authid() == "EPSG:7795", layer.crs().authid()
renamed, moved, deleted = sorted(layer.allFeatureIds())[10:40:10]


def place(fid):
    point = layer.getFeature(fid).geometry().pointOnSurface().asPoint()
    return [point.x(), point.y()]


extent = layer.extent()
said = {"renamed": [renamed, place(renamed)], "deleted": [deleted, place(deleted)]}
assert layer.startEditing()
assert layer.changeAttributeValue(renamed, layer.fields().indexOf("label"), "by QGIS")
# A corner is pulled far out of the city: the place is in the middle of what the parcel gains.
ring = layer.getFeature(moved).geometry().asMultiPolygon()[0][0]
corner = QgsPointXY(ring[1].x(), extent.yMaximum() + 3000)
assert layer.moveVertex(corner.x(), corner.y(), moved, 1)
said["moved"] = [moved, [(ring[0].x() + ring[2].x() + 4 * corner.x()) / 6, (ring[0].y() + ring[2].y() + 4 * corner.y()) / 6]]
west, south = extent.xMinimum() - 500, extent.yMinimum() - 500
new = QgsFeature(layer.fields())
new.setGeometry(QgsGeometry.fromWkt(
    f"MultiPolygon((({west} {south}, {west + 60} {south}, {west + 60} {south + 60}, {west} {south + 60}, {west} {south})))"))
new["national_ref"], new["label"] = "by-qgis", "new"
assert layer.addFeature(new)
assert layer.deleteFeature(deleted)
assert layer.commitChanges(), layer.commitErrors()
added = next(feature.id() for feature in layer.getFeatures() if feature["national_ref"] == "by-qgis")
said["added"] = [added, [west + 20, south + 20]]
print(json.dumps(said), flush=True)
