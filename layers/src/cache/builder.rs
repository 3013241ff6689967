//! Building a [`Base`] from the rows of a store.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};

use rayon::prelude::*;
use thiserror::Error;

use super::base::{Base, Leaf, Tree};
use super::column::Column;
use super::learnt::Learnt;
use super::packed::{CoordinateGrid, Packed, by_chunks};
use super::plane::WorldPlane;
use crate::crs::{Crs, CrsError, MercatorApprox, with_transformer};
use crate::definition::LayerDefinition;
use crate::feature::{FeatureId, StoredFeature};

/// Why a layer cannot be mirrored.
#[derive(Debug, Error)]
pub enum BuildError {
    /// Its storage CRS is not usable.
    #[error(transparent)]
    Crs(#[from] CrsError),
}

/// Collects rows in order of id.
#[derive(Debug)]
pub struct BaseBuilder {
    crs: Crs,
    resolution: f64,
    ids: Vec<FeatureId>,
    versions: Vec<u32>,
    geometry: Option<Packed>,
    pending: usize,
    columns: Vec<Column>,
    poisoned: Vec<(FeatureId, String)>,
    has_labels: bool,
    /// The way to world coordinates of a base that this one goes with.
    plane: Option<Arc<WorldPlane>>,
}

impl BaseBuilder {
    /// A builder for a layer whose definition names its storage CRS.
    ///
    /// # Errors
    /// When the CRS is missing or unknown.
    pub fn new(definition: &LayerDefinition) -> Result<Self, BuildError> {
        let crs = Crs::parse(definition.crs.as_deref().unwrap_or("EPSG:4326"))?;
        let resolution = definition.resolution.unwrap_or_else(|| crs.default_resolution());
        Ok(Self {
            crs,
            resolution,
            ids: Vec::new(),
            versions: Vec::new(),
            geometry: None,
            pending: 0,
            columns: definition.fields.iter().map(|field| Column::new(field.kind)).collect(),
            poisoned: Vec::new(),
            has_labels: definition.has_label_points(),
            plane: None,
        })
    }

    /// For a few rows of a layer, wherever they lie: by the way to world coordinates that all such share, so that none has to
    /// be made for them. It leads to the same places.
    ///
    /// # Errors
    /// When the CRS is missing or unknown.
    pub fn sparse(definition: &LayerDefinition) -> Result<Self, BuildError> {
        let builder = Self::new(definition)?;
        Ok(Self { plane: shared_plane(&builder.crs, builder.resolution)?, ..builder })
    }

    /// The same layer, empty, on the same coordinate grid: for a range that is read in parallel.
    #[must_use]
    pub fn sibling(&self, definition: &LayerDefinition) -> Self {
        Self {
            crs: self.crs.clone(),
            resolution: self.resolution,
            ids: Vec::new(),
            versions: Vec::new(),
            geometry: self.geometry.as_ref().map(|packed| Packed::new(*packed.grid())),
            pending: 0,
            columns: definition.fields.iter().map(|field| Column::new(field.kind)).collect(),
            poisoned: Vec::new(),
            has_labels: self.has_labels,
            plane: self.plane.clone(),
        }
    }

    /// For what changes in a base: on its coordinate grid and by its way to world coordinates.
    pub(super) fn beside(base: &Base, definition: &LayerDefinition) -> Result<Self, BuildError> {
        let geometry = (base.tree.size() > 0).then(|| Packed::new(*base.geometry.grid()));
        Ok(Self { geometry, plane: Some(Arc::clone(&base.plane)), ..Self::new(definition)? })
    }

    /// Whether the coordinate grid is fixed.
    pub fn is_anchored(&self) -> bool {
        self.geometry.is_some()
    }

    /// Fixes the coordinate grid: around the middle of where the CRS is meant to be used or, where that is too wide for
    /// one grid, around a position of the layer, in storage CRS. Without this the first geometry does.
    pub fn anchor(&mut self, position: [f64; 2]) {
        if self.geometry.is_none() {
            let position = middle(&self.crs, self.resolution).unwrap_or(position);
            self.geometry = Some(Packed::new(CoordinateGrid::around(position, self.resolution)));
        }
    }

    /// Adds a row; its id must be larger than those before it. A row that cannot be mirrored is set aside.
    pub fn push(&mut self, row: &StoredFeature) {
        use geo::CoordsIter;
        let first = row.feature.geometry.as_ref().and_then(|geometry| geometry.coords_iter().next());
        if let Some(first) = first.filter(|first| first.x.is_finite() && first.y.is_finite()) {
            self.anchor([first.x, first.y]);
        }
        match &mut self.geometry {
            Some(packed) => {
                if !packed.push(row.feature.geometry.as_ref()) {
                    let reason = "lies too far from the rest of the layer for its resolution".to_owned();
                    self.poisoned.push((row.id, reason));
                    return;
                }
            }
            None => self.pending += 1,
        }
        if self.pending > 0 && first.is_some() {
            self.settle();
        }
        self.ids.push(row.id);
        self.versions.push(u32::try_from(row.version).unwrap_or(u32::MAX));
        for (column, value) in self.columns.iter_mut().zip(&row.feature.properties) {
            column.push(value);
        }
    }

    /// Notes a row that the store could not decode.
    pub fn set_aside(&mut self, id: FeatureId, reason: String) {
        self.poisoned.push((id, reason));
    }

    /// Rows without a geometry that came before the grid was known take their places.
    fn settle(&mut self) {
        let Some(packed) = &self.geometry else { return };
        let mut whole = Packed::new(*packed.grid());
        (0..self.pending).for_each(|_| {
            whole.push(None);
        });
        whole.append(packed);
        self.geometry = Some(whole);
        self.pending = 0;
    }

