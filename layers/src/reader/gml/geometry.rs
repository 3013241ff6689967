//! Geometries of GML 2.1 (OGC 02-069) and GML 3.2 simple features (OGC 10-100r3).

use geo_types::{Coord, Geometry, LineString, MultiPolygon, Point, Polygon};

use crate::reader::geometry::{gather, polygon};
use crate::reader::tally::Tally;
use crate::reader::xml::{Element, numbers, tuples};

/// Whether an element is a geometry.
pub(super) fn is_geometry(name: &str) -> bool {
    matches!(
        name,
        "Point"
            | "LineString"
            | "LinearRing"
            | "Curve"
            | "CompositeCurve"
            | "OrientableCurve"
            | "Polygon"
            | "Surface"
            | "CompositeSurface"
            | "PolyhedralSurface"
            | "Tin"
            | "Solid"
            | "MultiPoint"
            | "MultiLineString"
            | "MultiCurve"
            | "MultiPolygon"
            | "MultiSurface"
            | "MultiGeometry"
    )
}

/// Reads geometries of one CRS.
pub(super) struct Builder<'t> {
    /// Whether the coordinates are north (latitude) first.
    pub swap: bool,
    /// Where closed rings are counted.
    pub tally: &'t mut Tally,
}

type Coords = Vec<Coord<f64>>;

