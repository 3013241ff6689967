//! What is found out about a row when it is first asked for: most rows of a large layer are not drawn for long, and
//! nobody need wait for their label points and narrow places while the layer is read or an edit is taken in.
//!
//! Threads that ask at once find the same thing twice.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use rayon::prelude::*;

use super::gap::Gaps;
use super::label;
use super::packed::{GeometryKind, Packed};
use super::plane::WorldPlane;

/// What is known of the rows of a [`super::Base`].
#[derive(Debug)]
pub(super) struct Learnt {
    /// x in the upper half, y in the lower one; 0 when not asked for yet, as is the corner of the world.
    labels: Box<[AtomicU64]>,
    /// One more than the zoom, at most 255; 0 when not asked for yet.
    simple_from: Box<[AtomicU8]>,
    longest_edge: OnceLock<u32>,
}

impl Learnt {
    /// Nothing yet, of so many rows.
    pub fn new(rows: usize, has_labels: bool) -> Self {
        let labels = if has_labels { rows } else { 0 };
        Self {
            labels: std::iter::repeat_with(AtomicU64::default).take(labels).collect(),
            simple_from: std::iter::repeat_with(AtomicU8::default).take(rows).collect(),
            longest_edge: OnceLock::new(),
        }
    }

    /// Where a row is named, in world units; `None` in a layer without label points.
    pub fn label(&self, geometry: &Packed, plane: &WorldPlane, row: u32) -> Option<[u32; 2]> {
        let known = self.labels.get(row as usize)?;
        let kept = known.load(Ordering::Relaxed);
        if kept != 0 {
            return Some([(kept >> 32) as u32, kept as u32]);
        }
        let [x, y] = label::place(geometry, plane, row);
        known.store(u64::from(x) << 32 | u64::from(y), Ordering::Relaxed);
        Some([x, y])
    }

    /// The zoom from which tiles can draw a surface without making its edges meet; 255 where they may at every zoom.
    pub fn simple_from(&self, geometry: &Packed, plane: &WorldPlane, row: u32) -> u8 {
        let Some(known) = self.simple_from.get(row as usize) else { return u8::MAX };
        let kept = known.load(Ordering::Relaxed);
        if kept != 0 {
            return if kept == u8::MAX { kept } else { kept - 1 };
        }
        let zoom = if geometry.kind(row) == GeometryKind::Polygon { gaps(geometry, plane, row) } else { 0 };
        known.store(zoom.saturating_add(1), Ordering::Relaxed);
        zoom
    }

    /// How far the ends of an edge are apart at most, in world units along one axis.
    pub fn longest_edge(&self, geometry: &Packed, plane: &WorldPlane) -> u32 {
        *self.longest_edge.get_or_init(|| {
            let rows = (0..geometry.len() as u32).into_par_iter();
            rows.map(|row| longest_edge(geometry, plane, row)).max().unwrap_or(0)
        })
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.labels.len() * 8 + self.simple_from.len()
    }
}

fn gaps(geometry: &Packed, plane: &WorldPlane, row: u32) -> u8 {
    let mut gaps = Gaps::default();
    for ring in geometry.rings(row) {
        gaps.push(ring.nodes.iter().map(|node| plane.world(*node)));
    }
    gaps.simple_from()
}

fn longest_edge(geometry: &Packed, plane: &WorldPlane, row: u32) -> u32 {
    let kind = geometry.kind(row);
    if matches!(kind, GeometryKind::None | GeometryKind::Point) {
        return 0;
    }
    let mut longest = 0;
    for ring in geometry.rings(row) {
        let closing = ring.nodes.last().filter(|_| kind == GeometryKind::Polygon);
        let mut world = closing.into_iter().chain(ring.nodes).map(|node| plane.world(*node));
        let Some(mut from) = world.next() else { continue };
        for to in world {
            longest = longest.max(from[0].abs_diff(to[0])).max(from[1].abs_diff(to[1]));
            from = to;
        }
    }
    longest
}
