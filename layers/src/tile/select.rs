//! Which features of a layer a tile is about.

use std::cmp::Reverse;

use super::render::TileOptions;
use crate::cache::{Leaf, RowRef, Snapshot, Validity};

/// Bytes that a feature takes in a tile at least: what exceeds the budget by that alone need not be drawn to be left out.
const LEAST_BYTES: usize = 14;

/// Features whose boxes touch the tile.
#[derive(Debug, Default)]
pub(super) struct Found<'a> {
    /// Those that may be drawn, each with the extent of its box in tree units.
    pub rows: Vec<(RowRef<'a>, u32)>,
    /// How many there were before the next two.
    pub seen: u32,
    /// Not valid on the days that are asked for.
    pub invalid: u32,
    /// Not what the filter lets through.
    pub refused: u32,
    /// Let through by the filter, but more than can have room; the smallest.
    pub unlisted: u32,
}

/// Without a filter what the ladder keeps at the zoom. With one, everything is looked at: a ladder that is made for all
/// features would hide most of the few that somebody asks for.
pub(super) fn select<'a>(
    snapshot: &'a Snapshot,
    zoom: u8,
    (min, max): ([u32; 2], [u32; 2]),
    options: &TileOptions,
) -> Found<'a> {
    let mut found = Found { rows: Vec::with_capacity(256), ..Found::default() };
    let validity = Validity::between(snapshot.definition(), options.during[0], options.during[1]);
    let Some(filter) = &options.filter else {
        snapshot.search_drawn(zoom, min, max, |row, leaf: &Leaf| {
            found.seen += 1;
            if validity.holds(row) {
                found.rows.push((row, leaf.extent()));
            } else {
                found.invalid += 1;
            }
        });
        return found;
    };
    snapshot.search(min, max, |row, leaf| {
        found.seen += 1;
        if !validity.holds(row) {
            found.invalid += 1;
        } else if filter.matches(&row) {
            found.rows.push((row, leaf.extent()));
        } else {
            found.refused += 1;
        }
    });
    let most = options.budget.unwrap_or_else(|| snapshot.definition().tile_budget()) / LEAST_BYTES;
    if found.rows.len() > most {
        found.unlisted = (found.rows.len() - most) as u32;
        let by = |(row, extent): &(RowRef<'_>, u32)| (Reverse(*extent), row.id());
        found.rows.select_nth_unstable_by_key(most, by);
        found.rows.truncate(most);
    }
    found
}
