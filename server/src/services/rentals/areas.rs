//! The areas of a layer as a partition: of surfaces that lie in each other, the smallest counts.

use std::cmp::Reverse;
use std::sync::Arc;

use bricola_layers::cache::{RowAt, Snapshot, Validity};
use bricola_layers::crs::{Crs, CrsError};
use bricola_layers::feature::FeatureId;
use bricola_layers::query::{Place, covering};
use bricola_territory::overlay::area_m2;
use chrono::NaiveDate;

use crate::services::site::surface_of;

/// Areas in order of id.
pub struct Areas {
    snapshot: Arc<Snapshot>,
    rows: Vec<RowAt>,
    ids: Vec<FeatureId>,
    /// The smaller, the larger.
    fineness: Vec<usize>,
}

impl Areas {
    /// Those that are valid on the day.
    pub fn of(snapshot: &Arc<Snapshot>, day: Option<NaiveDate>) -> Self {
        let validity = Validity::of(snapshot.definition(), day);
        let rows = snapshot.matching(|row| validity.holds(row));
        let ids = rows.iter().map(|at| snapshot.row_at(*at).id()).collect();
        let size = |at: &RowAt| surface_of(snapshot.row_at(*at)).map_or(f64::MAX, |surface| area_m2(&surface));
        let sizes: Vec<f64> = rows.iter().map(size).collect();
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_by(|a, b| sizes[*b].total_cmp(&sizes[*a]).then(a.cmp(b)));
        let mut fineness = vec![0; rows.len()];
        for (rank, area) in order.into_iter().enumerate() {
            fineness[area] = rank;
        }
        Self { snapshot: Arc::clone(snapshot), rows, ids, fineness }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Where each is.
    pub fn rows(&self) -> &[RowAt] {
        &self.rows
    }

    /// Which one a position (longitude, latitude) lies in, if in any.
    ///
    /// # Errors
    /// A position without coordinates in the CRS of the layer.
    pub fn at(&self, position: [f64; 2]) -> Result<Option<usize>, CrsError> {
        let Some(crs) = self.snapshot.crs() else { return Ok(None) };
        let position = Place::new(&Crs::wgs84(), position)?.in_crs(crs)?;
        let mut found: Vec<usize> = Vec::new();
        covering(&self.snapshot, position, |row| found.extend(self.ids.binary_search(&row.id()).ok()));
        Ok(found.into_iter().max_by_key(|area| (self.fineness[*area], Reverse(*area))))
    }
}
