//! Where the features must be of which a condition holds.

use geo_types::{Coord, Rect};

use super::bound::{Condition, Located};
use super::relate;

impl Condition {
    /// A box in storage CRS that the box of every feature touches of which the condition holds; `None` where nothing can be
    /// said.
    pub(in crate::query) fn reach(&self) -> Option<Rect<f64>> {
        match self {
            Self::Spatial(relation, Located::Feature, Located::Given(_, bounds))
            | Self::Spatial(relation, Located::Given(_, bounds), Located::Feature)
                if !relate::apart(*relation) =>
            {
                Some(*bounds)
            }
            // A feature touches the box of each part, which says more than their intersection: it may be long and thin.
            Self::All(parts) => parts.iter().filter_map(Self::reach).min_by(|a, b| extent(a).total_cmp(&extent(b))),
            Self::Any(parts) => {
                let boxes = parts.iter().map(Self::reach).collect::<Option<Vec<_>>>()?;
                boxes.into_iter().reduce(|a, b| {
                    let (low, high) = (a.min(), a.max());
                    let (other_low, other_high) = (b.min(), b.max());
                    let least = Coord { x: low.x.min(other_low.x), y: low.y.min(other_low.y) };
                    Rect::new(least, Coord { x: high.x.max(other_high.x), y: high.y.max(other_high.y) })
                })
            }
            _ => None,
        }
    }
}

/// A point has the least.
fn extent(rect: &Rect<f64>) -> f64 {
    rect.width() + rect.height()
}