impl Builder<'_> {
    /// Reads a geometry element.
    pub fn geometry(&mut self, element: &Element) -> Result<Option<Geometry<f64>>, String> {
        match element.name.as_str() {
            "Point" => Ok(self.coords(element, 2)?.first().map(|&coord| Point(coord).into())),
            "LineString" | "LinearRing" | "Curve" | "CompositeCurve" | "OrientableCurve" => {
                let coords = self.curve(element)?;
                Ok((!coords.is_empty()).then(|| LineString(coords).into()))
            }
            "Polygon" => Ok(self.polygon(element)?.map(Into::into)),
            "Surface" | "CompositeSurface" | "PolyhedralSurface" => self.surface(element),
            "MultiPoint" | "MultiLineString" | "MultiCurve" | "MultiPolygon" | "MultiSurface" | "MultiGeometry" => {
                let mut parts = Vec::new();
                for member in element.children.iter().filter(|child| child.name.to_lowercase().contains("member")) {
                    for part in &member.children {
                        parts.extend(self.geometry(part)?);
                    }
                }
                Ok(gather(parts))
            }
            other => Err(format!("a {other} is not a geometry that can be read; convert it to simple features first")),
        }
    }

    fn surface(&mut self, element: &Element) -> Result<Option<Geometry<f64>>, String> {
        let mut polygons: Vec<Polygon<f64>> = Vec::new();
        for group in &element.children {
            if !matches!(group.name.as_str(), "patches" | "polygonPatches" | "surfaceMember" | "surfaceMembers") {
                continue;
            }
            for patch in &group.children {
                match patch.name.as_str() {
                    "PolygonPatch" | "Polygon" | "Rectangle" => polygons.extend(self.polygon(patch)?),
                    "Surface" | "CompositeSurface" => match self.surface(patch)? {
                        Some(Geometry::Polygon(polygon)) => polygons.push(polygon),
                        Some(Geometry::MultiPolygon(more)) => polygons.extend(more),
                        _ => {}
                    },
                    other => {
                        return Err(format!("a surface patch {other} cannot be read; convert it to polygons first"));
                    }
                }
            }
        }
        Ok(match polygons.len() {
            0 => None,
            1 => polygons.pop().map(Into::into),
            _ => Some(MultiPolygon(polygons).into()),
        })
    }

    fn polygon(&mut self, element: &Element) -> Result<Option<Polygon<f64>>, String> {
        let mut rings = Vec::new();
        let outer = element.children.iter().filter(|c| matches!(c.name.as_str(), "exterior" | "outerBoundaryIs"));
        let inner = element.children.iter().filter(|c| matches!(c.name.as_str(), "interior" | "innerBoundaryIs"));
        for ring in outer.take(1).chain(inner).flat_map(|bound| &bound.children) {
            rings.push(self.ring(ring)?);
        }
        if rings.first().is_some_and(Vec::is_empty) {
            return Err("the polygon has no outer ring".to_owned());
        }
        Ok(polygon(rings, self.tally))
    }

    fn ring(&mut self, element: &Element) -> Result<Coords, String> {
        if element.name != "Ring" {
            return self.curve(element);
        }
        let mut coords: Coords = Vec::new();
        for curve in element.all("curveMember").flat_map(|member| &member.children) {
            self.join(curve, &mut coords)?;
        }
        Ok(coords)
    }

    /// The vertices of a curve; its segments joined.
    fn curve(&mut self, element: &Element) -> Result<Coords, String> {
        match element.name.as_str() {
            "LineString" | "LinearRing" | "LineStringSegment" => self.coords(element, 2),
            "Curve" | "CompositeCurve" | "OrientableCurve" => {
                let mut coords = Vec::new();
                let groups = element.children.iter();
                let groups = groups.filter(|c| matches!(c.name.as_str(), "segments" | "curveMember" | "baseCurve"));
                for segment in groups.flat_map(|group| &group.children) {
                    self.join(segment, &mut coords)?;
                }
                if element.attribute("orientation") == Some("-") {
                    coords.reverse();
                }
                Ok(coords)
            }
            other => Err(format!("a curve {other} cannot be read; convert curves to lines first")),
        }
    }

    fn join(&mut self, segment: &Element, coords: &mut Coords) -> Result<(), String> {
        let next = self.curve(segment)?;
        let skip = usize::from(coords.last().is_some() && coords.last() == next.first());
        coords.extend(next.into_iter().skip(skip));
        Ok(())
    }

    /// The positions in an element: `posList`, `pos`, `coordinates`, `coord`, or points.
    fn coords(&mut self, element: &Element, dimension: usize) -> Result<Coords, String> {
        let dimension = dimension_of(element).unwrap_or(dimension);
        let mut coords = Vec::new();
        for child in &element.children {
            match child.name.as_str() {
                "posList" => {
                    let all = numbers(&child.text)?;
                    let dimension = dimension_of(child).unwrap_or(dimension);
                    if all.len() % dimension != 0 {
                        return Err(format!("{} numbers in a posList of dimension {dimension}", all.len()));
                    }
                    coords.extend(all.chunks_exact(dimension).map(|pair| Coord { x: pair[0], y: pair[1] }));
                }
                "pos" => {
                    let pair = numbers(&child.text)?;
                    let (Some(&x), Some(&y)) = (pair.first(), pair.get(1)) else {
                        return Err(format!("`{}` is not a position", child.trimmed()));
                    };
                    coords.push(Coord { x, y });
                }
                "coordinates" => {
                    let one = |name: &str, usual| child.attribute(name).and_then(|c| c.chars().next()).unwrap_or(usual);
                    let (decimal, comma, space) = (one("decimal", '.'), one("cs", ','), one("ts", ' '));
                    if space.is_whitespace() {
                        coords.extend(tuples(&child.text, decimal, comma)?);
                    } else {
                        coords.extend(tuples(&child.text.replace(space, " "), decimal, comma)?);
                    }
                }
                "coord" => {
                    let number = |name: &str| {
                        let text = child.child(name).map_or("", Element::trimmed);
                        text.parse::<f64>().map_err(|_| format!("`{text}` is not a number"))
                    };
                    coords.push(Coord { x: number("X")?, y: number("Y")? });
                }
                "pointProperty" | "pointRep" => {
                    for point in &child.children {
                        // These are swapped when they are read.
                        let swap = std::mem::replace(&mut self.swap, false);
                        let inner = self.coords(point, dimension);
                        self.swap = swap;
                        coords.extend(inner?);
                    }
                }
                _ => {}
            }
        }
        if self.swap {
            for coord in &mut coords {
                std::mem::swap(&mut coord.x, &mut coord.y);
            }
        }
        Ok(coords)
    }
}

fn dimension_of(element: &Element) -> Option<usize> {
    let declared = element.attribute("srsDimension").or_else(|| element.attribute("dimension"))?;
    declared.trim().parse().ok().filter(|dimension| (2..=4).contains(dimension))
}
