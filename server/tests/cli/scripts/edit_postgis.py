"""An editing session of QGIS on layers in PostGIS, step by step.

usage: edit_postgis.py HOST PORT DATABASE USER

Prints a JSON line after each step: what it did, and the changes that it is to have made as [layer, operation, id]. Waits
for a line on standard input before the next.
"""

import json
import os
import sys

os.environ["QT_QPA_PLATFORM"] = "offscreen"

from qgis.core import (
    QgsApplication, QgsDataSourceUri, QgsFeatureRequest, QgsGeometry, QgsPointXY, QgsProject, QgsVectorLayer,
    QgsVectorLayerUtils,
)

application = QgsApplication([], False)
application.initQgis()
host, port, database, user = sys.argv[1:]


def open_layer(table):
    uri = QgsDataSourceUri()
    uri.setConnection(host, port, database, user, "")
    uri.setDataSource("city", table, "geom", "", "fid")
    layer = QgsVectorLayer(uri.uri(False), table, "postgres")
    assert layer.isValid() and layer.crs().authid() == "EPSG:7795", layer.error().message()
    return layer


def feature(layer, fid):
    return next(layer.getFeatures(QgsFeatureRequest().setFilterExpression(f'"fid" = {fid}')))


def rename(layer, fid, name):
    assert layer.changeAttributeValue(feature(layer, fid).id(), layer.fields().indexOf("name"), name)


def save(layer):
    assert layer.commitChanges(), layer.commitErrors()


def step(name, *changes):
    print(json.dumps({"step": name, "changes": changes}), flush=True)
    sys.stdin.readline()


fountains = open_layer("fountains")
first, second, third = sorted(found["fid"] for found in fountains.getFeatures())[:3]

fountains.startEditing()
place = feature(fountains, first).geometry().asPoint()
new = QgsVectorLayerUtils.createFeature(fountains, QgsGeometry.fromPointXY(QgsPointXY(place.x() + 30, place.y() + 40)))
new["code"], new["name"], new["status"] = "by-qgis", "Fontana di QGIS", "active"
assert fountains.addFeature(new)
save(fountains)
added = next(found["fid"] for found in fountains.getFeatures() if found["code"] == "by-qgis")
step("a feature is added", ["fountains", "insert", added])

fountains.startEditing()
assert fountains.changeGeometry(feature(fountains, first).id(), QgsGeometry.fromPointXY(QgsPointXY(place.x() - 5, place.y())))
save(fountains)
step("a feature is moved", ["fountains", "update", first])

fountains.startEditing()
rename(fountains, second, "Fontana rinominata")
save(fountains)
step("a value is changed", ["fountains", "update", second])

fountains.startEditing()
rename(fountains, second, "Fontana rinominata ancora")
rename(fountains, first, "annullata")
fountains.undoStack().undo()
save(fountains)
step("one of two changes is undone", ["fountains", "update", second])

fountains.startEditing()
rename(fountains, first, "annullata")
assert fountains.rollBack()
step("a session is thrown away")

fountains.startEditing()
assert fountains.deleteFeature(feature(fountains, third).id())
save(fountains)
step("a feature is deleted", ["fountains", "delete", third])

# The layers of a group are edited in one transaction of the database.
project = QgsProject.instance()
project.setAutoTransaction(True)
together, schools = open_layer("fountains"), open_layer("schools")
project.addMapLayers([together, schools])
school = min(found["fid"] for found in schools.getFeatures())
assert together.startEditing() and schools.isEditable()
rename(together, first, "in gruppo")
rename(schools, school, "Scuola in gruppo")
step("two layers are edited in a transaction that is still open")
save(together)
step("the transaction is committed", ["fountains", "update", first], ["schools", "update", school])
assert together.startEditing()
rename(schools, school, "annullata")
assert together.rollBack()
step("another one is rolled back")
