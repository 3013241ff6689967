# Compares tiles of other grids with what GDAL makes of the same features: transforms every vertex to the CRS of the grid,
# cuts by the tile with its buffer, and measures the difference in tile units. Reads JSON, prints JSON.
import json
import sys

from osgeo import ogr, osr

ogr.UseExceptions()
EXTENT, BUFFER = 4096.0, 64.0


def crs(code):
    found = osr.SpatialReference()
    found.ImportFromEPSG(code)
    found.SetAxisMappingStrategy(osr.OAMS_TRADITIONAL_GIS_ORDER)
    return found


def measure(geometry):
    return geometry.Length() if geometry.GetDimension() == 1 else geometry.Area()


def moved(geometry, bounds):
    west, _, east, north = bounds
    scale = EXTENT / (east - west)
    if geometry.GetGeometryCount() == 0:
        for index in range(geometry.GetPointCount()):
            x, y = geometry.GetX(index), geometry.GetY(index)
            geometry.SetPoint_2D(index, (x - west) * scale, (north - y) * scale)
    for index in range(geometry.GetGeometryCount()):
        moved(geometry.GetGeometryRef(index), bounds)
    return geometry


frame = ogr.CreateGeometryFromWkt(
    "POLYGON((%f %f,%f %f,%f %f,%f %f,%f %f))"
    % (-BUFFER, -BUFFER, EXTENT + BUFFER, -BUFFER, EXTENT + BUFFER, EXTENT + BUFFER, -BUFFER, EXTENT + BUFFER, -BUFFER, -BUFFER)
)
answers = []
for tile in json.load(sys.stdin):
    way = osr.CoordinateTransformation(crs(tile["from"]), crs(tile["to"]))
    for feature in tile["features"]:
        true = ogr.CreateGeometryFromWkt(feature["source"])
        true.Transform(way)
        true = moved(true, tile["bounds"])
        if true.GetDimension() == 0:
            x, y = true.GetX(), true.GetY()
            inside = -BUFFER <= x <= EXTENT + BUFFER and -BUFFER <= y <= EXTENT + BUFFER
            off = None
            if feature["drawn"]:
                drawn = ogr.CreateGeometryFromWkt(feature["drawn"])
                off = max(abs(drawn.GetX() - x), abs(drawn.GetY() - y))
            answers.append({"tile": tile["name"], "id": feature["id"], "inside": inside, "off": off})
            continue
        cut = true.Intersection(frame)
        expected = measure(cut)
        # Vertices of what is drawn lie near what is true, or on the frame; and what is true near what is drawn.
        far, area = 0.0, 0.0
        if feature["drawn"]:
            drawn = ogr.CreateGeometryFromWkt(feature["drawn"])
            area = measure(drawn)
            outline = true.Boundary() if true.GetDimension() == 2 else true
            edge = frame.Boundary()
            points = drawn.Boundary() if drawn.GetDimension() == 2 else drawn
            flat = [points] if points.GetGeometryCount() == 0 else [points.GetGeometryRef(i) for i in range(points.GetGeometryCount())]
            for line in flat:
                for index in range(line.GetPointCount()):
                    point = ogr.Geometry(ogr.wkbPoint)
                    point.AddPoint_2D(line.GetX(index), line.GetY(index))
                    far = max(far, min(outline.Distance(point), edge.Distance(point)))
        perimeter = (cut.Boundary() if cut.GetDimension() == 2 else cut).Length() if expected > 0 else 0.0
        answers.append(
            {"tile": tile["name"], "id": feature["id"], "drawn": bool(feature["drawn"]), "far": far, "expected": expected,
             "area": area, "perimeter": perimeter}
        )
json.dump(answers, sys.stdout)
