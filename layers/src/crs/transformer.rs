//! Coordinates from one CRS to another.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;

use geo_types::Geometry;
use proj::{Proj, ProjError};

use super::definition::Axes;
use super::italy::inside;
use super::operations::{self, Operation};
use super::recipe::{self, AreaRecipe, Recipe};
use super::vertices::try_each_vertex;
use super::{Crs, CrsError, database};

/// Transforms coordinates between two CRSs, `[x, y]` on both sides. Bound to its thread, as PROJ's objects are;
/// [`with_transformer`] keeps one per thread and pair.
pub struct Transformer {
    from: Crs,
    to: Crs,
    axes: (Axes, Axes),
    recipe: Arc<Recipe>,
    route: Route,
}

/// The way from source to target, in this thread.
enum Route {
    Same,
    Proj(Proj),
    /// As in [`Recipe::ByArea`].
    ByArea(Vec<Proj>),
}

impl Transformer {
    /// The transformation between two CRSs. Where Monte Mario is on one side only, each point takes the
    /// parameters of mainland, Sardinia or Sicily by where it falls.
    ///
    /// # Errors
    /// [`CrsError::NoOperation`] when nothing better than a null shift is known, [`CrsError::Database`].
    pub fn new(from: &Crs, to: &Crs) -> Result<Self, CrsError> {
        let recipe = recipe::find(from, to)?;
        let pipeline = |text: &str| {
            let none = |_| CrsError::NoOperation { from: from.to_string(), to: to.to_string() };
            database::builder()?.proj(text).map_err(none)
        };
        let route = match recipe.as_ref() {
            Recipe::Same(_) => Route::Same,
            Recipe::Pipeline(text, _) => Route::Proj(pipeline(text)?),
            Recipe::ByPlace(_) => Route::Proj(operations::between(from, to, None)?),
            Recipe::ByArea(areas) => {
                Route::ByArea(areas.iter().map(|area| pipeline(&area.pipeline)).collect::<Result<_, _>>()?)
            }
        };
        Ok(Self { from: from.clone(), to: to.clone(), axes: (from.axes(), to.axes()), recipe, route })
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
        match self.recipe.as_ref() {
            Recipe::Same(operation) | Recipe::Pipeline(_, operation) | Recipe::ByPlace(operation) => operation,
            Recipe::ByArea(areas) => &areas[areas.len() - 1].operation,
        }
    }

    /// The operation used for a point of the source CRS.
    ///
    /// # Errors
    /// As [`Transformer::point`].
    pub fn operation_at(&self, point: [f64; 2]) -> Result<Operation, CrsError> {
        self.point(point)?;
        Ok(match (self.recipe.as_ref(), &self.route) {
            (Recipe::ByPlace(_), Route::Proj(proj)) => operations::describe(proj),
            (Recipe::ByArea(areas), _) => areas[area_of(areas, self.axes.0.to_authority(point))].operation.clone(),
            _ => self.operation().clone(),
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
        let proj = match (&self.route, self.recipe.as_ref()) {
            (Route::Proj(proj), _) => proj,
            (Route::ByArea(projs), Recipe::ByArea(areas)) => &projs[area_of(areas, authority)],
            _ => return Ok(point),
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

/// The index of the area that a point of the source CRS falls in.
fn area_of(areas: &[AreaRecipe], authority: [f64; 2]) -> usize {
    let found = areas.iter().position(|area| area.outline.is_empty() || inside(authority, &area.outline));
    found.unwrap_or(areas.len() - 1)
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
