//! Coordinates from one CRS to another.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use geo_types::Geometry;
use proj::{Proj, ProjError};

use super::definition::Axes;
use super::italy::{AREAS, ItalianArea, inside};
use super::operations::{self, Operation};
use super::vertices::try_each_vertex;
use super::{Crs, CrsError};

/// Transforms coordinates between two CRSs, `[x, y]` on both sides. Bound to its thread, as PROJ's objects are;
/// [`with_transformer`] keeps one per thread and pair.
pub struct Transformer {
    from: Crs,
    to: Crs,
    axes: (Axes, Axes),
    route: Route,
    operation: Operation,
}

/// The way from source to target.
enum Route {
    /// Same coordinates: same CRS, or geographic CRSs whose datums are held to be identical.
    Same,
    /// PROJ's object, which may choose among operations by place.
    Proj(Proj),
    /// Monte Mario to or from another datum: the operation of the area that the point falls in.
    ByArea(Vec<Area>),
}

/// One area of Italy and its operation; the last one (mainland) takes what no other has.
struct Area {
    /// In source coordinates, authority order; empty = everywhere.
    outline: Vec<[f64; 2]>,
    proj: Proj,
    operation: Operation,
}

impl Transformer {
    /// The transformation between two CRSs. Where Monte Mario is on one side only, each point takes the
    /// parameters of mainland, Sardinia or Sicily by where it falls.
    ///
    /// # Errors
    /// [`CrsError::NoOperation`] when nothing better than a null shift is known, [`CrsError::Database`].
    pub fn new(from: &Crs, to: &Crs) -> Result<Self, CrsError> {
        let (route, operation) = if from == to {
            (Route::Same, operations::same_crs())
        } else if from.is_wgs84_like() && to.is_wgs84_like() {
            (Route::Same, operations::describe(&operations::between(from, to, None)?))
        } else if from.is_monte_mario() != to.is_monte_mario() {
            let areas = areas(from, to)?;
            let operation = areas[areas.len() - 1].operation.clone();
            (Route::ByArea(areas), operation)
        } else {
            let proj = operations::between(from, to, None)?;
            let operation = typical(from, &proj);
            (Route::Proj(proj), operation)
        };
        Ok(Self { from: from.clone(), to: to.clone(), axes: (from.axes(), to.axes()), route, operation })
    }

    /// Source CRS.
    pub fn from_crs(&self) -> &Crs {
        &self.from
    }

    /// Target CRS.
    pub fn to_crs(&self) -> &Crs {
        &self.to
    }

    /// The operation used: on the mainland, where it depends on the place (see [`Transformer::operation_at`]).
    pub fn operation(&self) -> &Operation {
        &self.operation
    }

    /// The operation used for a point of the source CRS.
    ///
    /// # Errors
    /// As [`Transformer::point`].
    pub fn operation_at(&self, point: [f64; 2]) -> Result<Operation, CrsError> {
        self.point(point)?;
        Ok(match &self.route {
            Route::Same => self.operation.clone(),
            Route::Proj(proj) => operations::describe(proj),
            Route::ByArea(areas) => area_of(areas, self.axes.0.to_authority(point)).operation.clone(),
        })
    }

    /// Transforms one point.
    ///
    /// # Errors
    /// [`CrsError::NotFinite`] for NaN and infinities, [`CrsError::OutOfDomain`] when the point is no place in the
    /// source CRS or has none in the target CRS. What comes out is always finite.
    pub fn point(&self, point: [f64; 2]) -> Result<[f64; 2], CrsError> {
        self.check_source(point)?;
        let authority = self.axes.0.to_authority(point);
        let proj = match &self.route {
            Route::Same => return Ok(point),
            Route::Proj(proj) => proj,
            Route::ByArea(areas) => &area_of(areas, authority).proj,
        };
        let (x, y) =
            proj.convert((authority[0], authority[1])).map_err(|error| self.refused(point, &reason(&error)))?;
        self.checked(point, self.axes.1.to_xy([x, y]))
    }

    /// Transforms many points in place. On an error the points before the failing one are transformed, it and
    /// those after it are not.
    ///
    /// # Errors
    /// As [`Transformer::point`], for the first point that fails.
    pub fn points(&self, points: &mut [[f64; 2]]) -> Result<(), CrsError> {
        for point in points {
            *point = self.point(*point)?;
        }
        Ok(())
    }

