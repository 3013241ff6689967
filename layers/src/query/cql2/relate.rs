//! Relations of two geometries, by `geo`.

use std::panic::{AssertUnwindSafe, catch_unwind};

use geo::{Intersects, Relate};
use geo_types::Geometry;

use super::expression::Spatial;

/// What a relation says of two geometries whose boxes do not meet.
pub(super) const fn apart(relation: Spatial) -> bool {
    matches!(relation, Spatial::Disjoint)
}

/// Whether two geometries stand in a relation; `None` where they cannot be related.
pub(super) fn holds(relation: Spatial, left: &Geometry<f64>, right: &Geometry<f64>) -> Option<bool> {
    match relation {
        Spatial::Intersects => return Some(left.intersects(right)),
        Spatial::Disjoint => return Some(!left.intersects(right)),
        _ => {}
    }
    // Tables that others fill may hold surfaces that cross themselves, over which `geo` may give up.
    let matrix = catch_unwind(AssertUnwindSafe(|| left.relate(right))).ok()?;
    Some(match relation {
        Spatial::Intersects => matrix.is_intersects(),
        Spatial::Disjoint => matrix.is_disjoint(),
        Spatial::Equals => matrix.is_equal_topo(),
        Spatial::Touches => matrix.is_touches(),
        Spatial::Crosses => matrix.is_crosses(),
        Spatial::Within => matrix.is_within(),
        Spatial::Contains => matrix.is_contains(),
        Spatial::Overlaps => matrix.is_overlaps(),
    })
}
