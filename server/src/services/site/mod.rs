//! The place that a question is about, and what of the layers lies there.
//!
//! Coordinates are longitude before latitude, in degrees of ETRS89 or of what is held to be the same (RDN2008, WGS 84).

mod evidence;
mod near;
mod plausible;
mod surfaces;

use bricola_layers::crs::{Crs, CrsError, Operation, with_transformer};
use bricola_territory::text::Warning;
use bricola_territory::{FeatureRef, Text};
use geo_types::{Geometry, LineString, MultiLineString, MultiPolygon, Point, Rect};
use serde::Serialize;
use thiserror::Error;

pub use evidence::{Evidence, Seen};
pub use near::{in_metres, near, reference};
pub use surfaces::{Named, code_of, name_of, named, registered_m2, surface_of, words, zones_about};

/// Metres of accuracy beyond which the border of a zone may lie on the other side of the place.
const ROUGH_M: f64 = 1.0;

/// A place of which something is asked.
#[derive(Debug, Clone)]
pub struct Site {
    /// Where it is.
    pub shape: Shape,
    /// How its coordinates were brought to degrees, where they came in another CRS.
    pub transform: Option<Transform>,
    /// The feature that it was found by.
    pub feature: Option<FeatureRef>,
    /// The stretch of a street that it is, where it was given so.
    pub along: Option<Along>,
    /// What is odd about it.
    pub warnings: Vec<Warning>,
}

/// A stretch of a street, in metres from where the street as it is drawn begins.
#[derive(Debug, Clone, PartialEq)]
pub struct Along {
    /// The street's name.
    pub street: String,
    /// Where it begins.
    pub from_m: f64,
    /// Where it ends.
    pub to_m: f64,
    /// Metres of the whole line.
    pub length_m: f64,
}

/// A point, lines or surfaces.
#[derive(Debug, Clone)]
pub enum Shape {
    /// A point.
    Point(Point<f64>),
    /// Lines.
    Lines(MultiLineString<f64>),
    /// Surfaces.
    Surface(MultiPolygon<f64>),
}

/// How coordinates were brought from one CRS to another.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Transform {
    /// The CRS in which they came.
    pub from: String,
    /// The operation, never a ballpark.
    #[serde(flatten)]
    pub operation: Operation,
}

/// Why there is no place.
#[derive(Debug, Error)]
pub enum NoSite {
    /// The CRS does not lead to degrees here.
    #[error(transparent)]
    Crs(#[from] CrsError),
    /// A geometry of a kind that nothing is asked of.
    #[error("the geometry is a {0}: give a Point, LineString, MultiLineString, Polygon or MultiPolygon")]
    Kind(&'static str),
    /// Nothing in it.
    #[error("the geometry is empty")]
    Empty,
    /// A number that is none.
    #[error("a coordinate is not a finite number")]
    NotFinite,
    /// Metres without a CRS.
    #[error(
        "{0}, {1} are no longitude and latitude in degrees; for metres say in which CRS they are, as crs=EPSG:7795"
    )]
    NotDegrees(f64, f64),
}

impl Site {
    /// A place by its geometry (east before north) in a CRS.
    ///
    /// `envelope`: where the territory lies; west, south, east, north in degrees. Places outside of it are suspicious.
    ///
    /// # Errors
    /// A geometry of another kind, an empty one, or one without a place in degrees.
    pub fn new(geometry: Geometry<f64>, crs: &Crs, envelope: Option<[f64; 4]>) -> Result<Self, NoSite> {
        let sent: Vec<[f64; 2]> = vertices(&geometry);
        if sent.is_empty() {
            return Err(NoSite::Empty);
        }
        if sent.iter().flatten().any(|value| !value.is_finite()) {
            return Err(NoSite::NotFinite);
        }
        let target = Crs::crs84();
        let is_degrees = *crs == target || *crs == Crs::wgs84();
        if is_degrees && let Some([x, y]) = sent.iter().find(|[x, y]| x.abs() > 180.0 || y.abs() > 90.0) {
            return Err(NoSite::NotDegrees(*x, *y));
        }
        let (mut moved, mut transform) = (geometry, None);
        if !is_degrees {
            let first = sent[0];
            let operation = with_transformer(crs, &target, |transformer| {
                transformer.geometry(&mut moved)?;
                transformer.operation_at(first)
            })??;
            transform = Some(Transform { from: crs.to_string(), operation });
        }
        let shape = Shape::of(moved)?;
        let mut warnings = Vec::new();
        if let Some(envelope) = envelope {
            warnings.extend(plausible::suspicion(&shape, &sent, envelope));
        }
        warnings.extend(transform.as_ref().and_then(rough));
        Ok(Self { shape, transform, feature: None, along: None, warnings })
    }

