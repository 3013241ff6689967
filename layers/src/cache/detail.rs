//! How deep one must zoom to see a vertex.
//!
//! Which vertices of a line or ring a zoom needs is decided once, when the layer is read, by the method of Douglas and
//! Peucker in world coordinates: a tile then only skips vertices, whatever the size of the outline it cuts from, and
//! every tile of a zoom draws the same ones.

use super::ladder::EXTENT_BITS;

/// Tile units (1/4096 of a tile) within which a vertex may be left out: a quarter of a pixel of tiles drawn at 512
/// pixels.
pub(super) const TOLERANCE_BITS: u32 = 1;
/// World units to tile units at zoom 0.
const UNIT_BITS: u32 = u32::BITS - EXTENT_BITS;
/// Vertices that are looked at, per vertex of the outline, before the rest of it is kept whole: ordinary outlines need
/// the logarithm of their length.
const PATIENCE: usize = 64;

/// The zoom from which a vertex that lies `squared` (world units squared) off the line without it is drawn.
fn zoom_of(squared: f64) -> u8 {
    // Drawn when distance > 2^(UNIT_BITS + TOLERANCE_BITS - zoom).
    let mut limit = (2.0_f64).powi(2 * (UNIT_BITS + TOLERANCE_BITS) as i32);
    for zoom in 0..=UNIT_BITS as u8 + TOLERANCE_BITS as u8 {
        if squared > limit {
            return zoom;
        }
        limit /= 4.0;
    }
    u8::MAX
}

/// Buffers that are used again and again.
#[derive(Debug, Default)]
pub struct Detail {
    stack: Vec<(usize, usize, u8)>,
    line: Vec<[f64; 2]>,
    zooms: Vec<u8>,
}

impl Detail {
    /// Appends the zoom of every vertex of a line, whose ends are always drawn.
    pub(super) fn line(&mut self, world: &[[u32; 2]], out: &mut Vec<u8>) {
        if world.len() < 3 {
            out.resize(out.len() + world.len(), 0);
            return;
        }
        self.line.clear();
        self.line.extend(world.iter().map(|vertex| vertex.map(f64::from)));
        self.rank();
        out.extend_from_slice(&self.zooms);
    }

    /// As [`Self::line`] for an open ring: it is cut at its smallest vertex, which does not depend on where the
    /// source began the ring. Rings of up to four vertices are drawn whole.
    pub(super) fn ring(&mut self, world: &[[u32; 2]], out: &mut Vec<u8>) {
        if world.len() < 5 {
            out.resize(out.len() + world.len(), 0);
            return;
        }
        let start = (0..world.len()).min_by_key(|index| world[*index]).unwrap_or(0);
        self.line.clear();
        let turned = world[start..].iter().chain(&world[..=start]);
        self.line.extend(turned.map(|vertex| vertex.map(f64::from)));
        self.rank();
        self.zooms.pop();
        self.zooms.rotate_right(start);
        out.extend_from_slice(&self.zooms);
    }

    /// Which vertices of a line, or of an open ring, have to be drawn for the others to lie within two units of what is
    /// drawn; the coordinates in any unit. Where a ring begins does not matter.
    pub(crate) fn thin(&mut self, vertices: &[[f64; 2]], is_ring: bool, keeps: &mut Vec<bool>) {
        if vertices.len() < if is_ring { 5 } else { 3 } {
            keeps.resize(keeps.len() + vertices.len(), true);
            return;
        }
        let smallest = |a: &usize, b: &usize| {
            let [a, b] = [vertices[*a], vertices[*b]];
            a[0].total_cmp(&b[0]).then(a[1].total_cmp(&b[1]))
        };
        let start = if is_ring { (0..vertices.len()).min_by(smallest).unwrap_or(0) } else { 0 };
        self.line.clear();
        self.line.extend(vertices[start..].iter().chain(&vertices[..start]));
        if is_ring {
            self.line.push(vertices[start]);
        }
        self.rank();
        self.zooms.truncate(vertices.len());
        self.zooms.rotate_right(start);
        // At the zoom at which a tile unit is a world unit.
        keeps.extend(self.zooms.iter().map(|zoom| u32::from(*zoom) <= UNIT_BITS));
    }

