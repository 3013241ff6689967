//! Which tiles of a layer a change touches, and so which finished tiles are out of date.
//!
//! Every tile of a layer has a generation: the last change whose old or new geometry lies in the tile or its buffer.
//! Tiles of different generations are different tiles to the cache of tiles; the others stay what they are.

use std::collections::VecDeque;
use std::ops::RangeInclusive;

use rustc_hash::FxHashMap;

use super::ladder::UNITS_PER_PIXEL;
use super::packed::GeometryKind;
use super::snapshot::RowRef;
use crate::limits::{MAX_TOUCHED_PER_FEATURE, MAX_TOUCHED_TILES};
use crate::log::Seq;
use crate::tile::{EXTENT, GridTile, TileId};

/// World units by which a tile is widened: boxes of features are rounded outwards to tree units.
const MARGIN: u32 = 8;
/// Tile units by which a tile is widened besides, points excepted: an outline is drawn within a quarter of a pixel of
/// where it is, and what stands for its neighbourhood is a pixel wide.
const DRAWN_WITHIN: u32 = UNITS_PER_PIXEL + 2;
/// Segments looked at for one feature at most; what is left then counts as touched down to the last zoom.
const MAX_WORK: usize = 4_000_000;

type Segment = [[u32; 2]; 2];

/// What a tile of a layer is made of, told by its last change: tiles of one generation are the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Generation {
    /// How often the layer as a whole was another: after a log that was set back, a `seq` may come twice.
    pub era: u64,
    /// The last change that touched the tile.
    pub seq: Seq,
}

/// The place of a feature in world units.
#[derive(Debug, Clone, Default)]
pub struct Footprint {
    segments: Vec<Segment>,
    /// Of a surface: where each ring begins in the segments, and whether it is a hole.
    rings: Vec<(usize, bool)>,
    /// Tile units around it that may be drawn.
    reach: u32,
}

impl Footprint {
    /// Of a feature in the cache.
    pub fn of(row: RowRef<'_>) -> Self {
        let geometry = row.base.geometry();
        let kind = geometry.kind(row.row);
        let mut segments = Vec::with_capacity(geometry.vertex_count(row.row));
        let mut rings = Vec::new();
        for ring in geometry.rings(row.row) {
            let world: Vec<[u32; 2]> = ring.nodes.iter().map(|node| row.base.world(*node)).collect();
            match (kind, world.as_slice()) {
                (GeometryKind::Polygon, [.., last]) => {
                    rings.push((segments.len(), ring.hole));
                    let ends = std::iter::once(*last).chain(world.iter().copied());
                    segments.extend(ends.zip(world.iter().copied()).map(|(from, to)| [from, to]));
                }
                (GeometryKind::Line, [_, _, ..]) => segments.extend(world.windows(2).map(|pair| [pair[0], pair[1]])),
                _ => segments.extend(world.iter().map(|position| [*position, *position])),
            }
        }
        Self { segments, rings, reach: if kind == GeometryKind::Point { 0 } else { DRAWN_WITHIN } }
    }

    /// The longest edge along an axis, world units.
    fn longest(&self) -> u32 {
        let edges = self.segments.iter().map(|[a, b]| a[0].abs_diff(b[0]).max(a[1].abs_diff(b[1])));
        edges.max().unwrap_or(0)
    }

    /// Smallest and largest corner in world units; `None` without a geometry.
    pub fn bounds(&self) -> Option<([u32; 2], [u32; 2])> {
        let ends = self.segments.iter().flatten();
        ends.fold(None, |bounds, [x, y]| {
            let (low, high) = bounds.unwrap_or(([*x, *y], [*x, *y]));
            Some(([low[0].min(*x), low[1].min(*y)], [high[0].max(*x), high[1].max(*y)]))
        })
    }

    fn is_surface(&self) -> bool {
        !self.rings.is_empty()
    }

    /// Whether something is drawn at a position inside the surface: more shells than holes go around it.
    fn holds(&self, position: [i64; 2]) -> bool {
        let ends = self.rings.iter().skip(1).map(|(start, _)| *start).chain([self.segments.len()]);
        let inside =
            self.rings.iter().zip(ends).filter(|((start, _), end)| goes_around(&self.segments[*start..*end], position));
        let (holes, shells): (Vec<_>, Vec<_>) = inside.partition(|((_, hole), _)| *hole);
        shells.len() > holes.len()
    }
}

/// Whether a ring goes around a position, be it several times: what a clip leaves of it is not nothing then.
fn goes_around(ring: &[Segment], [x, y]: [i64; 2]) -> bool {
    let mut winding = 0;
    for [[ax, ay], [bx, by]] in ring.iter().map(|ends| ends.map(|end| end.map(i64::from))) {
        if (ay > y) != (by > y) {
            // Coordinates below 2³³: the products stay below 2⁶⁷, so i128.
            let cross = i128::from(bx - ax) * i128::from(y - ay) - i128::from(by - ay) * i128::from(x - ax);
            if (cross > 0) == (by > ay) {
                winding += if by > ay { 1 } else { -1 };
            }
        }
    }
    winding != 0
}

