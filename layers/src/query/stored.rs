//! Features of a layer that is not in memory: what is asked of the store, and what comes of it.

use std::sync::Arc;
use std::time::Duration;

use super::cql2::BoundFilter;
use super::frame::Frame;
use super::items::{Cursor, Selection, SortKey};
use crate::cache::{BaseBuilder, BuildError, RowAt, Snapshot};
use crate::crs::Crs;
use crate::definition::LayerDefinition;
use crate::feature::StoredFeature;
use crate::log::Seq;
use crate::store::{Judge, Sought};

/// Some features as a snapshot of their own, and their places in it in the order in which they are given. Those that could
/// not be mirrored are left out.
///
/// # Errors
/// As [`BaseBuilder::finish`].
pub fn gathered(
    definition: &Arc<LayerDefinition>,
    seq: Seq,
    rows: &[StoredFeature],
) -> Result<(Snapshot, Vec<RowAt>), BuildError> {
    let mut places: Vec<usize> = (0..rows.len()).collect();
    places.sort_unstable_by_key(|place| rows[*place].id);
    let mut builder = BaseBuilder::sparse(definition)?;
    for place in places {
        builder.push(&rows[place]);
    }
    let (base, set_aside) = builder.finish()?;
    for (id, reason) in set_aside {
        tracing::warn!(layer = definition.id, id, reason, "a stored feature is set aside");
    }
    let snapshot = Snapshot::listed(base, Arc::clone(definition), seq);
    let found = rows.iter().filter_map(|row| snapshot.place_of(row.id)).collect();
    Ok((snapshot, found))
}

/// Some features as a snapshot that tiles can be drawn of.
///
/// # Errors
/// As [`BaseBuilder::finish`].
pub fn drawable(
    definition: &Arc<LayerDefinition>,
    seq: Seq,
    mut rows: Vec<StoredFeature>,
) -> Result<Snapshot, BuildError> {
    rows.sort_unstable_by_key(|row| row.id);
    let mut builder = BaseBuilder::new(definition)?;
    for row in &rows {
        builder.push(row);
    }
    Ok(Snapshot::of(builder.finish()?.0, Arc::clone(definition), seq))
}

/// A question to the store for what lies in a frame, and perhaps a little beyond, and fulfils a filter.
pub fn sought_in(frame: Frame, filter: Option<&BoundFilter>, within: Duration) -> Sought {
    Sought {
        conditions: filter.map(|filter| filter.condition().clone()).into_iter().collect(),
        frames: Some(vec![frame]),
        // Whoever draws looks again.
        judge: Arc::new(|rows| rows),
        order: Vec::new(),
        after: None,
        limit: None,
        is_counted: false,
        at: None,
        within,
    }
}

/// A question to the store, of which `limit` and the like may be changed.
pub fn sought(
    definition: &Arc<LayerDefinition>,
    selection: &Arc<Selection>,
    order: &[SortKey],
    after: Option<&Cursor>,
    within: Duration,
) -> Sought {
    let storage = definition.crs.as_deref().and_then(|crs| Crs::parse(crs).ok());
    let mut conditions: Vec<_> = selection.filters.iter().map(|filter| filter.condition().clone()).collect();
    conditions.extend(selection.validity.conditions(definition));
    let anywhere = || vec![Frame { outer: None, inner: None }];
    let frames = selection.area.as_ref().map(|area| storage.map_or_else(anywhere, |crs| area.frames(&crs)));
    Sought {
        conditions,
        frames,
        judge: judge(definition, selection),
        order: order.to_vec(),
        after: after.cloned(),
        limit: None,
        is_counted: false,
        at: None,
        within,
    }
}

/// Looks at features as they would be looked at in memory.
fn judge(definition: &Arc<LayerDefinition>, selection: &Arc<Selection>) -> Judge {
    let (definition, selection) = (Arc::clone(definition), Arc::clone(selection));
    Arc::new(move |rows| {
        let (snapshot, _) = match gathered(&definition, 0, &rows) {
            Ok(gathered) => gathered,
            Err(error) => {
                tracing::warn!(layer = definition.id, %error, "stored features cannot be looked at");
                return Vec::new();
            }
        };
        let is_sought = |row: &StoredFeature| snapshot.feature(row.id).is_some_and(|row| selection.holds(row));
        rows.into_iter().filter(is_sought).collect()
    })
}
