//! Patches: a quick stand-in for a slow transformation.
//!
//! A grid of squares, each with a bicubic polynomial through exact places. Every patch is compared with the
//! transformation before it is used, split in four where it is off, and given up where even small ones are (a border
//! between two operations runs through them, or there is no image).
//!
//! The squares lie where they lie in the CRS, whatever is asked of them: a place has the same image in every layer, in
//! every process, in whatever order things were read.

use std::f64::consts::PI;
use std::sync::OnceLock;

/// Side of a patch in metres; a degree is taken for 100 km.
const SIDE_M: f64 = 32_000.0;
/// How often a patch that is off may be split in four: down to 2 km.
const SPLITS: usize = 4;
/// Patches that are made at once when a layer is read; those of a wider one are made when they are first needed.
const MAX_PATCHES: f64 = 16_384.0;
/// Nodes of a patch along one side: Chebyshev points, where interpolation errs least.
const NODES: usize = 4;
/// Patches along one side of a block, and blocks along one side of the plane (±32,768 km).
const BLOCK: usize = 32;
const BLOCKS: usize = 64;

/// A transformation; `None` where a place has no image.
type Exact<'a> = &'a dyn Fn([f64; 2]) -> Option<[f64; 2]>;

type Block = [OnceLock<Box<Node>>; BLOCK * BLOCK];

/// Patches over a plane, each made once.
pub(super) struct Patches {
    /// Side of a square, in units of the CRS.
    side: f64,
    tolerance: f64,
    blocks: Box<[OnceLock<Box<Block>>]>,
}

/// A square of the grid.
#[expect(clippy::large_enum_variant, reason = "nearly all are patches, and a lookup should not follow a pointer")]
enum Node {
    Patch(Patch),
    /// South-west, south-east, north-west, north-east quarter.
    Split(Box<[Node; 4]>),
    /// The transformation itself must be asked.
    Exact,
}

/// Coefficients of vⁱuʲ (row i, column j) for x and y side by side, so that both are worked out at once; u and v
/// run from -1 to 1 across the square.
struct Patch([[[f64; 2]; NODES]; NODES]);

impl Patches {
    /// Patches that keep within `tolerance` (units of the target) of a transformation at their test points, and in
    /// practice within twice that everywhere. Coordinates are in degrees if `geographic`, else in metres.
    pub(super) fn new(geographic: bool, tolerance: f64) -> Self {
        let side = if geographic { SIDE_M * 1e-5 } else { SIDE_M };
        Self { side, tolerance, blocks: (0..BLOCKS * BLOCKS).map(|_| OnceLock::new()).collect() }
    }

    /// Makes the patches over a box (west, south, east, north) unless it is larger than any map.
    pub(super) fn prepare(&self, [west, south, east, north]: [f64; 4], exact: Exact) {
        let [first, last] =
            [[west, south], [east, north]].map(|corner| corner.map(|value| (value / self.side).floor()));
        if (last[0] - first[0] + 1.0) * (last[1] - first[1] + 1.0) > MAX_PATCHES {
            return;
        }
        for row in first[1] as i64..=last[1] as i64 {
            for column in first[0] as i64..=last[0] as i64 {
                self.square([column, row], |corner| node(exact, self.tolerance, corner, self.side, SPLITS));
            }
        }
    }

    /// The node of a square, made if it is not there yet; `None` outside the plane.
    #[inline]
    fn square(&self, place: [i64; 2], make: impl FnOnce([f64; 2]) -> Node) -> Option<&Node> {
        const HALF: i64 = (BLOCK * BLOCKS / 2) as i64;
        let [column, row] = place.map(|number| usize::try_from(number + HALF).unwrap_or(usize::MAX));
        let block = self.blocks.get((row / BLOCK).checked_mul(BLOCKS)?.checked_add(column / BLOCK)?)?;
        if column >= BLOCK * BLOCKS {
            return None;
        }
        let block = block.get_or_init(|| Box::new(std::array::from_fn(|_| OnceLock::new())));
        let corner = || place.map(|number| number as f64 * self.side);
        Some(block[row % BLOCK * BLOCK + column % BLOCK].get_or_init(|| Box::new(make(corner()))))
    }

