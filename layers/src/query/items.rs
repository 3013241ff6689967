//! Features of a layer, page by page (OGC API Features 1, 7.15; keyset paging: a page begins after the last feature of
//! the one before, so that what is inserted or deleted meanwhile neither repeats nor hides another).

use std::cmp::Ordering;

use super::area::Area;
use super::cql2::{BoundFilter, value_ref};
use super::window::Window;
use crate::cache::{RowAt, RowRef, Snapshot, Validity, ValueRef};
use crate::crs::Crs;
use crate::feature::{FeatureId, Value};

/// How wide a place may be that is searched at once: about 1.3 km.
const QUICK_UNITS: u32 = 1 << 17;
/// And how many features may be near.
const QUICK_FEATURES: usize = 1_000;

/// Which features.
#[derive(Debug, Default)]
pub struct Selection {
    /// Where; everywhere without it, those without a geometry too.
    pub area: Option<Area>,
    /// All of these hold.
    pub filters: Vec<BoundFilter>,
    /// When they are valid.
    pub validity: Validity,
}

/// One key of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SortKey {
    /// The field, by its position in the definition; the id without one.
    pub field: Option<usize>,
    /// Whether the greatest comes first.
    pub descending: bool,
}

/// The place of a feature in an order: the values of its keys, and its id.
#[derive(Debug, Clone, PartialEq)]
pub struct Cursor {
    /// One for each key.
    pub values: Vec<Value>,
    /// Among those with the same values.
    pub id: FeatureId,
}

/// A page.
#[derive(Debug)]
pub struct Page {
    /// Its features, in order.
    pub rows: Vec<RowAt>,
    /// Features on all pages together.
    pub matched: usize,
    /// After which the next page begins, if there is one.
    pub next: Option<Cursor>,
}

impl Selection {
    /// Where the features must be of which the filters hold; `None` where these do not say.
    fn window(&self, snapshot: &Snapshot) -> Option<Window> {
        let reaches = self.filters.iter().filter_map(|filter| filter.condition().reach());
        let reach = reaches.min_by(|a, b| (a.width() + a.height()).total_cmp(&(b.width() + b.height())))?;
        let storage = Crs::parse(snapshot.definition().crs.as_deref()?).ok()?;
        Some(Window::around(&storage, &reach))
    }

    /// Where the index is asked; `None` where all features are looked at.
    pub(super) fn windows(&self, snapshot: &Snapshot) -> Option<Vec<Window>> {
        let window = self.window(snapshot);
        let Some(area) = &self.area else { return window.map(|window| vec![window]) };
        let both = |of: Window| window.map_or(Some(of), |window| of.and(window));
        Some(area.windows().filter_map(both).collect())
    }

    /// Whether its features are found sooner than another thread is woken: they can be in a small place only, where there are
    /// few.
    pub fn is_quick(&self, snapshot: &Snapshot) -> bool {
        let Some(windows) = self.windows(snapshot) else { return false };
        let is_small = |Window { min, max }: &Window| (0..2).all(|axis| max[axis] - min[axis] <= QUICK_UNITS);
        windows.iter().all(is_small) && {
            let mut near = 0;
            for Window { min, max } in windows {
                snapshot.search(min, max, |_, _| near += 1);
            }
            near <= QUICK_FEATURES
        }
    }

    fn is_everything(&self) -> bool {
        self.area.is_none() && self.filters.is_empty() && self.validity.is_always()
    }

    /// Whether a feature is among them, wherever it lies.
    fn fits(&self, row: RowRef<'_>) -> bool {
        self.validity.holds(row) && self.filters.iter().all(|filter| filter.matches(&row))
    }

    /// Whether a feature is among them.
    pub fn holds(&self, row: RowRef<'_>) -> bool {
        self.area.as_ref().is_none_or(|area| area.holds(row)) && self.fits(row)
    }

    /// All its features, in order of id.
    pub fn rows(&self, snapshot: &Snapshot) -> Vec<RowAt> {
        self.rows_that(snapshot, |row| self.fits(row))
    }

