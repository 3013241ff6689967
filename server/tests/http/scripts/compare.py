"""Compares a downloaded file, as GDAL reads it, with GeoJSON of the same features.

Arguments: the file, the GeoJSON, and as JSON: `ids` (the field of ids, or null where it is the FID), `turned` (whether the
GeoJSON has north before east), `within` (how far coordinates may differ), `names` (of fields, where they are not those of
the GeoJSON), `unsorted` (whether the format has an order of its own), `blank` (whether no value and an empty text are the
same), `cut` (bytes of the longest text).
Prints as JSON what GDAL found, and every difference.
"""

import json
import sys

from osgeo import gdal, ogr

gdal.UseExceptions()
path, expected, options = sys.argv[1], json.load(open(sys.argv[2])), json.loads(sys.argv[3])
source = ogr.Open(f"/vsizip/{path}" if path.endswith(".zip") else path)
layers = [source.GetLayer(at) for at in range(source.GetLayerCount())]
differences = []


def kind(field):
    if field.GetSubType() == ogr.OFSTBoolean:
        return "boolean"
    return {
        ogr.OFTString: "text", ogr.OFTInteger: "integer", ogr.OFTInteger64: "integer", ogr.OFTReal: "real",
        ogr.OFTDate: "date", ogr.OFTDateTime: "datetime",
    }.get(field.GetType(), str(field.GetType()))


def kinds_of(layer):
    definition = layer.GetLayerDefn()
    fields = [definition.GetFieldDefn(at) for at in range(definition.GetFieldCount())]
    return {field.GetName(): kind(field) for field in fields}


def value(feature, name):
    at = feature.GetFieldIndex(name)
    if not feature.IsFieldSetAndNotNull(at):
        return None
    of = kinds[name]
    if of == "boolean":
        return feature.GetFieldAsInteger(at) == 1
    if of == "integer":
        return feature.GetFieldAsInteger64(at)
    if of == "real":
        return feature.GetFieldAsDouble(at)
    if of in ("date", "datetime"):
        year, month, day, hour, minute, second, zone = feature.GetFieldAsDateTime(at)
        date = f"{year:04}-{month:02}-{day:02}"
        return date if of == "date" else f"{date}T{hour:02}:{minute:02}:{second:06.3f}"
    return feature.GetFieldAsString(at)


def same_value(found, wanted, name):
    if kinds[name] == "datetime" and isinstance(wanted, str):
        # A day, or an instant in UTC whose fraction may be shorter.
        day, _, time = wanted.partition("T")
        hour, minute, second = (time.rstrip("Z") or "0:0:0").split(":")
        wanted = f"{day}T{int(hour):02}:{int(minute):02}:{float(second):06.3f}"
    if options.get("blank") and wanted == "":
        wanted = None
    if options.get("cut") and isinstance(wanted, str):
        wanted = wanted.encode()[: options["cut"]].decode(errors="ignore").rstrip(" ")
    if isinstance(found, str) and (found == "?" or isinstance(wanted, bool)):
        # A logical field of dBASE, which GDAL before 3.9 takes for a text of one letter.
        wanted = {True: "T", False: "F", None: "?"}[wanted]
    if isinstance(found, float) and isinstance(wanted, (int, float)):
        return abs(found - wanted) <= 1e-12 * max(1.0, abs(wanted))
    return found == wanted and type(found) is type(wanted)


def parts(geometry):
    """The rings and lines of a geometry, whether it is one of several parts or not."""
    kind, coordinates = geometry["type"], geometry["coordinates"]
    if kind == "Point":
        return [[[coordinates]]]
    if kind in ("MultiPoint", "LineString"):
        return [[coordinates]] if kind == "LineString" else [[[point]] for point in coordinates]
    if kind == "MultiLineString":
        return [[line] for line in coordinates]
    return [coordinates] if kind == "Polygon" else coordinates


def same_geometry(found, wanted):
    if found is None or wanted is None:
        return found is None and wanted is None
    if found["type"].removeprefix("Multi") != wanted["type"].removeprefix("Multi"):
        return False
    turn = (lambda position: position[::-1]) if options["turned"] else (lambda position: position)
    step = options["within"]
    lines = lambda geometry, turn: [[turn(p[:2]) for p in line] for part in parts(geometry) for line in part]
    left, right = lines(found, lambda p: p), lines(wanted, turn)
    if sorted(map(len, left)) != sorted(map(len, right)):
        return False
    near = lambda a, b: all(abs(a[axis] - b[axis]) <= step for axis in (0, 1))

    def alike(a, b):
        if len(a) != len(b):
            return False
        if len(a) > 3 and near(a[0], a[-1]):
            a, b = a[:-1], b[:-1]
            turns = [d[at:] + d[:at] for d in (b, b[::-1]) for at in range(len(b))]
        else:
            turns = [b]
        return any(all(map(near, a, turned)) for turned in turns)

    for line in left:
        match = next((other for other in right if alike(line, other)), None)
        if match is None:
            return False
        right.remove(match)
    return True


wanted = {feature["id"]: feature for feature in expected["features"]}
order = []
kinds = {}
for feature in (feature for layer in layers for feature in layer):
    kinds = kinds or kinds_of(layers[0])
    number = feature.GetFID() if options["ids"] is None else value(feature, options["ids"])
    order.append(number)
    like = wanted.get(number)
    if like is None:
        differences.append(f"{number} is not in the GeoJSON")
        continue
    names = options.get("names") or list(like["properties"])
    found_names = [name for name in kinds if name != options["ids"]]
    if found_names != names:
        differences.append(f"fields {found_names}, not {names}")
        break
    for name, (original, expected_value) in zip(names, like["properties"].items()):
        found = value(feature, name)
        if not same_value(found, expected_value, name):
            differences.append(f"{number}.{original}: {found!r}, not {expected_value!r}")
    geometry = feature.GetGeometryRef()
    found = None if geometry is None or geometry.IsEmpty() else json.loads(geometry.ExportToJson(["COORDINATE_PRECISION=15"]))
    if not same_geometry(found, like["geometry"]):
        differences.append(f"{number}: {json.dumps(found)[:300]}, not {json.dumps(like['geometry'])[:300]}")
if (sorted(order) != sorted(wanted)) if options.get("unsorted") or len(layers) > 1 else (order != list(wanted)):
    differences.append(f"order {order[:20]}, not {list(wanted)[:20]}")
reference = layers[0].GetSpatialRef()
if reference is not None:
    # What has no code in it (the WKT of ESRI) is told by what it says.
    reference.AutoIdentifyEPSG() if reference.GetAuthorityCode(None) is None else None
print(json.dumps({
    "driver": source.GetDriver().GetName(),
    "layers": [layer.GetName() for layer in layers],
    "count": len(order),
    "counted": sum(layer.GetFeatureCount() for layer in layers),
    "kinds": kinds or kinds_of(layers[0]),
    "epsg": None if reference is None else reference.GetAuthorityCode(None),
    "differences": differences[:20],
}))
