//! The houses of a street or of a sestiere in the order of their numbers.

use std::sync::Arc;

use crate::entry::Quality;
use crate::grammar::HouseNumber;

/// Numbers that begin as what was typed are told at most.
const COMPLETED: usize = 12;
/// Numbers between two houses at most, for a place between them to mean something.
const WIDEST_GAP: u32 = 20;
/// Degrees of latitude between them at most: some 200 m.
const FARTHEST: f64 = 0.002;

/// A house, in 1e-7 degrees.
#[derive(Debug, Clone, PartialEq)]
struct Door {
    number: u32,
    suffix: Box<str>,
    id: i64,
    at: [i32; 2],
}

/// Houses that are numbered together.
#[derive(Debug, Default)]
pub struct Houses {
    /// As it is written; for a sestiere that of the sestiere.
    pub street: Arc<str>,
    /// As it is written.
    pub district: Arc<str>,
    /// By number, suffix and id.
    doors: Vec<Door>,
    /// West, south, east, north of all that were ever in here, in 1e-7 degrees.
    bounds: Option<[i32; 4]>,
    /// Whether a district numbers them, and not a street.
    pub of_district: bool,
    sorted: bool,
}

/// What answers to a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Answer {
    /// The feature.
    pub id: i64,
    /// In degrees.
    pub at: [f64; 2],
    /// How it is what was asked for.
    pub quality: Quality,
    /// What that is worth, 0 to 1.
    pub share: f32,
}

impl Houses {
    /// None yet.
    pub fn new(street: Arc<str>, district: Arc<str>, of_district: bool) -> Self {
        Self { street, district, of_district, sorted: true, ..Self::default() }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.doors.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.doors.is_empty()
    }

    /// Bytes held, roughly.
    pub fn bytes(&self) -> usize {
        self.doors.capacity() * size_of::<Door>() + size_of::<Self>()
    }

    /// Adds one; [`Self::sort`] is to be called before anything is asked for.
    pub fn push(&mut self, house: HouseNumber, id: i64, at: [f64; 2]) {
        let at = at.map(packed);
        let [west, south, east, north] = self.bounds.unwrap_or([at[0], at[1], at[0], at[1]]);
        self.bounds = Some([west.min(at[0]), south.min(at[1]), east.max(at[0]), north.max(at[1])]);
        self.doors.push(Door { number: house.number, suffix: house.suffix.into(), id, at });
        self.sorted = false;
    }

    /// Adds those of others.
    pub fn take_over(&mut self, others: &Self) {
        for door in &others.doors {
            let house = HouseNumber { number: door.number, suffix: door.suffix.to_string() };
            self.push(house, door.id, door.at.map(unpacked));
        }
    }

    /// Their features.
    pub fn ids(&self) -> impl Iterator<Item = i64> + '_ {
        self.doors.iter().map(|door| door.id)
    }

    /// Puts them in order.
    pub fn sort(&mut self) {
        if !std::mem::replace(&mut self.sorted, true) {
            self.doors.sort_unstable_by(|a, b| (a.number, &a.suffix, a.id).cmp(&(b.number, &b.suffix, b.id)));
        }
    }

    /// Takes one away.
    pub fn remove(&mut self, id: i64) {
        self.doors.retain(|door| door.id != id);
    }

    /// How many have a number of their own among themselves.
    pub fn distinct(&self) -> usize {
        self.doors.chunk_by(|a, b| a.number == b.number && a.suffix == b.suffix).count()
    }

    /// West, south, east, north in degrees.
    pub fn bbox(&self) -> Option<[f64; 4]> {
        self.bounds.map(|bounds| bounds.map(unpacked))
    }

    /// A place in their middle: that of one of them.
    pub fn middle(&self) -> Option<[f64; 2]> {
        self.doors.get(self.doors.len() / 2).map(|door| door.at.map(unpacked))
    }

    /// What answers to a number, the best first. With `open` it may be unfinished.
    pub fn answer(&self, house: &HouseNumber, open: bool) -> Vec<Answer> {
        let first = self.doors.partition_point(|door| door.number < house.number);
        let same = self.doors[first..].iter().take_while(|door| door.number == house.number);
        let mut found: Vec<Answer> = same.map(|door| answer_of(door, &house.suffix)).collect();
        found.sort_by(|a, b| b.share.total_cmp(&a.share));
        found.truncate(COMPLETED);
        if open && house.suffix.is_empty() && house.number > 0 {
            found.extend(self.begun(house.number));
        }
        if found.is_empty() { self.near(house.number, first).into_iter().collect() } else { found }
    }

    /// Those that begin with these figures and have more.
    fn begun(&self, number: u32) -> Vec<Answer> {
        let mut found = Vec::new();
        let (mut low, mut high) = (number.saturating_mul(10), number.saturating_mul(10).saturating_add(9));
        while low <= 99_999 && found.len() < COMPLETED {
            let first = self.doors.partition_point(|door| door.number < low);
            let range = self.doors[first..].iter().take_while(|door| door.number <= high);
            for door in range.take(COMPLETED - found.len()) {
                let share = 0.9 - found.len() as f32 * 0.002;
                found.push(Answer { id: door.id, at: door.at.map(unpacked), quality: Quality::Completed, share });
            }
            (low, high) = (low.saturating_mul(10), high.saturating_mul(10).saturating_add(9));
        }
        found
    }

    /// The place of a number that is not there; `above` is the first house with a larger one.
    fn near(&self, number: u32, above: usize) -> Option<Answer> {
        let on_this_side = |door: &&Door| self.of_district || door.number % 2 == number % 2;
        let lower = self.doors[..above].iter().rev().find(on_this_side).or_else(|| self.doors[..above].last());
        let upper = self.doors[above..].iter().find(on_this_side).or_else(|| self.doors[above..].first());
        let gap = |door: &Door| door.number.abs_diff(number);
        let nearest = match (lower, upper) {
            (Some(lower), Some(upper)) => {
                if gap(lower) <= gap(upper) {
                    lower
                } else {
                    upper
                }
            }
            (Some(door), None) | (None, Some(door)) => door,
            (None, None) => return None,
        };
        let far = gap(nearest).min(100) as f32 / 500.0;
        if let (Some(lower), Some(upper), false) = (lower, upper, self.of_district)
            && upper.number - lower.number <= WIDEST_GAP
            && (0..2).all(|axis| (unpacked(lower.at[axis]) - unpacked(upper.at[axis])).abs() < FARTHEST)
        {
            let share = f64::from(number - lower.number) / f64::from(upper.number - lower.number);
            let at = [0, 1].map(|axis| {
                let (a, b) = (unpacked(lower.at[axis]), unpacked(upper.at[axis]));
                (b - a).mul_add(share, a)
            });
            return Some(Answer { id: nearest.id, at, quality: Quality::Interpolated, share: 0.8 - far });
        }
        let at = nearest.at.map(unpacked);
        Some(Answer { id: nearest.id, at, quality: Quality::NearestNumber, share: 0.75 - far })
    }
}