    /// Appends the rows of a [`Self::sibling`] that read a later range of ids.
    pub fn append(&mut self, mut other: Self) {
        if self.geometry.is_none()
            && let Some(packed) = &other.geometry
        {
            self.geometry = Some(Packed::new(*packed.grid()));
        }
        self.settle();
        if other.geometry.is_none() {
            other.geometry = self.geometry.as_ref().map(|packed| Packed::new(*packed.grid()));
        }
        other.settle();
        match (&mut self.geometry, &other.geometry) {
            (Some(packed), Some(more)) => packed.append(more),
            _ => self.pending += other.pending,
        }
        let rows = other.ids.len();
        self.ids.append(&mut other.ids);
        self.versions.append(&mut other.versions);
        for (column, more) in self.columns.iter_mut().zip(other.columns) {
            column.append(more, rows);
        }
        self.poisoned.append(&mut other.poisoned);
    }

    /// Computes the way to world coordinates, the detail of each zoom and the R-tree. Also returns the rows that were
    /// set aside, with reasons.
    ///
    /// # Errors
    /// When the storage CRS cannot be brought to Web Mercator.
    pub fn finish(mut self) -> Result<(Base, Vec<(FeatureId, String)>), BuildError> {
        self.anchor([0.0, 0.0]);
        self.settle();
        let mut geometry = self.geometry.take().unwrap_or_else(|| Packed::new(CoordinateGrid::around([0.0; 2], 1.0)));
        geometry.shrink();
        let shared = self.plane.take().filter(|plane| plane.is_of(geometry.grid()));
        let plane = if let Some(plane) = shared { plane } else { plane_of(&self.crs, &geometry)? };
        geometry.detail(&plane);
        let leaves =
            by_chunks(geometry.len(), |rows| rows.filter_map(|row| Leaf::of(&geometry, &plane, row)).collect());
        self.columns.iter_mut().for_each(Column::finish);
        self.ids.shrink_to_fit();
        self.versions.shrink_to_fit();
        let base = Base {
            learnt: Learnt::new(self.ids.len(), self.has_labels),
            ids: self.ids,
            versions: self.versions,
            geometry,
            columns: self.columns,
            tree: Tree::bulk_load(leaves),
            crs: self.crs,
            plane,
        };
        Ok((base, self.poisoned))
    }
}

/// Where the grid of any layer of a CRS lies, if it is the same for all: no row that lies astray then decides what is
/// within reach.
fn middle(crs: &Crs, resolution: f64) -> Option<[f64; 2]> {
    // Degrees each way, a quarter of the reach given away by rounding.
    let reach = f64::from(i32::MAX) * 0.75 * resolution / if crs.is_geographic() { 1.0 } else { 111_000.0 };
    if crs.is_geographic() && 180.0 / resolution <= f64::from(i32::MAX) {
        // The whole world fits, around the one origin that needs no rounding.
        return Some([0.0; 2]);
    }
    let [west, south, east, north] = crs.area_of_use();
    if !(east > west && (east - west).max(north - south) / 2.0 < reach) {
        return None;
    }
    let middle = [f64::midpoint(west, east), f64::midpoint(south, north)];
    if crs.is_geographic() {
        return Some(middle);
    }
    with_transformer(&Crs::wgs84(), crs, |transformer| transformer.point(middle)).ok()?.ok()
}

/// The way to world coordinates that bases of few rows share; `None` where the grid of the CRS depends on its rows.
fn shared_plane(crs: &Crs, resolution: f64) -> Result<Option<Arc<WorldPlane>>, CrsError> {
    type Planes = HashMap<(Crs, u64), Arc<WorldPlane>>;
    static PLANES: LazyLock<Mutex<Planes>> = LazyLock::new(Mutex::default);
    let key = (crs.clone(), resolution.to_bits());
    if let Some(known) = PLANES.lock().unwrap_or_else(PoisonError::into_inner).get(&key) {
        return Ok(Some(Arc::clone(known)));
    }
    let Some(position) = middle(crs, resolution) else { return Ok(None) };
    let plane = plane_of(crs, &Packed::new(CoordinateGrid::around(position, resolution)))?;
    PLANES.lock().unwrap_or_else(PoisonError::into_inner).insert(key, Arc::clone(&plane));
    Ok(Some(plane))
}

/// The way to world coordinates of geometries in a CRS.
pub(super) fn plane_of(crs: &Crs, geometry: &Packed) -> Result<Arc<WorldPlane>, CrsError> {
    let grid = *geometry.grid();
    let (min, max) = bounds(geometry);
    let (low, high) = (grid.unpack(min), grid.unpack(max));
    let mercator = MercatorApprox::build(crs, [low[0], low[1], high[0], high[1]])?;
    Ok(Arc::new(WorldPlane::new(grid, mercator, min, max)))
}

/// Smallest and largest node of all vertices, the grid's origin for an empty layer.
fn bounds(geometry: &Packed) -> ([i32; 2], [i32; 2]) {
    let empty = || ([i32::MAX; 2], [i32::MIN; 2]);
    let (min, max) = geometry
        .nodes
        .par_iter()
        .fold(empty, |(min, max), [x, y]| ([min[0].min(*x), min[1].min(*y)], [max[0].max(*x), max[1].max(*y)]))
        .reduce(empty, |a, b| ([a.0[0].min(b.0[0]), a.0[1].min(b.0[1])], [a.1[0].max(b.1[0]), a.1[1].max(b.1[1])]));
    if geometry.nodes.is_empty() { ([0; 2], [0; 2]) } else { (min, max) }
}