    /// The features in the area of which something holds, in order of id.
    pub(super) fn rows_that(&self, snapshot: &Snapshot, holds: impl Fn(RowRef<'_>) -> bool + Sync) -> Vec<RowAt> {
        let window = self.window(snapshot);
        match (&self.area, window) {
            (Some(area), _) => area.rows_within(snapshot, window, holds),
            (None, Some(Window { min, max })) => snapshot.matching_within(min, max, |row, _| holds(row)),
            (None, None) => snapshot.matching(holds),
        }
    }

    /// A page of its features, by the keys and then by id. Where a key has no value the feature comes last.
    pub fn page(&self, snapshot: &Snapshot, order: &[SortKey], after: Option<&Cursor>, limit: usize) -> Page {
        let (mut rows, matched) = if self.is_everything() && order.is_empty() {
            (snapshot.rows_after(after.map(|cursor| cursor.id), limit + 1), snapshot.len())
        } else {
            let mut rows = self.rows(snapshot);
            let matched = rows.len();
            let row = |at: &RowAt| snapshot.row_at(*at);
            if let Some(cursor) = after {
                rows.retain(|at| compared_to(cursor, row(at), order).is_gt());
            }
            let by = |a: &RowAt, b: &RowAt| compared(row(a), row(b), order);
            if !order.is_empty() && rows.len() > limit + 1 {
                rows.select_nth_unstable_by(limit, by);
                rows.truncate(limit + 1);
            }
            if !order.is_empty() {
                rows.sort_unstable_by(by);
            }
            (rows, matched)
        };
        let is_more = rows.len() > limit;
        rows.truncate(limit);
        let last = rows.last().filter(|_| is_more);
        let next = last.map(|last| Cursor::of(snapshot.row_at(*last), order));
        Page { rows, matched, next }
    }
}

impl Cursor {
    /// The place of a row in an order.
    pub fn of(row: RowRef<'_>, order: &[SortKey]) -> Self {
        Self { values: order.iter().map(|key| value(row, *key).to_value()).collect(), id: row.id() }
    }
}

fn value(row: RowRef<'_>, key: SortKey) -> ValueRef<'_> {
    key.field.map_or(ValueRef::Integer(row.id()), |field| row.base.value(row.row, field))
}

fn compared(a: RowRef<'_>, b: RowRef<'_>, order: &[SortKey]) -> Ordering {
    let by_keys = order.iter().map(|key| by_key(value(a, *key), value(b, *key), *key));
    by_keys.fold(Ordering::Equal, Ordering::then).then(a.id().cmp(&b.id()))
}

/// How a row stands to the place of a cursor.
fn compared_to(cursor: &Cursor, row: RowRef<'_>, order: &[SortKey]) -> Ordering {
    let by_keys = order.iter().zip(&cursor.values).map(|(key, other)| by_key(value(row, *key), value_ref(other), *key));
    by_keys.fold(Ordering::Equal, Ordering::then).then(row.id().cmp(&cursor.id))
}

fn by_key(a: ValueRef<'_>, b: ValueRef<'_>, key: SortKey) -> Ordering {
    match (a.is_null(), b.is_null()) {
        (false, false) if key.descending => by_value(b, a),
        (false, false) => by_value(a, b),
        (a, b) => a.cmp(&b),
    }
}

/// Values of one field have one type; texts go by their code points.
pub(crate) fn by_value(a: ValueRef<'_>, b: ValueRef<'_>) -> Ordering {
    match (a, b) {
        (ValueRef::Boolean(a), ValueRef::Boolean(b)) => a.cmp(&b),
        (ValueRef::Integer(a), ValueRef::Integer(b)) => a.cmp(&b),
        // There is no NaN among them, and of the two zeros none is the greater.
        (ValueRef::Real(a), ValueRef::Real(b)) => a.partial_cmp(&b).unwrap_or(Ordering::Equal),
        (ValueRef::Text(a), ValueRef::Text(b)) => a.cmp(b),
        (ValueRef::Date(a), ValueRef::Date(b)) => a.cmp(&b),
        (ValueRef::DateTime(a), ValueRef::DateTime(b)) => a.cmp(&b),
        _ => Ordering::Equal,
    }
}
