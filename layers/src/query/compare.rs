//! What differs in a layer between two moments.

use std::cmp::Ordering;

use crate::cache::{RowAt, RowRef, Snapshot};
use crate::feature::FeatureId;

/// Rows that are compared in a go.
const PIECE: usize = 10_000;

/// A feature that is not as it was.
#[derive(Debug, Clone, Copy)]
pub enum Difference<'a> {
    /// It is new.
    Inserted(RowRef<'a>),
    /// It has another version.
    Updated {
        /// As it was.
        before: RowRef<'a>,
        /// As it is.
        after: RowRef<'a>,
    },
    /// It is gone.
    Deleted(RowRef<'a>),
}

impl<'a> Difference<'a> {
    /// The feature as it is, or as it was before it was deleted.
    pub fn row(&self) -> RowRef<'a> {
        match self {
            Self::Inserted(row) | Self::Deleted(row) | Self::Updated { after: row, .. } => *row,
        }
    }
}

/// The features that differ between two states of a layer, in order of id, from the first after an id on; at most
/// `limit`. What was changed and changed back differs too: its version does.
pub fn differences<'a>(
    before: &'a Snapshot,
    after: &'a Snapshot,
    from: Option<FeatureId>,
    limit: usize,
) -> Vec<Difference<'a>> {
    in_pieces(before, after, from, limit, PIECE)
}

fn in_pieces<'a>(
    before: &'a Snapshot,
    after: &'a Snapshot,
    mut from: Option<FeatureId>,
    limit: usize,
    piece: usize,
) -> Vec<Difference<'a>> {
    let mut found = Vec::new();
    loop {
        let (old, new) = (before.rows_after(from, piece), after.rows_after(from, piece));
        let last = |rows: &[RowAt], of: &Snapshot| rows.last().map(|at| of.row_at(*at).id());
        // Up to the lesser of the two ends both are known; a piece that is not full ends the state.
        let ends = [(old.len(), last(&old, before)), (new.len(), last(&new, after))];
        let end = ends.iter().filter(|(count, _)| *count == piece).filter_map(|(_, end)| *end).min();
        let is_due = |row: &RowRef<'_>| end.is_none_or(|end| row.id() <= end);
        let old = old.into_iter().map(|at| before.row_at(at)).take_while(is_due);
        let new = new.into_iter().map(|at| after.row_at(at)).take_while(is_due);
        merge(old, new, |difference| {
            found.push(difference);
            found.len() < limit
        });
        match end {
            Some(end) if found.len() < limit => from = Some(end),
            _ => return found,
        }
    }
}

/// Walks two lists in order of id, until `take` has enough.
fn merge<'a>(
    old: impl Iterator<Item = RowRef<'a>>,
    new: impl Iterator<Item = RowRef<'a>>,
    mut take: impl FnMut(Difference<'a>) -> bool,
) {
    let (mut old, mut new) = (old.peekable(), new.peekable());
    let version = |row: &RowRef<'_>| row.base.version(row.row);
    loop {
        let (before, after) = (old.peek().copied(), new.peek().copied());
        let order = match (&before, &after) {
            (None, None) => return,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some(before), Some(after)) => before.id().cmp(&after.id()),
        };
        if order.is_le() {
            old.next();
        }
        if order.is_ge() {
            new.next();
        }
        let difference = match (before, after) {
            (Some(before), Some(after)) if order.is_eq() => {
                if version(&before) == version(&after) {
                    continue;
                }
                Difference::Updated { before, after }
            }
            (Some(gone), _) if order.is_lt() => Difference::Deleted(gone),
            (_, Some(fresh)) => Difference::Inserted(fresh),
            (_, None) => return,
        };
        if !take(difference) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::testing::wells;
    use super::*;

    fn snapshot(versions: &BTreeMap<FeatureId, i64>) -> Snapshot {
        wells("EPSG:7795", 0.001, versions.iter().map(|(id, version)| (*id, *version, None)))
    }

    fn told(difference: &Difference<'_>) -> (FeatureId, Option<i64>, Option<i64>) {
        let version = |row: &RowRef<'_>| Some(row.base.version(row.row));
        let id = difference.row().id();
        match difference {
            Difference::Inserted(row) => (id, None, version(row)),
            Difference::Updated { before, after } => (id, version(before), version(after)),
            Difference::Deleted(row) => (id, version(row), None),
        }
    }

    proptest! {
        #[test]
        fn what_differs_is_found_whole_and_in_order_in_pieces_and_pages(
            before in proptest::collection::btree_map(0_i64..60, 1_i64..4, 0..50),
            after in proptest::collection::btree_map(0_i64..60, 1_i64..4, 0..50),
            piece in 1_usize..20,
            page in 1_usize..20,
        ) {
            let ids: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).copied().collect();
            let states = ids.into_iter().map(|id| (id, before.get(&id).copied(), after.get(&id).copied()));
            let expected: Vec<_> = states.filter(|(_, old, new)| old != new).collect();
            let (before, after) = (snapshot(&before), snapshot(&after));
            let whole: Vec<_> = in_pieces(&before, &after, None, usize::MAX, piece).iter().map(told).collect();
            prop_assert_eq!(&whole, &expected);
            let (mut pages, mut from) = (Vec::new(), None);
            loop {
                let some = in_pieces(&before, &after, from, page, piece);
                pages.extend(some.iter().map(told));
                if some.len() < page {
                    break;
                }
                from = pages.last().map(|(id, ..)| *id);
            }
            prop_assert_eq!(pages, expected);
        }
    }
}