    /// What stands for no place at all in evidence.
    pub const fn nowhere() -> Self {
        let shape = Shape::Lines(MultiLineString(Vec::new()));
        Self { shape, transform: None, feature: None, along: None, warnings: Vec::new() }
    }

    /// The place of a feature.
    ///
    /// # Errors
    /// A geometry of another kind.
    pub fn of_feature(geometry: Geometry<f64>, feature: FeatureRef) -> Result<Self, NoSite> {
        let shape = Shape::of(geometry)?;
        Ok(Self { shape, transform: None, feature: Some(feature), along: None, warnings: Vec::new() })
    }

    /// A stretch of a street.
    ///
    /// # Errors
    /// One without a place.
    pub fn of_street(lines: MultiLineString<f64>, street: FeatureRef, along: Along) -> Result<Self, NoSite> {
        if lines.0.iter().all(|line| line.0.is_empty()) {
            return Err(NoSite::Empty);
        }
        let shape = Shape::Lines(lines);
        Ok(Self { shape, transform: None, feature: Some(street), along: Some(along), warnings: Vec::new() })
    }
}

impl Shape {
    fn of(geometry: Geometry<f64>) -> Result<Self, NoSite> {
        Ok(match geometry {
            Geometry::Point(point) => Self::Point(point),
            Geometry::LineString(line) => Self::Lines(MultiLineString(vec![line])),
            Geometry::MultiLineString(lines) => Self::Lines(lines),
            Geometry::Polygon(polygon) => Self::Surface(MultiPolygon(vec![polygon])),
            Geometry::MultiPolygon(polygons) => Self::Surface(polygons),
            Geometry::MultiPoint(points) if points.0.len() == 1 => Self::Point(points.0[0]),
            Geometry::MultiPoint(_) => return Err(NoSite::Kind("MultiPoint")),
            _ => return Err(NoSite::Kind("GeometryCollection")),
        })
    }

    /// The box around it.
    pub fn frame(&self) -> Option<Rect<f64>> {
        use geo::BoundingRect as _;
        match self {
            Self::Point(point) => Some(Rect::new(point.0, point.0)),
            Self::Lines(lines) => lines.bounding_rect(),
            Self::Surface(surface) => surface.bounding_rect(),
        }
    }

    /// As a geometry.
    pub fn geometry(&self) -> Geometry<f64> {
        match self {
            Self::Point(point) => Geometry::Point(*point),
            Self::Lines(lines) => Geometry::MultiLineString(lines.clone()),
            Self::Surface(surface) => Geometry::MultiPolygon(surface.clone()),
        }
    }

    /// What kind of place it is, for programs.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Point(_) => "point",
            Self::Lines(_) => "line",
            Self::Surface(_) => "surface",
        }
    }

    /// A position in or on it: the point, a surface's point inside, the middle of the first line.
    pub fn position(&self) -> Option<Point<f64>> {
        use geo::{Centroid as _, InteriorPoint as _};
        match self {
            Self::Point(point) => Some(*point),
            Self::Lines(lines) => lines.0.first().and_then(LineString::centroid),
            Self::Surface(surface) => surface.interior_point(),
        }
    }

    /// SHA-256 of its coordinates, to the last bit.
    pub fn sha256(&self) -> String {
        let mut bytes = self.kind().as_bytes().to_vec();
        for [x, y] in vertices(&self.geometry()) {
            bytes.extend_from_slice(&x.to_le_bytes());
            bytes.extend_from_slice(&y.to_le_bytes());
        }
        bricola_territory::sha256_hex(&bytes)
    }
}

fn vertices(geometry: &Geometry<f64>) -> Vec<[f64; 2]> {
    use geo::CoordsIter as _;
    geometry.coords_iter().map(|coord| [coord.x, coord.y]).collect()
}

fn rough(transform: &Transform) -> Option<Warning> {
    let metres = transform.operation.accuracy_m.filter(|metres| *metres > ROUGH_M)?;
    let (from, name) = (&transform.from, &transform.operation.name);
    let text = Text::new(
        format!(
            "la conversione da {from} ({name}) è esatta a circa {metres} m: vicino a un confine la zona può essere un’altra"
        ),
        format!(
            "the conversion from {from} ({name}) is exact to about {metres} m: near a border the zone may be another"
        ),
    );
    Some(Warning::new("rough-transform", text))
}
