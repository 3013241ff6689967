//! Places along a street by metres: a street that may be drawn in parts as lines that are measured, where on it a place is, and
//! what of it lies between two measures.
//!
//! Coordinates are longitude before latitude, in degrees of ETRS89 or RDN2008. Metres are of geodesics on GRS80, counted from
//! the end at which the part that was drawn first begins.

use std::collections::HashMap;

use geo_types::{Coord, LineString, MultiLineString, Point};

use crate::overlay::segment_m;

/// Metres by which the ends of parts may miss each other and still meet.
pub const MEET_M: f64 = 0.5;

/// A line with the metres of its vertices.
#[derive(Debug, Clone, PartialEq)]
pub struct Course {
    coords: Vec<Coord<f64>>,
    /// Metres from the beginning, of each vertex.
    metres: Vec<f64>,
}

/// Where on a line a place is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Foot {
    /// Metres from its beginning.
    pub along_m: f64,
    /// Metres from the place to the line.
    pub off_m: f64,
}

impl Course {
    fn new(mut coords: Vec<Coord<f64>>) -> Option<Self> {
        coords.retain(|at| at.x.is_finite() && at.y.is_finite());
        coords.dedup();
        let mut metres = Vec::with_capacity(coords.len());
        let mut so_far = 0.0;
        for (place, at) in coords.iter().enumerate() {
            if place > 0 {
                so_far += segment_m(coords[place - 1], *at);
            }
            metres.push(so_far);
        }
        (so_far > 0.0).then_some(Self { coords, metres })
    }

    /// Its length, in metres.
    pub fn length_m(&self) -> f64 {
        self.metres.last().copied().unwrap_or_default()
    }

    /// The place on it that is nearest to another.
    pub fn foot(&self, place: Point<f64>) -> Foot {
        let feet = (0..self.coords.len() - 1).map(|number| self.foot_on(number, place.0));
        feet.min_by(|a, b| a.off_m.total_cmp(&b.off_m)).unwrap_or(Foot { along_m: 0.0, off_m: f64::INFINITY })
    }

    fn foot_on(&self, number: usize, place: Coord<f64>) -> Foot {
        let (from, to) = (self.coords[number], self.coords[number + 1]);
        // On a plane about the place: which point is nearest does not depend on the last micrometre.
        let wide = place.y.to_radians().cos();
        let flat = |at: Coord<f64>| [(at.x - place.x) * wide, at.y - place.y];
        let ([ax, ay], [bx, by]) = (flat(from), flat(to));
        let (dx, dy) = (bx - ax, by - ay);
        let share = (-(ax * dx + ay * dy) / (dx * dx + dy * dy)).clamp(0.0, 1.0);
        let length = self.metres[number + 1] - self.metres[number];
        Foot { along_m: self.metres[number] + share * length, off_m: segment_m(place, from + (to - from) * share) }
    }

    /// What lies between two measures, from the smaller to the larger; a single place as a line of two equal vertices.
    pub fn between(&self, one_m: f64, other_m: f64) -> LineString<f64> {
        let within = |metres: f64| metres.clamp(0.0, self.length_m());
        let (from, to) = (within(one_m.min(other_m)), within(one_m.max(other_m)));
        let inside = self.coords.iter().zip(&self.metres).filter(|(_, metres)| **metres > from && **metres < to);
        let mut coords = vec![self.at(from)];
        coords.extend(inside.map(|(at, _)| *at));
        coords.push(self.at(to));
        LineString(coords)
    }

    /// The place at a measure.
    fn at(&self, metres: f64) -> Coord<f64> {
        let after = self.metres.partition_point(|it| *it < metres).clamp(1, self.coords.len() - 1);
        let (from, to) = (self.coords[after - 1], self.coords[after]);
        let length = self.metres[after] - self.metres[after - 1];
        if length > 0.0 { from + (to - from) * ((metres - self.metres[after - 1]) / length) } else { to }
    }
}

/// The lines that a street consists of: parts whose ends meet are one, except where more than two do. One line where the street
/// neither forks nor is in pieces. In the order in which they were drawn, and in the direction of their first part.
pub fn courses(street: &MultiLineString<f64>) -> Vec<Course> {
    let parts: Vec<&LineString<f64>> = street.iter().filter(|part| part.0.len() > 1).collect();
    let ends = Ends::of(&parts);
    let mut used = vec![false; parts.len()];
    let mut found = Vec::new();
    for number in 0..parts.len() {
        if std::mem::replace(&mut used[number], true) {
            continue;
        }
        let mut coords = parts[number].0.clone();
        ends.follow(&parts, &mut used, number, false, &mut coords);
        coords.reverse();
        ends.follow(&parts, &mut used, number, true, &mut coords);
        coords.reverse();
        found.extend(Course::new(coords));
    }
    found
}

/// Which ends of parts meet: each part has two, at its first and at its last vertex.
struct Ends {
    /// The meeting place of each end.
    at: Vec<[usize; 2]>,
    /// The ends at each meeting place: part, and whether it is its first vertex.
    of: HashMap<usize, Vec<(usize, bool)>>,
}

impl Ends {
    fn of(parts: &[&LineString<f64>]) -> Self {
        let mut places: Vec<Coord<f64>> = Vec::new();
        let mut place_of = |at: Coord<f64>| {
            let known = places.iter().position(|other| segment_m(*other, at) <= MEET_M);
            known.unwrap_or_else(|| {
                places.push(at);
                places.len() - 1
            })
        };
        let at: Vec<[usize; 2]> =
            parts.iter().map(|part| [place_of(part.0[0]), place_of(part.0[part.0.len() - 1])]).collect();
        let mut of: HashMap<usize, Vec<(usize, bool)>> = HashMap::new();
        for (part, [first, last]) in at.iter().enumerate() {
            of.entry(*first).or_default().push((part, true));
            of.entry(*last).or_default().push((part, false));
        }
        Self { at, of }
    }

    /// Adds the parts that go on behind the end of one, as long as just one does.
    fn follow(
        &self,
        parts: &[&LineString<f64>],
        used: &mut [bool],
        part: usize,
        is_backwards: bool,
        coords: &mut Vec<Coord<f64>>,
    ) {
        let mut place = self.at[part][usize::from(!is_backwards)];
        while let Some([a, b]) = self.of.get(&place).map(Vec::as_slice) {
            let Some((next, begins)) = [a, b].into_iter().find(|(next, _)| !used[*next]) else { break };
            used[*next] = true;
            let part = &parts[*next].0;
            if *begins {
                coords.extend(part);
            } else {
                coords.extend(part.iter().rev());
            }
            place = self.at[*next][usize::from(*begins)];
        }
    }
}

#[cfg(test)]
mod tests;