    /// Ranks the vertices of `self.line`.
    fn rank(&mut self) {
        let last = self.line.len() - 1;
        self.zooms.clear();
        self.zooms.resize(last + 1, 0);
        let mut patience = self.line.len() * PATIENCE;
        self.stack.clear();
        self.stack.push((0, last, 0));
        while let Some((from, to, parent)) = self.stack.pop() {
            if to - from < 2 || patience < to - from {
                continue;
            }
            patience -= to - from;
            let (squared, index) = farthest(&self.line, from, to);
            // A vertex is never drawn before the one that its part of the line was cut at.
            let zoom = zoom_of(squared).max(parent);
            if zoom == u8::MAX {
                self.zooms[from + 1..to].fill(zoom);
                continue;
            }
            self.zooms[index] = zoom;
            self.stack.extend([(from, index, zoom), (index, to, zoom)]);
        }
    }
}

/// The vertex strictly between two others that lies farthest from the segment, with its squared distance.
fn farthest(line: &[[f64; 2]], from: usize, to: usize) -> (f64, usize) {
    let (a, b) = (line[from], line[to]);
    let d = [b[0] - a[0], b[1] - a[1]];
    let length = d[0] * d[0] + d[1] * d[1];
    let mut worst = (-1.0, from + 1);
    for (index, vertex) in line.iter().enumerate().take(to).skip(from + 1) {
        let p = [vertex[0] - a[0], vertex[1] - a[1]];
        let along = p[0] * d[0] + p[1] * d[1];
        // Squared distance times the squared length, so that nothing is divided.
        let scaled = if along <= 0.0 {
            (p[0] * p[0] + p[1] * p[1]) * length.max(1.0)
        } else if along >= length {
            ((p[0] - d[0]).powi(2) + (p[1] - d[1]).powi(2)) * length
        } else {
            (p[0] * d[1] - p[1] * d[0]).powi(2)
        };
        if scaled > worst.0 {
            worst = (scaled, index);
        }
    }
    (worst.0 / length.max(1.0), worst.1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn circle(count: u32, radius: f64) -> Vec<[u32; 2]> {
        let angle = |index: u32| f64::from(index) * std::f64::consts::TAU / f64::from(count);
        (0..count)
            .map(angle)
            .map(|angle| [radius * angle.cos(), radius * angle.sin()].map(|value| (value + 2e9) as u32))
            .collect()
    }

    fn ranked(ring: &[[u32; 2]]) -> Vec<u8> {
        let mut out = Vec::new();
        Detail::default().ring(ring, &mut out);
        out
    }

    #[test]
    fn deeper_zooms_see_more_of_a_circle_wherever_it_begins() {
        let ring = circle(360, 1e6);
        let zooms = ranked(&ring);
        let drawn = |zoom: u8| zooms.iter().filter(|z| **z <= zoom).count();
        assert!(drawn(0) < 3 && drawn(6) > 6 && drawn(6) < drawn(9) && drawn(9) < drawn(14) && drawn(20) == 360);
        let mut turned = ring.clone();
        turned.rotate_left(100);
        let mut expected = zooms;
        expected.rotate_left(100);
        assert_eq!(ranked(&turned), expected);
    }

    #[test]
    fn an_outline_made_to_waste_time_is_kept_whole() {
        // A comb of ever longer teeth: each cut splits off one vertex.
        let comb: Vec<[u32; 2]> = (0..20_000_u32).map(|i| [i, if i % 2 == 0 { 0 } else { i * 100 }]).collect();
        let mut out = Vec::new();
        Detail::default().line(&comb, &mut out);
        assert_eq!(out.len(), comb.len());
    }

    proptest! {
        #[test]
        fn what_a_zoom_leaves_out_is_within_tolerance(
            vertices in proptest::collection::vec((0_u32..1 << 24, 0_u32..1 << 24), 3..60), zoom in 5_u8..16
        ) {
            let line: Vec<[u32; 2]> = vertices.into_iter().map(|(x, y)| [x, y]).collect();
            let mut zooms = Vec::new();
            Detail::default().line(&line, &mut zooms);
            let kept: Vec<usize> = (0..line.len()).filter(|index| zooms[*index] <= zoom).collect();
            let tolerance = 2_f64.powi(i32::from(UNIT_BITS as u8 + TOLERANCE_BITS as u8 - zoom));
            let real: Vec<[f64; 2]> = line.iter().map(|vertex| vertex.map(f64::from)).collect();
            for pair in kept.windows(2) {
                if pair[1] - pair[0] > 1 {
                    let (squared, _) = farthest(&real, pair[0], pair[1]);
                    prop_assert!(squared.sqrt() <= tolerance * 1.000_001);
                }
            }
        }
    }
}
