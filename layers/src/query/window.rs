//! A box of world units in which the R-tree is searched.

use geo_types::Rect;

use crate::crs::{self, Crs, Reach, lonlat_to_world, with_transformer};

/// Degrees, and metres, up to which the sides of a box are straight enough for its corners to tell how far it reaches.
const STRAIGHT: [f64; 2] = [0.02, 2_000.0];
/// World units that are looked beyond it, beside an eighth of the box: some metres.
const SLACK: u32 = 1 << 9;

/// North-west and south-east corner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Window {
    pub min: [u32; 2],
    pub max: [u32; 2],
}

impl Window {
    /// Around a box in the storage CRS of a layer; everywhere where the CRS means nothing at one of its corners.
    pub fn around(storage: &Crs, rect: &Rect<f64>) -> Self {
        let everywhere = Self { min: [0; 2], max: [u32::MAX; 2] };
        let (low, high) = (rect.min(), rect.max());
        let straight = if storage.is_geographic() { STRAIGHT[0] } else { STRAIGHT[1] };
        let found = if rect.width().max(rect.height()) <= straight {
            corners(storage, [low.x, low.y, high.x, high.y])
        } else {
            crs::reach(storage, [low.x, low.y, high.x, high.y]).ok().map(|Reach { min, max, .. }| Self { min, max })
        };
        found.map_or(everywhere, |window| window.wider(SLACK))
    }

    /// By an eighth of itself, and by some units.
    fn wider(self, units: u32) -> Self {
        let slack = [0, 1].map(|axis| ((self.max[axis] - self.min[axis]) / 8).saturating_add(units));
        Self {
            min: [self.min[0].saturating_sub(slack[0]), self.min[1].saturating_sub(slack[1])],
            max: [self.max[0].saturating_add(slack[0]), self.max[1].saturating_add(slack[1])],
        }
    }

    /// What lies in both, if there is any.
    pub fn and(self, other: Self) -> Option<Self> {
        let both = Self {
            min: [self.min[0].max(other.min[0]), self.min[1].max(other.min[1])],
            max: [self.max[0].min(other.max[0]), self.max[1].min(other.max[1])],
        };
        (both.min[0] <= both.max[0] && both.min[1] <= both.max[1]).then_some(both)
    }
}

fn corners(storage: &Crs, [west, south, east, north]: [f64; 4]) -> Option<Window> {
    let mut found = Window { min: [u32::MAX; 2], max: [0; 2] };
    with_transformer(storage, &Crs::wgs84(), |transformer| {
        for corner in [[west, south], [east, south], [west, north], [east, north]] {
            let world = transformer.point(corner).map(lonlat_to_world).ok()?;
            found.min = [0, 1].map(|axis| found.min[axis].min(world[axis]));
            found.max = [0, 1].map(|axis| found.max[axis].max(world[axis]));
        }
        Some(found)
    })
    .ok()?
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::cql2::Filter;
    use super::super::items::Selection;
    use super::super::testing::wells;
    use super::*;
    use crate::definition::Scope;

    fn relation() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec!["S_INTERSECTS", "S_WITHIN", "S_EQUALS", "S_TOUCHES", "S_DISJOINT", "S_CONTAINS"])
    }

    /// A condition on the place of a feature, a number of metres or kilometres wide.
    fn condition() -> impl Strategy<Value = String> {
        let part = (relation(), 0_u32..200, 0_u32..200, 0_u32..120, any::<bool>()).prop_map(
            |(relation, x, y, wide, turned)| {
                let (west, south) = (12.0 + f64::from(x) * 1e-3, 45.0 + f64::from(y) * 1e-3);
                let place = match wide {
                    0..20 => format!("POINT({west} {south})"),
                    _ => format!(
                        "BBOX({west},{south},{},{})",
                        west + f64::from(wide) * 1e-3,
                        south + f64::from(wide) * 1e-3
                    ),
                };
                if turned { format!("{relation}({place},geom)") } else { format!("{relation}(geom,{place})") }
            },
        );
        let leaf = prop_oneof![4 => part, 1 => Just("geom IS NULL".to_owned()), 1 => Just("id > 20".to_owned())];
        leaf.prop_recursive(3, 8, 3, |inner| {
            prop_oneof![
                inner.clone().prop_map(|one| format!("NOT ({one})")),
                prop::collection::vec(inner.clone(), 2..4).prop_map(|all| format!("({})", all.join(" AND "))),
                prop::collection::vec(inner, 2..4).prop_map(|any| format!("({})", any.join(" OR "))),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_filter_that_is_looked_up_finds_what_looking_at_every_feature_finds(
            places in prop::collection::vec(prop::option::of((0_u32..200, 0_u32..200)), 1..60),
            text in condition(),
        ) {
            let degrees = |place: (u32, u32)| [12.0 + f64::from(place.0) * 1e-3, 45.0 + f64::from(place.1) * 1e-3];
            let place = |(id, place): (i64, &Option<(u32, u32)>)| (id, 1, place.map(degrees));
            let layer = wells("EPSG:4326", 1e-8, (1..).zip(&places).map(place));
            let filter = Filter::from_text(&text).and_then(|filter| filter.bind(layer.definition(), Scope::EVERYTHING));
            let filter = filter.expect("a filter");
            let every = layer.matching(|row| filter.matches(&row));
            let selection = Selection { filters: vec![filter], ..Selection::default() };
            let ids = |rows: &[crate::cache::RowAt]| rows.iter().map(|at| layer.row_at(*at).id()).collect::<Vec<_>>();
            prop_assert_eq!(ids(&selection.rows(&layer)), ids(&every), "{}", text);
        }
    }

    #[test]
    fn a_point_is_looked_up_among_a_few() {
        let layer = wells(
            "EPSG:7795",
            0.001,
            (0..10_000).map(|id| {
                (id + 1, 1, Some([3_020_000.0 + (id % 100) as f64 * 50.0, 5_030_000.0 + (id / 100) as f64 * 50.0]))
            }),
        );
        let area = super::super::Area::new(Crs::crs84(), layer.extent_lonlat().expect("an extent")).expect("a box");
        let filter = Filter::from_text("S_INTERSECTS(geom, POINT(3020000 5030000))");
        let filter = filter
            .and_then(|it| it.bind_in(layer.definition(), Scope::EVERYTHING, &Crs::parse("EPSG:7795").expect("known")));
        for area in [None, Some(area)] {
            let selection =
                Selection { area, filters: vec![filter.clone().expect("a filter")], ..Selection::default() };
            let told = selection.explain(&layer);
            assert_eq!((told.candidates, told.matched), (Some(1), 1));
        }
    }
}