fn answer_of(door: &Door, suffix: &str) -> Answer {
    let (quality, share) = match (suffix, &*door.suffix) {
        (asked, there) if asked == there => (Quality::Exact, 1.0),
        ("", _) => (Quality::OtherSuffix, 0.93),
        (_, "") => (Quality::OtherSuffix, 0.92),
        _ => (Quality::OtherSuffix, 0.88),
    };
    Answer { id: door.id, at: door.at.map(unpacked), quality, share }
}

fn packed(degrees: f64) -> i32 {
    (degrees * 1e7).round() as i32
}

fn unpacked(steps: i32) -> f64 {
    f64::from(steps) / 1e7
}

#[cfg(test)]
mod tests {
    use super::*;

    fn street(of_district: bool, numbers: &[(u32, &str)]) -> Houses {
        let mut houses = Houses::new("Via Piave".into(), "Mestre".into(), of_district);
        for (id, (number, suffix)) in (1..).zip(numbers) {
            let house = HouseNumber { number: *number, suffix: (*suffix).to_owned() };
            houses.push(house, id, [12.0 + f64::from(*number) * 1e-5, 45.0]);
        }
        houses.sort();
        houses
    }

    fn ask(houses: &Houses, number: u32, suffix: &str, open: bool) -> Vec<(i64, Quality)> {
        let house = HouseNumber { number, suffix: suffix.to_owned() };
        houses.answer(&house, open).into_iter().map(|answer| (answer.id, answer.quality)).collect()
    }

    #[test]
    fn a_number_is_found_with_and_without_its_suffix() {
        let houses = street(false, &[(10, ""), (12, "A"), (12, ""), (12, "B"), (14, "")]);
        assert_eq!(ask(&houses, 12, "", false)[0], (3, Quality::Exact));
        assert_eq!(ask(&houses, 12, "B", false)[0], (4, Quality::Exact));
        assert_eq!(ask(&houses, 12, "Z", false)[0], (3, Quality::OtherSuffix));
        assert_eq!(ask(&houses, 14, "A", false), [(5, Quality::OtherSuffix)]);
    }

    #[test]
    fn a_number_that_is_not_there_lies_between_its_neighbours_on_its_side() {
        let houses = street(false, &[(9, ""), (11, ""), (10, ""), (16, "")]);
        let found = houses.answer(&HouseNumber { number: 12, suffix: String::new() }, false)[0];
        assert_eq!((found.quality, found.id), (Quality::Interpolated, 3));
        assert!((found.at[0] - 12.00012).abs() < 1e-9, "{found:?}");
        assert_eq!(ask(&houses, 40, "", false), [(4, Quality::NearestNumber)]);
        let sestiere = street(true, &[(9, ""), (11, ""), (10, ""), (16, "")]);
        assert_eq!(ask(&sestiere, 13, "", false), [(2, Quality::NearestNumber)]);
        assert_eq!(ask(&street(true, &[]), 13, "", false), []);
    }

    #[test]
    fn numbers_complete_what_is_typed() {
        let houses = street(false, &[(1, ""), (10, ""), (11, "A"), (2, ""), (100, ""), (1999, "")]);
        let ids: Vec<i64> = ask(&houses, 1, "", true).into_iter().map(|(id, _)| id).collect();
        assert_eq!(ids, [1, 2, 3, 5, 6]);
    }
}
