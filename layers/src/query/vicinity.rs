//! What of a large surface lies about a small place, without looking at all of it.
//!
//! A zone of a plan may have ten thousand vertices, and a parcel that is cut by it lies at five of them. Vertices far away
//! are left out here, run by run, so that inside the box, and along its border, nothing is another; outside of it the
//! outline is a coarse one.

use geo_types::{Coord, LineString, MultiPolygon, Polygon, Rect};

use crate::cache::{Base, GeometryKind, Ring, RowRef, Snapshot};
use crate::crs::{Crs, with_transformer};

/// Places along each side of a box that are brought to the CRS of a layer.
const ALONG: u32 = 4;
/// By how much of its size the box in that CRS is taken wider: its sides are no straight lines there.
const WIDER: f64 = 0.05;

/// A box about a place, for the surfaces of one layer.
#[derive(Debug, Clone, Copy)]
pub struct Vicinity {
    /// In storage coordinates.
    min: [f64; 2],
    max: [f64; 2],
}

/// The sides of the box beyond which a position lies.
type Sides = u8;

impl Vicinity {
    /// Of a box in degrees, longitude before latitude. `None` where the layer has nothing, or its CRS has no such place.
    pub fn new(snapshot: &Snapshot, frame: Rect<f64>) -> Option<Self> {
        let (low, high) = (frame.min(), frame.max());
        let part = |n: u32| f64::from(n) / f64::from(ALONG);
        let border = (0..=ALONG).flat_map(|n| {
            let at = Coord { x: low.x + (high.x - low.x) * part(n), y: low.y + (high.y - low.y) * part(n) };
            [[at.x, low.y], [at.x, high.y], [low.x, at.y], [high.x, at.y]]
        });
        let border: Vec<[f64; 2]> = with_transformer(&Crs::crs84(), snapshot.crs()?, |transformer| {
            border.map(|position| transformer.point(position)).collect::<Result<_, _>>()
        })
        .ok()?
        .ok()?;
        let (mut min, mut max) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
        for position in border {
            for axis in 0..2 {
                (min[axis], max[axis]) = (min[axis].min(position[axis]), max[axis].max(position[axis]));
            }
        }
        let wider = WIDER * (max[0] - min[0]).max(max[1] - min[1]);
        (0..2).for_each(|axis| (min[axis], max[axis]) = (min[axis] - wider, max[axis] + wider));
        min.iter().chain(&max).all(|value| value.is_finite()).then_some(Self { min, max })
    }

    /// The surface of a row of the layer, in degrees: the row's own within the box. `None` where the row is no surface, or has
    /// nothing in the box.
    pub fn surface(&self, row: RowRef<'_>) -> Option<MultiPolygon<f64>> {
        let base = row.base;
        if base.geometry().kind(row.row) != GeometryKind::Polygon {
            return None;
        }
        let [low, high] = [self.min, self.max].map(|corner| base.geometry().grid().steps(corner));
        // Casts go as far as the numbers do.
        let corners = [low.map(|step| step.floor() as i32), high.map(|step| step.ceil() as i32)];
        let mut lonlat = base.lonlat_of_each();
        let mut polygons: Vec<Polygon<f64>> = Vec::new();
        let (mut kept, mut is_left_out) = (Vec::new(), false);
        for ring in base.geometry().rings(row.row) {
            if ring.hole && is_left_out {
                continue;
            }
            thin(ring, corners, &mut kept);
            let is_none = kept.len() < 3;
            is_left_out = if ring.hole { is_left_out } else { is_none };
            if is_none {
                continue;
            }
            let line = outline(base, &kept, &mut lonlat);
            match polygons.last_mut() {
                Some(polygon) if ring.hole => polygon.interiors_push(line),
                _ => polygons.push(Polygon::new(line, Vec::new())),
            }
        }
        (!polygons.is_empty()).then_some(MultiPolygon(polygons))
    }
}

fn outline(base: &Base, nodes: &[[i32; 2]], lonlat: &mut impl FnMut([f64; 2]) -> [f64; 2]) -> LineString<f64> {
    let coord = |node: &[i32; 2]| {
        let [x, y] = lonlat(base.geometry().grid().unpack(*node));
        Coord { x, y }
    };
    let mut coords: Vec<Coord<f64>> = nodes.iter().map(coord).collect();
    coords.push(coords[0]);
    LineString(coords)
}

/// The smallest and the largest node of a box.
type Corners = [[i32; 2]; 2];

/// Beyond which sides all of a box of nodes lies.
fn beyond(min: [i32; 2], max: [i32; 2], [low, high]: Corners) -> Sides {
    let side = |is_beyond: bool, bit: u8| u8::from(is_beyond) << bit;
    side(max[0] < low[0], 0) | side(min[0] > high[0], 1) | side(max[1] < low[1], 2) | side(min[1] > high[1], 3)
}

/// The box around some nodes.
fn around(nodes: &[[i32; 2]]) -> Corners {
    nodes.iter().fold([[i32::MAX; 2], [i32::MIN; 2]], |[min, max], [x, y]| {
        [[min[0].min(*x), min[1].min(*y)], [max[0].max(*x), max[1].max(*y)]]
    })
}

