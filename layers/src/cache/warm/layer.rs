//! A layer on disk: its base with the ladder, and what changed since the base was read.

use std::sync::Arc;

use rstar::RTreeObject;

use super::sections::{Damaged, Sink, Source, WarmError};
use crate::cache::base::{Base, Leaf, Tree};
use crate::cache::builder::{BaseBuilder, plane_of};
use crate::cache::changed::{Changed, Now};
use crate::cache::column::Column;
use crate::cache::homes::{Decided, Grown};
use crate::cache::ladder::Ladder;
use crate::cache::learnt::Learnt;
use crate::cache::packed::Packed;
use crate::cache::snapshot::Snapshot;
use crate::crs::Crs;
use crate::definition::LayerDefinition;
use crate::feature::FeatureId;
use crate::log::Seq;

/// Rows whose boxes are worked out again, to see that this machine still finds what is written.
const PROBES: usize = 64;

/// Writes the base of a snapshot and its ladder.
pub(super) fn keep_base(sink: &mut Sink<'_>, base: &Base, ladder: &Ladder) -> Result<(), WarmError> {
    keep_rows(sink, base)?;
    sink.record(&base.tree)?;
    sink.record(ladder)
}

/// Reads what [`keep_base`] wrote.
pub(super) fn revive_base(source: &mut Source, definition: &LayerDefinition) -> Result<(Base, Ladder), WarmError> {
    let crs = Crs::parse(definition.crs.as_deref().unwrap_or("EPSG:4326"))?;
    let Rows { ids, versions, geometry, columns } = revive_rows(source, definition)?;
    let rows = ids.len();
    let learnt = Learnt::new(rows, definition.has_label_points());
    let (tree, ladder): (Tree, Ladder) = (source.record()?, source.record()?);
    let plane = plane_of(&crs, &geometry)?;
    let base = Base { ids, versions, geometry, columns, learnt, tree, crs, plane };
    check_tree(&base)?;
    if !ladder.fits(rows) {
        return Err(Damaged("a ladder of another layer").into());
    }
    Ok((base, ladder))
}

fn keep_rows(sink: &mut Sink<'_>, base: &Base) -> Result<(), WarmError> {
    sink.array(&base.ids)?;
    sink.array(&base.versions)?;
    base.geometry.keep(sink)?;
    base.columns.iter().try_for_each(|column| column.keep(sink))
}

/// What [`keep_rows`] wrote.
struct Rows {
    ids: Vec<FeatureId>,
    versions: Vec<u32>,
    geometry: Packed,
    columns: Vec<Column>,
}

fn revive_rows(source: &mut Source, definition: &LayerDefinition) -> Result<Rows, WarmError> {
    let (ids, versions) = (source.array::<FeatureId>()?, source.array::<u32>()?);
    let geometry = Packed::revive(source)?;
    let rows = ids.len();
    if versions.len() != rows || geometry.len() != rows || ids.windows(2).any(|pair| pair[0] >= pair[1]) {
        return Err(Damaged("rows that do not go together").into());
    }
    let columns = definition.fields.iter().map(|field| Column::revive(source, field.kind, rows));
    let columns = columns.collect::<Result<Vec<_>, _>>()?;
    Ok(Rows { ids, versions, geometry, columns })
}

/// Every row with a geometry is in the tree; some of them are worked out again.
fn check_tree(base: &Base) -> Result<(), WarmError> {
    let rows = base.len();
    let placed = (0..rows as u32).filter(|row| base.geometry.vertex_count(*row) > 0).count();
    if base.tree.size() != placed || base.tree.iter().any(|leaf| leaf.row as usize >= rows) {
        return Err(Damaged("a tree of another layer").into());
    }
    let stride = (placed / PROBES).max(1);
    for leaf in base.tree.iter().step_by(stride) {
        if Leaf::of(&base.geometry, &base.plane, leaf.row).map(|leaf| leaf.envelope()) != Some(leaf.envelope()) {
            return Err(WarmError::Foreign);
        }
    }
    Ok(())
}

/// Writes what changed since the base was read, and what the ladder says since.
pub(super) fn keep_changes(sink: &mut Sink<'_>, snapshot: &Snapshot, grown: &Grown) -> Result<(), WarmError> {
    let mut ids: Vec<FeatureId> = snapshot.deltas.iter().flat_map(|delta| delta.masked.iter().copied()).collect();
    ids.sort_unstable();
    ids.dedup();
    let mut builder = BaseBuilder::beside(&snapshot.base, &snapshot.definition)?;
    for row in ids.iter().filter_map(|id| snapshot.feature(*id)) {
        builder.push(&row.to_feature());
    }
    let (added, _) = builder.finish()?;
    sink.array(&ids)?;
    keep_rows(sink, &added)?;
    sink.record(&snapshot.decided)?;
    sink.record(grown)
}

/// A layer as it was kept.
pub(in crate::cache) struct Revived {
    pub snapshot: Snapshot,
    pub changed: Changed,
    pub grown: Grown,
}

/// Reads what [`keep_changes`] wrote on top of a base.
pub(super) fn revive_changes(
    source: &mut Source,
    base: Base,
    ladder: Ladder,
    definition: Arc<LayerDefinition>,
    seq: Seq,
) -> Result<Revived, WarmError> {
    let ids = source.array::<FeatureId>()?;
    let added = revive_added(source, &base, &definition)?;
    let (decided, grown): (Decided, Grown) = (source.record()?, source.record()?);
    if !decided.fits(base.len()) {
        return Err(Damaged("decisions of another layer").into());
    }
    let now = |id: &FeatureId| {
        let row = added.binary_search_by_key(id, |(id, _)| *id).ok()?;
        added[row].1.clone()
    };
    let rows: Vec<Now> = ids.iter().map(|id| (*id, now(id))).collect();
    let mut changed = Changed::default();
    changed.take(&base, &definition, rows)?;
    let there = |id: &&FeatureId| base.row(**id).is_some();
    let count = base.len() - ids.iter().filter(there).count() + added.len();
    let first = Snapshot::kept(base, ladder, definition, seq);
    let mut snapshot = first.with(changed.deltas(), count, seq);
    snapshot.decided = decided;
    Ok(Revived { snapshot, changed, grown })
}

/// The rows that changed and are still there, in order of id.
fn revive_added(source: &mut Source, base: &Base, definition: &LayerDefinition) -> Result<Vec<Now>, WarmError> {
    let Rows { ids, versions, geometry, columns } = revive_rows(source, definition)?;
    let rows = ids.len();
    let (learnt, tree) = (Learnt::new(0, false), Tree::new());
    let (crs, plane) = (base.crs.clone(), Arc::clone(&base.plane));
    let added = Base { ids, versions, geometry, columns, learnt, tree, crs, plane };
    let feature = |row: u32| {
        let feature = crate::cache::RowRef { base: &added, row }.to_feature();
        (feature.id, Some(feature))
    };
    Ok((0..rows as u32).map(feature).collect())
}
