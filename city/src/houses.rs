//! Houses that stand free on their lots: right-angled, square to the street.

use geo_types::{LineString, Polygon};

use crate::district::{Building, Front, ring_points};
use crate::plane::{P, contains, segments_meet};
use crate::rng::Rng;
use crate::site::Use;
use crate::warp::Mm;

/// A frame of reference on a lot: `u` along the street, `v` away from it.
struct Frame {
    origin: P,
    u: P,
    v: P,
}

impl Frame {
    fn at(&self, u: f64, v: f64) -> P {
        self.origin + self.u * u + self.v * v
    }
}

/// Puts buildings on a lot.
pub fn place(land: Use, polygon: &Polygon<f64>, front: &Front, seed: u64, parcel: u32, out: &mut Vec<Building>) {
    let ring = ring_points(polygon);
    let v = front.inward;
    let frame = Frame { origin: front.door, u: P { x: v.y, y: -v.x }, v };
    let (mut u0, mut u1, mut depth) = (f64::MAX, f64::MIN, 0.0f64);
    for corner in &ring {
        let d = *corner - frame.origin;
        u0 = u0.min(d.dot(frame.u));
        u1 = u1.max(d.dot(frame.u));
        depth = depth.max(d.dot(frame.v));
    }
    let mut rng = Rng::new(seed, 40, 0);
    let lot_width = u1 - u0;
    let (setback, width, length, annex) = match land {
        Use::House => (
            rng.range(3.5, 7.0),
            (lot_width - rng.range(3.0, 7.0)).min(rng.range(9.0, 17.0)),
            rng.range(8.5, 13.0),
            0.45,
        ),
        Use::Flats => (rng.range(5.0, 8.0), (lot_width - 8.0).min(rng.range(16.0, 32.0)), rng.range(11.0, 14.5), 0.35),
        Use::Shops => (rng.range(9.0, 18.0), lot_width * 0.6, depth * 0.45, 0.0),
        Use::Factory => (rng.range(7.0, 14.0), lot_width * rng.range(0.6, 0.85), depth * rng.range(0.5, 0.75), 0.3),
        Use::School => (rng.range(10.0, 16.0), (lot_width * 0.7).min(64.0), (depth * 0.32).min(24.0), 0.3),
        Use::Church => (rng.range(7.0, 12.0), (lot_width * 0.34).clamp(10.0, 20.0), (depth * 0.6).min(42.0), 0.5),
        Use::Farm => (rng.range(8.0, 15.0), rng.range(13.0, 22.0), rng.range(8.0, 11.0), 0.8),
        _ => return,
    };
    let middle = (u0 + u1) * 0.5;
    let room = (lot_width - width).max(0.0) * 0.5;
    let shift = rng.range(-0.5, 0.5) * room;
    let Some((rect, size)) = fit(&frame, &ring, middle + shift, setback, width, length) else { return };
    let polygon = shape(&frame, rect, land, size, &mut rng);
    out.push(Building { parcel, polygon, annex: false });
    if rng.chance(annex) {
        let behind = rect[3] + rng.range(3.0, 7.0);
        let (w, l) = if land == Use::Farm {
            (rng.range(9.0, 20.0), rng.range(7.0, 12.0))
        } else {
            (rng.range(3.5, 7.0), rng.range(3.2, 5.8))
        };
        let side = if rng.chance(0.5) { u0 + w * 0.5 + 1.6 } else { u1 - w * 0.5 - 1.6 };
        if let Some((rect, size)) = fit(&frame, &ring, side, behind, w, l)
            && size > 8.0
        {
            out.push(Building { parcel, polygon: rectangle(&frame, rect), annex: true });
        }
    }
}

/// The largest rectangle near the wanted one that lies inside the ring: `[u0, v0, u1, v1]`.
fn fit(frame: &Frame, ring: &[P], middle: f64, setback: f64, width: f64, length: f64) -> Option<([f64; 4], f64)> {
    let (mut width, mut length, mut setback) = (width, length, setback);
    let mut middle = middle;
    for attempt in 0..9 {
        if width < 3.0 || length < 3.0 {
            return None;
        }
        let rect = [middle - width * 0.5, setback, middle + width * 0.5, setback + length];
        let margin = [rect[0] - 0.6, rect[1] - 0.4, rect[2] + 0.6, rect[3] + 0.6];
        let corners = corners(frame, margin);
        let clear = corners.iter().all(|corner| contains(ring, *corner))
            && (0..4).all(|i| {
                let (a, b) = (corners[i], corners[(i + 1) % 4]);
                (0..ring.len()).all(|j| !segments_meet(a, b, ring[j], ring[(j + 1) % ring.len()]))
            });
        if clear {
            return Some((rect, width * length));
        }
        match attempt % 3 {
            0 => width *= 0.84,
            1 => length *= 0.84,
            _ => {
                middle *= 0.5;
                setback = setback * 0.8 + 0.2;
            }
        }
    }
    None
}

fn corners(frame: &Frame, [u0, v0, u1, v1]: [f64; 4]) -> [P; 4] {
    // Counter-clockwise: v is to the left of u.
    [frame.at(u0, v0), frame.at(u1, v0), frame.at(u1, v1), frame.at(u0, v1)]
}

fn closed(corners: &[P]) -> Polygon<f64> {
    let mut coords: Vec<_> = corners.iter().map(|at| Mm::of(*at).coord()).collect();
    coords.push(coords[0]);
    Polygon::new(LineString(coords), Vec::new())
}

fn rectangle(frame: &Frame, rect: [f64; 4]) -> Polygon<f64> {
    closed(&corners(frame, rect))
}

/// A rectangle, an L or a T inside the rectangle that fits.
fn shape(frame: &Frame, rect: [f64; 4], land: Use, size: f64, rng: &mut Rng) -> Polygon<f64> {
    let [u0, v0, u1, v1] = rect;
    let roll = rng.unit();
    let (w, l) = (u1 - u0, v1 - v0);
    let plain = size < 60.0 || (land == Use::House && roll < 0.5) || (land == Use::Factory && roll < 0.7);
    if plain {
        return rectangle(frame, rect);
    }
    let (cut_u, cut_v) = (w * rng.range(0.3, 0.55), l * rng.range(0.3, 0.55));
    let at = |u: f64, v: f64| frame.at(u, v);
    if land == Use::Church {
        // Apse and nave.
        let (a, b) = (u0 + w * 0.25, u1 - w * 0.25);
        return closed(&[
            at(u0, v0),
            at(u1, v0),
            at(u1, v1 - l * 0.2),
            at(b, v1 - l * 0.2),
            at(b - w * 0.08, v1),
            at(a + w * 0.08, v1),
            at(a, v1 - l * 0.2),
            at(u0, v1 - l * 0.2),
        ]);
    }
    if roll < 0.75 {
        closed(&[
            at(u0, v0),
            at(u1, v0),
            at(u1, v1 - cut_v),
            at(u1 - cut_u, v1 - cut_v),
            at(u1 - cut_u, v1),
            at(u0, v1),
        ])
    } else {
        closed(&[
            at(u0, v0),
            at(u1, v0),
            at(u1, v1),
            at(u0 + cut_u, v1),
            at(u0 + cut_u, v1 - cut_v),
            at(u0, v1 - cut_v),
        ])
    }
}
