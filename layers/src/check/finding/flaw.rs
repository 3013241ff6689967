//! What makes a surface invalid, and why it stays so.

use std::fmt::Write as _;

use super::text;
use crate::definition::Text;

/// A ring of a polygon, counted from 1 as people do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RingName {
    /// Which part of a multipolygon, from 1; 0 when there is only one.
    pub part: usize,
    /// Which hole, from 1; 0 for the outer ring.
    pub hole: usize,
}

impl RingName {
    fn text(self) -> Text {
        let (mut it, mut en) = match self.hole {
            0 => ("anello esterno".to_owned(), "outer ring".to_owned()),
            hole => (format!("foro {hole}"), format!("hole {hole}")),
        };
        if self.part > 0 {
            let _ = write!(it, " della parte {}", self.part);
            let _ = write!(en, " of part {}", self.part);
        }
        text(it, en)
    }
}

/// What makes a surface invalid in the sense of OGC 06-103r4 (Simple Features), clause 6.1.11.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// A ring crosses or overlaps itself.
    SelfIntersection(RingName),
    /// A ring comes back to a point where it has already been.
    SelfTouch(RingName),
    /// Two rings of one polygon cross, or run along each other.
    RingsCross(RingName, RingName),
    /// A hole lies outside its outer ring.
    HoleOutside(RingName),
    /// A hole lies inside another hole.
    NestedHoles(RingName, RingName),
    /// Rings touch so that they cut the interior in pieces.
    InteriorSplit(RingName),
    /// Two parts of a multipolygon overlap, or share an edge.
    PartsOverlap(RingName, RingName),
    /// So many segments lie above each other that validity cannot be decided in reasonable time.
    TooComplex,
}

impl Flaw {
    /// Stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::SelfIntersection(_) => "self_intersection",
            Self::SelfTouch(_) => "self_touch",
            Self::RingsCross(..) => "rings_cross",
            Self::HoleOutside(_) => "hole_outside",
            Self::NestedHoles(..) => "nested_holes",
            Self::InteriorSplit(_) => "interior_split",
            Self::PartsOverlap(..) => "parts_overlap",
            Self::TooComplex => "too_complex",
        }
    }

    /// In words.
    pub fn text(self) -> Text {
        let two = |a: RingName, b: RingName, it: &str, en: &str| {
            let (a, b) = (a.text(), b.text());
            text(format!("{} e {} {it}", a.it, b.it), format!("{} and {} {en}", a.en, b.en))
        };
        let one = |ring: RingName, it: &str, en: &str| {
            let ring = ring.text();
            text(format!("{} {it}", ring.it), format!("{} {en}", ring.en))
        };
        match self {
            Self::SelfIntersection(ring) => one(ring, "incrocia sé stesso", "crosses itself"),
            Self::SelfTouch(ring) => one(ring, "tocca sé stesso", "touches itself"),
            Self::RingsCross(a, b) => two(a, b, "si incrociano", "cross or overlap"),
            Self::HoleOutside(ring) => one(ring, "è fuori dall'anello esterno", "lies outside the outer ring"),
            Self::NestedHoles(a, b) => two(a, b, "sono uno dentro l'altro", "lie one inside the other"),
            Self::InteriorSplit(ring) => one(ring, "divide in due la superficie", "cuts the surface in pieces"),
            Self::PartsOverlap(a, b) => two(a, b, "si sovrappongono", "overlap or share an edge"),
            Self::TooComplex => text("troppi segmenti sovrapposti", "too many segments above each other"),
        }
    }
}

/// Why a flaw was not repaired.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Unrepaired {
    /// The repaired surface has a noticeably different area, in square units of the storage CRS.
    AreaChange {
        /// Area as drawn.
        before: f64,
        /// Area after the repair that was not made.
        after: f64,
    },
    /// The flaw comes back each time that the repaired surface is snapped to the layer's resolution.
    Stubborn,
}