    /// The image of a point; `None` outside the plane, and where the transformation itself must be asked. `exact` gives
    /// it to the patch that is not there yet.
    #[inline]
    pub(super) fn at(&self, point: [f64; 2], exact: Exact) -> Option<[f64; 2]> {
        let place = point.map(|value| value / self.side);
        if !place.iter().all(|number| number.abs() < 1e6) {
            return None;
        }
        let make = |corner| node(exact, self.tolerance, corner, self.side, SPLITS);
        let square = place.map(floor);
        let mut node = self.square(square, make)?;
        let [mut u, mut v] = [0, 1].map(|axis| place[axis] - square[axis] as f64);
        loop {
            match node {
                Node::Patch(patch) => return Some(patch.at(2.0 * u - 1.0, 2.0 * v - 1.0)),
                Node::Exact => return None,
                Node::Split(quarters) => {
                    let (east, north) = (usize::from(u >= 0.5), usize::from(v >= 0.5));
                    (u, v) = (2.0 * u - east as f64, 2.0 * v - north as f64);
                    node = &quarters[2 * north + east];
                }
            }
        }
    }
}

/// The whole number at or below a small one: without the call that `f64::floor` is where SSE 4.1 is not taken for
/// granted.
#[inline]
fn floor(value: f64) -> i64 {
    let towards_zero = value as i64;
    towards_zero - i64::from(value < towards_zero as f64)
}

/// A square as one patch, else as four quarters.
fn node(exact: Exact, tolerance: f64, [x, y]: [f64; 2], side: f64, splits: usize) -> Node {
    if let Some(patch) = patch(exact, tolerance, [x, y], side) {
        return Node::Patch(patch);
    }
    if splits == 0 {
        return Node::Exact;
    }
    let half = side / 2.0;
    let quarters = [[x, y], [x + half, y], [x, y + half], [x + half, y + half]];
    Node::Split(Box::new(quarters.map(|corner| node(exact, tolerance, corner, half, splits - 1))))
}

/// A patch through exact points, if it holds between them.
fn patch(exact: Exact, tolerance: f64, corner: [f64; 2], side: f64) -> Option<Patch> {
    let at = |u: f64, v: f64| {
        let point = [corner[0] + f64::midpoint(u, 1.0) * side, corner[1] + f64::midpoint(v, 1.0) * side];
        exact(point)
    };
    let mut x = [[0.0; NODES]; NODES];
    let mut y = x;
    for (i, v) in nodes().into_iter().enumerate() {
        for (j, u) in nodes().into_iter().enumerate() {
            [x[i][j], y[i][j]] = at(u, v)?;
        }
    }
    let (x, y) = (coefficients(x), coefficients(y));
    let patch = Patch(std::array::from_fn(|i| std::array::from_fn(|j| [x[i][j], y[i][j]])));
    // Corners and edges, where interpolation errs most, and three lines between.
    for v in [-1.0, -0.6, 0.0, 0.6, 1.0] {
        for u in [-1.0, -0.6, 0.0, 0.6, 1.0] {
            let (near, true_place) = (patch.at(u, v), at(u, v)?);
            if (near[0] - true_place[0]).abs() > tolerance || (near[1] - true_place[1]).abs() > tolerance {
                return None;
            }
        }
    }
    Some(patch)
}

/// Chebyshev points of the first kind.
fn nodes() -> [f64; NODES] {
    std::array::from_fn(|k| -((2 * k + 1) as f64 * PI / (2 * NODES) as f64).cos())
}

/// From values at the nodes to coefficients of powers, in both directions.
fn coefficients(values: [[f64; NODES]; NODES]) -> [[f64; NODES]; NODES] {
    let along_rows = values.map(polynomial);
    let mut result = [[0.0; NODES]; NODES];
    for j in 0..NODES {
        let column = polynomial(along_rows.map(|row| row[j]));
        for i in 0..NODES {
            result[i][j] = column[i];
        }
    }
    result
}

/// Coefficients of the cubic through four values at the nodes (Newton's divided differences, expanded).
fn polynomial(values: [f64; NODES]) -> [f64; NODES] {
    let nodes = nodes();
    let mut differences = values;
    for order in 1..NODES {
        for k in (order..NODES).rev() {
            differences[k] = (differences[k] - differences[k - 1]) / (nodes[k] - nodes[k - order]);
        }
    }
    let mut powers = [0.0; NODES];
    for k in (0..NODES).rev() {
        for power in (1..NODES).rev() {
            powers[power] = powers[power - 1] - nodes[k] * powers[power];
        }
        powers[0] = differences[k] - nodes[k] * powers[0];
    }
    powers
}

impl Patch {
    #[inline]
    fn at(&self, u: f64, v: f64) -> [f64; 2] {
        let [a, b, c, d] = &self.0;
        cubic(&[cubic(a, u), cubic(b, u), cubic(c, u), cubic(d, u)], v)
    }
}

/// A cubic in Estrin's form: shorter chains than Horner's.
#[inline]
fn cubic(c: &[[f64; 2]; NODES], u: f64) -> [f64; 2] {
    let square = u * u;
    std::array::from_fn(|k| (c[3][k] * u + c[2][k]) * square + (c[1][k] * u + c[0][k]))
}