/// Leaves out vertices of chains that lie beyond one side of the box as a whole: the edge that takes their place lies beyond
/// it too. What is left of an outline that is nowhere near is no outline any more.
fn thin(ring: Ring<'_>, corners: Corners, kept: &mut Vec<[i32; 2]>) {
    kept.clear();
    let Some(first) = ring.nodes.first() else { return };
    // Most rings of a layer of many small surfaces are nowhere near.
    if !ring.is_long() {
        let [min, max] = around(ring.nodes);
        if beyond(min, max, corners) != 0 {
            return;
        }
    }
    let mut chain = Chain { kept, end: *first, sides: beyond(*first, *first, corners), is_kept: true };
    chain.kept.push(*first);
    if ring.is_long() {
        for (run, span) in ring.runs() {
            let Some(last) = ring.nodes.get(span.end - 1) else { continue };
            // The box of the first run holds the edge that closes the outline, and so more than its vertices.
            if !chain.goes_on(*last, beyond(run.min, run.max, corners)) {
                ring.nodes[span.start.max(1)..span.end].iter().for_each(|node| chain.add(*node, corners));
            }
        }
    } else {
        ring.nodes[1..].iter().for_each(|node| chain.add(*node, corners));
    }
    if !chain.is_kept {
        let end = chain.end;
        chain.kept.push(end);
    }
}

/// The outline so far: what is kept, and a chain of vertices after it that lie beyond common sides.
struct Chain<'a> {
    kept: &'a mut Vec<[i32; 2]>,
    end: [i32; 2],
    sides: Sides,
    is_kept: bool,
}

impl Chain<'_> {
    /// Takes vertices that lie beyond some sides into the chain, the last of which is `end`; false where they are of another.
    fn goes_on(&mut self, end: [i32; 2], sides: Sides) -> bool {
        let common = self.sides & sides;
        if common != 0 {
            (self.end, self.sides, self.is_kept) = (end, common, false);
        }
        common != 0
    }

    fn add(&mut self, node: [i32; 2], corners: Corners) {
        let sides = beyond(node, node, corners);
        if self.goes_on(node, sides) {
            return;
        }
        if !self.is_kept {
            self.kept.push(self.end);
        }
        // The edge to the next vertex is one of the outline itself.
        self.sides = beyond(self.end, self.end, corners) & sides;
        (self.end, self.is_kept) = (node, false);
    }
}

#[cfg(test)]
mod tests {
    use geo::{Area as _, BooleanOps as _, BoundingRect as _};
    use proptest::prelude::*;

    use super::*;
    use crate::query::Positions;
    use crate::query::testing::surfaces;

    /// A star with many corners, and a hole of the same kind, in metres about the origin of EPSG:7795.
    fn star(corners: u32, dice: &[f64]) -> Polygon<f64> {
        let ring = |reach: f64| {
            let corner = |n: u32| {
                let turn = f64::from(n) / f64::from(corners) * std::f64::consts::TAU;
                let far = reach * (0.3 + 0.7 * dice[n as usize % dice.len()]);
                Coord { x: 3_026_000.0 + far * turn.cos(), y: 5_033_000.0 + far * turn.sin() }
            };
            LineString((0..=corners).map(|n| corner(n % corners)).collect())
        };
        Polygon::new(ring(4000.0), vec![ring(1000.0)])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn in_the_box_nothing_is_another(
            corners in 4_u32..600,
            dice in proptest::collection::vec(0.0..1.0_f64, 1..40),
            x in -4500.0..4500.0_f64, y in -4500.0..4500.0_f64, size in 1.0..1500.0_f64,
        ) {
            let snapshot = surfaces("EPSG:7795", &[star(corners, &dice)]);
            let row = snapshot.rows().next().expect("a row");
            let Some(geo_types::Geometry::Polygon(whole)) = Positions::LonLat.geometry(row) else { panic!("a surface") };
            let whole = MultiPolygon(vec![whole]);
            let degrees = with_transformer(&Crs::parse("EPSG:7795").expect("a CRS"), &Crs::crs84(), |it| {
                it.point([3_026_000.0 + x, 5_033_000.0 + y])
            }).expect("leads there").expect("is there");
            let reach = size / 111_000.0;
            let frame = Rect::new([degrees[0] - reach, degrees[1] - reach], [degrees[0] + reach, degrees[1] + reach]);
            let about = Vicinity::new(&snapshot, frame).expect("a box");
            let cut = |surface: &MultiPolygon<f64>| surface.intersection(&frame.to_polygon()).unsigned_area();
            let near = about.surface(row);
            let (all, here) = (cut(&whole), near.as_ref().map_or(0.0, cut));
            // Cut on a grid as fine as the whole outline allows: a hundredth of a millimetre along the border.
            prop_assert!((all - here).abs() <= 1e-7 * reach * reach + 1e-9 * reach, "{all} {here}");
            if let Some(near) = near {
                prop_assert!(near.bounding_rect().is_some());
            }
        }
    }

    #[test]
    fn far_vertices_are_not_looked_at() {
        let dice: Vec<f64> = (0..37).map(|n| f64::from(n * 7 % 37) / 37.0).collect();
        let snapshot = surfaces("EPSG:7795", &[star(20_000, &dice)]);
        let row = snapshot.rows().next().expect("a row");
        let [x, y] = row.base.lonlat([3_026_000.0 + 2400.0, 5_033_000.0]);
        let frame = Rect::new([x - 1e-4, y - 1e-4], [x + 1e-4, y + 1e-4]);
        let near = Vicinity::new(&snapshot, frame).expect("a box").surface(row).expect("a surface");
        let vertices: usize = near.iter().map(|polygon| polygon.exterior().0.len()).sum();
        assert!(vertices < 400, "{vertices} of 20000");
        let away = Rect::new([x + 1.0, y], [x + 1.1, y + 0.1]);
        assert!(Vicinity::new(&snapshot, away).expect("a box").surface(row).is_none());
    }
}