/// The generations of a layer's tiles.
#[derive(Debug, Default)]
pub struct Touched {
    era: u64,
    /// Every tile is at least of this generation.
    floor: Seq,
    /// No tile is of a later one.
    last: Seq,
    /// The longest edge of all that was touched, world units.
    longest: u32,
    tiles: FxHashMap<TileId, Seq>,
    /// Tiles that were touched with all that lie in them.
    subtrees: FxHashMap<TileId, Seq>,
}

impl Touched {
    /// The generation of a tile.
    pub fn generation(&self, tile: TileId) -> Generation {
        Generation { era: self.era, seq: self.last(tile) }
    }

    /// The generation of the layer as a whole: that of its youngest tile.
    pub fn youngest(&self) -> Generation {
        Generation { era: self.era, seq: self.last }
    }

    /// The generation of a tile of another grid: that of the youngest of the tiles of WebMercatorQuad in which that may lie
    /// which is drawn in it. What is straight in one plane is a curve in the other, by the more the longer it is.
    pub fn generation_in(&self, tile: &GridTile) -> Generation {
        match tile.mercator_tiles(self.longest) {
            Some(tiles) => {
                Generation { era: self.era, seq: tiles.map(|tile| self.last(tile)).max().unwrap_or(self.floor) }
            }
            None => self.youngest(),
        }
    }

    fn last(&self, tile: TileId) -> Seq {
        let own = self.tiles.get(&tile).copied().unwrap_or(self.floor);
        if self.subtrees.is_empty() {
            return own;
        }
        let ancestors = (0..=tile.z).map(|up| TileId { z: tile.z - up, x: tile.x >> up, y: tile.y >> up });
        ancestors.filter_map(|ancestor| self.subtrees.get(&ancestor)).fold(own, |last, seq| last.max(*seq))
    }

    /// All tiles are of a new generation.
    pub fn renew(&mut self, seq: Seq) {
        *self = Self { era: self.era + 1, floor: seq, last: seq, ..Self::default() };
    }

    /// Notes that a change was published, be it that no tile shows it.
    pub fn note(&mut self, seq: Seq) {
        self.last = self.last.max(seq);
    }

    /// Notes that a feature was or is at a place, in the tiles of some zooms.
    pub fn touch(&mut self, seq: Seq, place: &Footprint, zooms: RangeInclusive<u8>) {
        self.note(seq);
        if self.tiles.len() + self.subtrees.len() > MAX_TOUCHED_TILES {
            self.renew(seq);
            return;
        }
        self.longest = self.longest.max(place.longest());
        cover(place, *zooms.end(), |tile, whole| {
            if whole {
                self.subtrees.insert(tile, seq);
            } else if tile.z >= *zooms.start() {
                self.tiles.insert(tile, seq);
            }
        });
    }
}

/// Finds the tiles from zoom 0 to `deepest` in which a place lies, from the top down, so that each looks only at the
/// segments of the one above. `whole` says that all that lie in a tile are meant too.
fn cover(place: &Footprint, deepest: u8, mut found: impl FnMut(TileId, bool)) {
    let mut queue = VecDeque::from([(TileId { z: 0, x: 0, y: 0 }, place.segments.clone())]);
    let (mut tiles, mut work) = (0, 0);
    while let Some((tile, above)) = queue.pop_front() {
        let (min, max) = widened(tile, place.reach);
        work += above.len();
        let here: Vec<Segment> = above.into_iter().filter(|segment| crosses(segment, min, max)).collect();
        if here.is_empty() {
            let middle = [0, 1].map(|axis| i64::midpoint(i64::from(min[axis]), i64::from(max[axis])));
            if place.is_surface() && place.holds(middle) {
                found(tile, true);
            }
            work += if place.is_surface() { place.segments.len() } else { 0 };
            continue;
        }
        tiles += 1;
        let spent = tiles > MAX_TOUCHED_PER_FEATURE || work > MAX_WORK;
        found(tile, spent && tile.z < deepest);
        if !spent && tile.z < deepest {
            for (right, down) in [(0, 0), (1, 0), (0, 1), (1, 1)] {
                let child = TileId { z: tile.z + 1, x: tile.x * 2 + right, y: tile.y * 2 + down };
                queue.push_back((child, here.clone()));
            }
        }
    }
}

fn widened(tile: TileId, reach: u32) -> ([u32; 2], [u32; 2]) {
    let (min, max) = tile.world_bounds();
    let margin = MARGIN + ((u64::from(reach) << (u32::BITS - EXTENT.ilog2())) >> tile.z) as u32;
    (min.map(|low| low.saturating_sub(margin)), max.map(|high| high.saturating_add(margin)))
}

