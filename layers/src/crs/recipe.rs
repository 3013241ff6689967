//! How a pair of CRSs is transformed, found once per process: PROJ's objects are per thread and its registry is
//! slow to search, so what is kept is the text of the pipeline, from which each thread builds its own in no time.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use super::italy::{AREAS, ItalianArea};
use super::operations::{self, Operation};
use super::{Crs, CrsError};

/// The way from one CRS to another, coordinates in authority order.
pub(super) enum Recipe {
    /// Same coordinates: same CRS, or geographic CRSs whose datums are held to be identical.
    Same(Operation),
    /// One pipeline everywhere.
    Pipeline(String, Operation),
    /// Several operations among which PROJ chooses for each point; the one given is typical.
    ByPlace(Operation),
    /// Monte Mario to or from another datum: the operation of the area that the point falls in, the one for
    /// everywhere else (mainland) last.
    ByArea(Vec<AreaRecipe>),
}

/// One area of Italy and its operation.
pub(super) struct AreaRecipe {
    /// In source coordinates, authority order; empty = everywhere.
    pub(super) outline: Vec<[f64; 2]>,
    pub(super) pipeline: String,
    pub(super) operation: Operation,
}

/// Recipes kept; past it (only custom definitions can come to so many) they are found anew.
const KEPT: usize = 1024;

type Recipes = HashMap<(Crs, Crs), Arc<Recipe>>;
static RECIPES: LazyLock<RwLock<Recipes>> = LazyLock::new(RwLock::default);

/// The recipe for a pair.
pub(super) fn find(from: &Crs, to: &Crs) -> Result<Arc<Recipe>, CrsError> {
    let pair = (from.clone(), to.clone());
    if let Some(recipe) = RECIPES.read().unwrap_or_else(PoisonError::into_inner).get(&pair) {
        return Ok(Arc::clone(recipe));
    }
    let recipe = Arc::new(search(from, to)?);
    let mut recipes = RECIPES.write().unwrap_or_else(PoisonError::into_inner);
    if recipes.len() >= KEPT {
        recipes.clear();
    }
    recipes.insert(pair, Arc::clone(&recipe));
    Ok(recipe)
}

fn search(from: &Crs, to: &Crs) -> Result<Recipe, CrsError> {
    if from.source() == to.source() {
        return Ok(Recipe::Same(operations::same_crs()));
    }
    if from.is_monte_mario() != to.is_monte_mario() {
        return AREAS.iter().rev().map(|area| by_area(from, to, *area)).collect::<Result<_, _>>().map(Recipe::ByArea);
    }
    let proj = operations::between(from, to, None)?;
    if let Some(pipeline) = operations::definition(&proj) {
        let operation = operations::describe(&proj);
        let same = from.is_wgs84_like() && to.is_wgs84_like();
        return Ok(if same { Recipe::Same(operation) } else { Recipe::Pipeline(pipeline, operation) });
    }
    // PROJ tells what it does once it has done it: in the middle of where the source CRS is used.
    let [west, south, east, north] = from.area_of_use();
    let middle = [f64::midpoint(west, east), f64::midpoint(south, north)];
    for [x, y] in operations::places(from, &[middle]).unwrap_or_default() {
        let _ = proj.convert((x, y));
    }
    Ok(Recipe::ByPlace(operations::describe(&proj)))
}

fn by_area(from: &Crs, to: &Crs, area: ItalianArea) -> Result<AreaRecipe, CrsError> {
    let outline = operations::places(from, area.outline())?;
    let (pipeline, operation) = operations::monte_mario(from, to, area)?;
    Ok(AreaRecipe { outline, pipeline, operation })
}
