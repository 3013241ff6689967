//! Rows of a snapshot that fulfil a condition, all of them, looked at by several threads.

use rayon::prelude::*;

use super::base::{Leaf, TreeBox, tree_unit};
use super::snapshot::{RowRef, Snapshot};
use crate::feature::FeatureId;

/// Rows that one thread looks at in a go.
const CHUNK: usize = 8_192;

/// Rows of so many of which one is found are marked, not sorted.
const MANY: usize = 64;

/// Where a row of a snapshot is, for as long as the snapshot is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowAt {
    /// 0 for the base, else one more than the number of the delta.
    part: u32,
    row: u32,
}

impl Snapshot {
    /// The row at a place that this snapshot gave.
    pub fn row_at(&self, at: RowAt) -> RowRef<'_> {
        let base = match at.part {
            0 => &*self.base,
            above => &self.deltas[above as usize - 1].added,
        };
        RowRef { base, row: at.row }
    }

    /// Where a feature is.
    pub fn place_of(&self, id: FeatureId) -> Option<RowAt> {
        for (place, delta) in self.deltas.iter().enumerate().rev() {
            if let Some(row) = delta.added.row(id) {
                return Some(RowAt { part: place as u32 + 1, row });
            }
            if delta.masked.contains(&id) {
                return None;
            }
        }
        Some(RowAt { part: 0, row: self.base.row(id)? })
    }

    /// The rows that fulfil a condition, in order of id.
    pub fn matching(&self, holds: impl Fn(RowRef<'_>) -> bool + Sync) -> Vec<RowAt> {
        let mut found = Vec::new();
        for (above, base) in self.parts() {
            let rows: Vec<u32> = (0..base.len() as u32).collect();
            found.extend(self.chosen(above, &rows, |row| holds(RowRef { base, row })));
        }
        self.in_order(found)
    }

    /// The rows whose boxes touch a box of world units and that fulfil a condition, in order of id. The condition is
    /// also told whether the box of the row lies inside.
    pub fn matching_within(
        &self,
        min: [u32; 2],
        max: [u32; 2],
        holds: impl Fn(RowRef<'_>, bool) -> bool + Sync,
    ) -> Vec<RowAt> {
        let (low, high) = (min.map(tree_unit), max.map(tree_unit));
        let is_inside = |leaf: &Leaf| {
            let (least, most) = leaf.bounds();
            (0..2).all(|axis| least[axis] > low[axis] && most[axis] < high[axis])
        };
        let mut found = Vec::new();
        for (above, base) in self.parts() {
            let mut near: Vec<(u32, bool)> = Vec::new();
            base.search(&TreeBox::from_corners(low, high), |leaf| near.push((leaf.row, is_inside(leaf))));
            if near.len() > base.len() / MANY {
                let (rows, inside) = marked(base.len(), &near);
                found.extend(self.chosen(above, &rows, |row| holds(RowRef { base, row }, inside.has(row))));
                continue;
            }
            near.sort_unstable();
            let rows: Vec<u32> = near.iter().map(|(row, _)| *row).collect();
            let inside = |row: u32| near.binary_search_by_key(&row, |(row, _)| *row).is_ok_and(|place| near[place].1);
            found.extend(self.chosen(above, &rows, |row| holds(RowRef { base, row }, inside(row))));
        }
        self.in_order(found)
    }

    /// The first rows after an id, in order of id.
    pub fn rows_after(&self, after: Option<FeatureId>, limit: usize) -> Vec<RowAt> {
        let mut found = Vec::new();
        for (above, base) in self.parts() {
            let begin = after.map_or(0, |after| base.ids.partition_point(|id| *id <= after));
            let rows = (begin as u32..base.len() as u32).filter(|row| !self.is_masked(above, base.id(*row)));
            found.extend(rows.take(limit).map(|row| RowAt { part: above as u32, row }));
        }
        let mut found = self.in_order(found);
        found.truncate(limit);
        found
    }

    fn chosen(&self, above: usize, rows: &[u32], holds: impl Fn(u32) -> bool + Sync) -> Vec<RowAt> {
        let base = self.row_at(RowAt { part: above as u32, row: 0 }).base;
        let is_chosen = |row: &u32| !self.is_masked(above, base.id(*row)) && holds(*row);
        let at = |row: u32| RowAt { part: above as u32, row };
        let some = |rows: &[u32]| rows.iter().copied().filter(|row| is_chosen(row)).map(at).collect::<Vec<_>>();
        if rows.len() <= CHUNK { some(rows) } else { rows.par_chunks(CHUNK).flat_map_iter(some).collect() }
    }

    /// Rows of each part are in order; those of several are put in order.
    fn in_order(&self, mut found: Vec<RowAt>) -> Vec<RowAt> {
        if !self.deltas.is_empty() {
            found.par_sort_unstable_by_key(|at| self.row_at(*at).id());
        }
        found
    }
}

/// Rows, a bit for each.
struct Marks(Vec<u64>);

impl Marks {
    fn none(rows: usize) -> Self {
        Self(vec![0; rows.div_ceil(64)])
    }

    fn set(&mut self, row: u32) {
        self.0[row as usize / 64] |= 1 << (row % 64);
    }

    fn has(&self, row: u32) -> bool {
        self.0[row as usize / 64] >> (row % 64) & 1 == 1
    }
}

/// The rows in order, and which of them lie inside: where they are many of the layer's, sooner than they are sorted.
fn marked(count: usize, near: &[(u32, bool)]) -> (Vec<u32>, Marks) {
    let (mut all, mut inside) = (Marks::none(count), Marks::none(count));
    for (row, is_inside) in near {
        all.set(*row);
        if *is_inside {
            inside.set(*row);
        }
    }
    let mut rows = Vec::with_capacity(near.len());
    for (place, mut word) in all.0.into_iter().enumerate() {
        while word != 0 {
            rows.push(place as u32 * 64 + word.trailing_zeros());
            word &= word - 1;
        }
    }
    (rows, inside)
}