/// Whether a segment touches a box.
fn crosses(segment: &Segment, min: [u32; 2], max: [u32; 2]) -> bool {
    let [a, b] = segment;
    if (0..2).any(|axis| a[axis].max(b[axis]) < min[axis] || a[axis].min(b[axis]) > max[axis]) {
        return false;
    }
    let within = |end: &[u32; 2]| (0..2).all(|axis| (min[axis]..=max[axis]).contains(&end[axis]));
    if within(a) || within(b) || a[0] == b[0] || a[1] == b[1] {
        return true;
    }
    // The corners of the box must not all lie on one side of the line.
    let [a, b] = [a, b].map(|end| end.map(i128::from));
    let sides = [[min[0], min[1]], [max[0], min[1]], [min[0], max[1]], [max[0], max[1]]].map(|corner| {
        let [x, y] = corner.map(i128::from);
        ((b[0] - a[0]) * (y - a[1]) - (b[1] - a[1]) * (x - a[0])).signum()
    });
    !(sides.iter().all(|side| *side > 0) || sides.iter().all(|side| *side < 0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn touched(place: &Footprint, deepest: u8) -> Touched {
        let mut touched = Touched::default();
        touched.touch(7, place, 0..=deepest);
        touched
    }

    fn surface(corners: &[[u32; 2]]) -> Footprint {
        let closed = corners.iter().skip(1).chain(corners.first());
        let segments = corners.iter().zip(closed).map(|(a, b)| [*a, *b]).collect();
        Footprint { segments, rings: vec![(0, false)], reach: 0 }
    }

    #[test]
    fn a_point_touches_one_tile_a_zoom_unless_it_lies_at_an_edge() {
        let inside = Footprint { segments: vec![[[0x5555_5555, 0xaaaa_aaaa]; 2]], ..Footprint::default() };
        let place = touched(&inside, 18);
        assert_eq!((place.tiles.len(), place.subtrees.len()), (19, 0));
        for z in 0..=18 {
            assert_eq!(place.last(TileId::holding([0x5555_5555, 0xaaaa_aaaa], z)), 7);
        }
        assert_eq!(place.last(TileId { z: 18, x: 1, y: 1 }), 0);
        let corner = Footprint { segments: vec![[[0x8000_0000, 0x8000_0000]; 2]], ..Footprint::default() };
        assert_eq!(touched(&corner, 18).tiles.len(), 1 + 18 * 4);
    }

    #[test]
    fn a_surface_touches_what_lies_inside_it_at_every_zoom_and_a_hole_does_not() {
        let ring = |low: u32, high: u32| [[low, low], [high, low], [high, high], [low, high]];
        let mut place = surface(&ring(0x4000_0000, 0xc000_0000));
        place.rings.push((place.segments.len(), true));
        place.segments.extend(surface(&ring(0x6000_0000, 0xa000_0000)).segments);
        let place = touched(&place, 12);
        let at = |world: u32| place.last(TileId::holding([world, world], 12));
        assert_eq!((at(0x5000_0000), at(0x8000_0000), at(0x2000_0000)), (7, 0, 0));
    }

    #[test]
    fn a_diagonal_line_does_not_touch_the_corners_of_its_box() {
        let line = Footprint {
            segments: vec![[[0x1000_0000, 0x1000_0000], [0xf000_0000, 0xf000_0000]]],
            ..Footprint::default()
        };
        let line = touched(&line, 6);
        assert_eq!(line.last(TileId { z: 6, x: 60, y: 4 }), 0);
        assert_eq!(line.last(TileId { z: 6, x: 31, y: 31 }), 7);
    }

    #[test]
    fn what_is_too_much_to_list_is_noted_in_the_whole() {
        let zigzag: Vec<[u32; 2]> =
            (0..60_u32).map(|step| [step * 70_000_000, if step % 2 == 0 { 0 } else { u32::MAX }]).collect();
        let line =
            Footprint { segments: zigzag.windows(2).map(|pair| [pair[0], pair[1]]).collect(), ..Footprint::default() };
        let place = touched(&line, 18);
        assert!(place.tiles.len() + place.subtrees.len() < 4 * MAX_TOUCHED_PER_FEATURE + 8);
        for [from, to] in &line.segments {
            let middle = [0, 1].map(|axis| u32::midpoint(from[axis], to[axis]));
            assert_eq!(place.last(TileId::holding(middle, 18)), 7);
        }
    }

    proptest! {
        #[test]
        fn no_tile_is_missed(
            corners in prop::collection::vec([any::<u32>(), any::<u32>()], 3..8),
            is_surface in any::<bool>(),
            probes in prop::collection::vec((any::<prop::sample::Index>(), 0.0..=1.0_f64), 20),
            z in 0..12_u8,
        ) {
            let mut place = surface(&corners);
            if !is_surface {
                place.rings.clear();
            }
            let touched = touched(&place, 12);
            for (index, share) in probes {
                let [from, to] = place.segments[index.index(place.segments.len())].map(|end| end.map(f64::from));
                let at = [0, 1].map(|axis| (from[axis] + (to[axis] - from[axis]) * share) as u32);
                prop_assert_eq!(touched.last(TileId::holding(at, z)), 7);
            }
            if is_surface {
                let middle = [0, 1].map(|axis| (corners.iter().map(|c| u64::from(c[axis])).sum::<u64>() / corners.len() as u64) as u32);
                if place.holds(middle.map(i64::from)) {
                    prop_assert_eq!(touched.last(TileId::holding(middle, z)), 7);
                }
            }
        }
    }
}
