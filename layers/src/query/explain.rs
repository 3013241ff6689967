//! How the features of a page are found: what was looked at, and what each condition let go.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::items::Selection;
use super::window::Window;
use crate::cache::Snapshot;

/// The finding of the features of a [`Selection`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Explanation {
    /// Features whose boxes touch the area, or where a filter says that they must be, out of the R-tree; `None` where neither
    /// says anything, and all are looked at.
    pub candidates: Option<usize>,
    /// Of these, beside the area for all that.
    pub outside: usize,
    /// Of those inside, not valid on the days that are asked for.
    pub invalid: usize,
    /// What each filter did, in the order in which they are tried: a feature that one refuses comes before none of the rest.
    pub filters: Vec<FilterWork>,
    /// What is left.
    pub matched: usize,
    /// How long it took.
    pub select: Duration,
}

/// What one filter did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FilterWork {
    /// Features that it was asked about.
    pub tests: usize,
    /// Those that it refused, or of which nothing can be said since a value is missing.
    pub refused: usize,
    /// Time that it took on all cores together.
    pub time: Duration,
}

#[derive(Default)]
struct Counts {
    tests: AtomicUsize,
    refused: AtomicUsize,
    nanoseconds: AtomicU64,
}

impl Counts {
    fn count(&self, test: impl FnOnce() -> bool) -> bool {
        let started = Instant::now();
        let holds = test();
        let took = u64::try_from(started.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.nanoseconds.fetch_add(took, Relaxed);
        self.tests.fetch_add(1, Relaxed);
        self.refused.fetch_add(usize::from(!holds), Relaxed);
        holds
    }

    fn work(&self) -> FilterWork {
        let time = Duration::from_nanos(self.nanoseconds.load(Relaxed));
        FilterWork { tests: self.tests.load(Relaxed), refused: self.refused.load(Relaxed), time }
    }
}

impl Selection {
    /// Finds the features anew, as [`Selection::rows`] does, and tells how.
    pub fn explain(&self, snapshot: &Snapshot) -> Explanation {
        let (validity, filters) =
            (Counts::default(), self.filters.iter().map(|_| Counts::default()).collect::<Vec<_>>());
        let started = Instant::now();
        let rows = self.rows_that(snapshot, |row| {
            let passes = |(filter, counts): (&super::cql2::BoundFilter, &Counts)| counts.count(|| filter.matches(&row));
            validity.count(|| self.validity.holds(row)) && self.filters.iter().zip(&filters).all(passes)
        });
        let select = started.elapsed();
        let candidates = self.windows(snapshot).map(|windows| {
            let count = AtomicUsize::new(0);
            for Window { min, max } in windows {
                snapshot.matching_within(min, max, |_, _| {
                    count.fetch_add(1, Relaxed);
                    false
                });
            }
            count.into_inner()
        });
        let validity = validity.work();
        Explanation {
            candidates,
            outside: candidates.map_or(0, |candidates| candidates.saturating_sub(validity.tests)),
            invalid: validity.refused,
            filters: filters.iter().map(Counts::work).collect(),
            matched: rows.len(),
            select,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::cql2::Filter;
    use super::super::testing::wells;
    use super::*;
    use crate::crs::Crs;
    use crate::definition::Scope;
    use crate::query::Area;

    #[test]
    fn every_feature_that_is_not_found_has_a_reason() {
        let places: Vec<[f64; 2]> = (0..40).map(|n| [12.3 + f64::from(n) * 1e-4, 45.4]).collect();
        let snapshot = wells("EPSG:4326", 1e-8, (1..).zip(&places).map(|(id, place)| (id, 1, Some(*place))));
        let filter = |text: &str| {
            Filter::from_text(text)
                .and_then(|filter| filter.bind(snapshot.definition(), Scope::EVERYTHING))
                .expect("a filter")
        };
        let area = Area::new(Crs::crs84(), [12.299, 45.3, 12.3 + 19.5e-4, 45.5]).expect("a box");
        let first = filter("S_INTERSECTS(geom, BBOX(12.3,45.3,12.3008,45.5))");
        let selection = Selection { area: Some(area), filters: vec![first, filter("1 = 2")], ..Selection::default() };
        let told = selection.explain(&snapshot);
        assert_eq!((told.candidates, told.outside, told.invalid, told.matched), (Some(10), 0, 0, 0));
        let work: Vec<_> = told.filters.iter().map(|work| (work.tests, work.refused)).collect();
        assert_eq!(work, [(10, 1), (9, 9)]);
        let all = Selection { filters: vec![filter("1 = 1")], ..Selection::default() }.explain(&snapshot);
        assert_eq!((all.candidates, all.matched, all.filters[0].tests), (None, 40, 40));
    }
}