    /// Transforms every vertex of a geometry in place. On an error the geometry is left as it was.
    ///
    /// # Errors
    /// As [`Transformer::point`], for the first vertex that fails.
    pub fn geometry(&self, geometry: &mut Geometry<f64>) -> Result<(), CrsError> {
        let mut moved = geometry.clone();
        try_each_vertex(&mut moved, &mut |vertex| {
            let [x, y] = self.point([vertex.x, vertex.y])?;
            (vertex.x, vertex.y) = (x, y);
            Ok(())
        })?;
        *geometry = moved;
        Ok(())
    }

    /// Numbers that are a place in the source CRS at all.
    fn check_source(&self, [x, y]: [f64; 2]) -> Result<(), CrsError> {
        if !(x.is_finite() && y.is_finite()) {
            return Err(CrsError::NotFinite { x, y });
        }
        if self.from.is_geographic() {
            let limit = 180.0 + self.from.meridian().abs() + 1e-9;
            if y.abs() > 90.0 + 1e-9 {
                return Err(self.refused([x, y], "latitudes run from -90 to 90 degrees"));
            }
            if x.abs() > limit {
                return Err(self.refused([x, y], "longitudes run from -180 to 180 degrees"));
            }
        }
        Ok(())
    }

    fn checked(&self, point: [f64; 2], moved: [f64; 2]) -> Result<[f64; 2], CrsError> {
        if moved.iter().all(|value| value.is_finite()) {
            Ok(moved)
        } else {
            Err(self.refused(point, "it has no image there"))
        }
    }

    fn refused(&self, [x, y]: [f64; 2], reason: &str) -> CrsError {
        CrsError::OutOfDomain { x, y, from: self.from.to_string(), to: self.to.to_string(), reason: reason.to_owned() }
    }
}

/// PROJ's reason without the crate's preamble.
fn reason(error: &ProjError) -> String {
    match error {
        ProjError::Conversion(text) | ProjError::Projection(text) => text.clone(),
        other => other.to_string(),
    }
}

/// The three areas, the mainland last.
fn areas(from: &Crs, to: &Crs) -> Result<Vec<Area>, CrsError> {
    let build = |area: ItalianArea| {
        let outline = operations::places(from, area.outline())?;
        let (proj, operation) = operations::monte_mario(from, to, area)?;
        Ok(Area { outline, proj, operation })
    };
    AREAS.iter().rev().map(|area| build(*area)).collect()
}

fn area_of(areas: &[Area], authority: [f64; 2]) -> &Area {
    let found = areas.iter().find(|area| area.outline.is_empty() || inside(authority, &area.outline));
    found.unwrap_or(&areas[areas.len() - 1])
}

/// The operation in the middle of where the source CRS is used.
fn typical(from: &Crs, proj: &Proj) -> Operation {
    let [west, south, east, north] = from.area_of_use();
    let mut operation = operations::describe(proj);
    if operation.name.starts_with("unavailable") {
        let middle = [f64::midpoint(west, east), f64::midpoint(south, north)];
        for [x, y] in operations::places(from, &[middle]).unwrap_or_default() {
            let _ = proj.convert((x, y));
            operation = operations::describe(proj);
        }
    }
    operation
}

/// Transformers that a thread keeps; past it they are all let go (only custom definitions can come to so many).
const KEPT: usize = 64;

thread_local! {
    static KEPT_TRANSFORMERS: RefCell<HashMap<(Crs, Crs), Rc<Transformer>>> = RefCell::default();
}

/// Lends this thread's transformer between two CRSs, made at its first use (milliseconds) and kept.
///
/// # Errors
/// As [`Transformer::new`].
pub fn with_transformer<R>(from: &Crs, to: &Crs, work: impl FnOnce(&Transformer) -> R) -> Result<R, CrsError> {
    let pair = (from.clone(), to.clone());
    let kept = KEPT_TRANSFORMERS.with_borrow(|kept| kept.get(&pair).cloned());
    let transformer = if let Some(transformer) = kept {
        transformer
    } else {
        let made = Rc::new(Transformer::new(from, to)?);
        KEPT_TRANSFORMERS.with_borrow_mut(|kept| {
            if kept.len() >= KEPT {
                kept.clear();
            }
            kept.insert(pair, Rc::clone(&made));
        });
        made
    };
    Ok(work(&transformer))
}
