//! Questions about layers that are not in memory: what a store finds is what is found in memory, row by row, in the same
//! order, page by page.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bricola_layers::cache::{BaseBuilder, Snapshot};
use bricola_layers::crs::Crs;
use bricola_layers::definition::{LayerDefinition, Scope};
use bricola_layers::feature::{Feature, FeatureId, StoredFeature, Value};
use bricola_layers::log::Seq;
use bricola_layers::query::cql2::{BoundFilter, Filter};
use bricola_layers::query::{Area, Cursor, Selection, SortKey, sought};
use bricola_layers::store::{Edit, Sight, Sought, Store, StoreError};
use chrono::{DateTime, NaiveDate};
use futures::StreamExt;

use super::filters::Random;
use crate::sample::{all, all_at, anything, insert, parcel, parcels};

const LAYER: &str = "anything";
const LONG: Duration = Duration::from_secs(60);

/// A layer of anything in degrees, in a store and in memory.
pub struct Twins<S> {
    pub store: S,
    pub definition: Arc<LayerDefinition>,
    pub rows: Vec<StoredFeature>,
    pub cached: Snapshot,
}

impl<S: Store> Twins<S> {
    pub async fn of(store: S, features: Vec<Feature>) -> Self {
        store.define(&LayerDefinition { crs: Some("EPSG:4326".to_owned()), ..anything() }).await.expect("defines");
        for some in features.chunks(500) {
            insert(&store, LAYER, some.to_vec()).await;
        }
        let definition = Arc::new(store.layers().await.expect("layers").remove(0).definition);
        let rows = all(&store, LAYER).await;
        let cached = snapshot(&definition, &rows);
        Self { store, definition, rows, cached }
    }

    pub fn bound(&self, filter: &str) -> BoundFilter {
        let parsed = Filter::from_text(filter).unwrap_or_else(|refusal| panic!("{filter}\n{refusal}"));
        parsed.bind(&self.definition, Scope::EVERYTHING).unwrap_or_else(|refusal| panic!("{filter}\n{refusal}"))
    }

    /// What our evaluator says of each row, `t`, `f` or `?`.
    pub fn said(&self, filter: &BoundFilter) -> String {
        let say =
            |row: &StoredFeature| filter.condition().holds(row).map_or('?', |holds| if holds { 't' } else { 'f' });
        self.rows.iter().map(say).collect()
    }

    /// What the store says: where the filter is true, and where its contrary is.
    pub async fn told(&self, filter: &str) -> String {
        let mut line = vec!['?'; self.rows.len()];
        for (mark, text) in [('t', filter.to_owned()), ('f', format!("NOT ({filter})"))] {
            let selection = Selection { filters: vec![self.bound(&text)], ..Selection::default() };
            let (found, matched) = self.ask(selection, &[], None, None).await;
            assert_eq!(found.len() as u64, matched, "{text}");
            for id in found {
                let place = self.rows.binary_search_by_key(&id, |row| row.id).expect("one of the layer");
                assert_eq!(std::mem::replace(&mut line[place], mark), '?', "{filter} and its contrary of {id}");
            }
        }
        line.into_iter().collect()
    }

    async fn ask(
        &self,
        selection: Selection,
        order: &[SortKey],
        after: Option<&Cursor>,
        limit: Option<usize>,
    ) -> (Vec<FeatureId>, u64) {
        let sought = sought(&self.definition, &Arc::new(selection), order, after, LONG);
        let (found, matched) = asked(&self.store, Sought { limit, is_counted: true, ..sought }).await.expect("answers");
        (found.iter().map(|row| row.id).collect(), matched)
    }

    /// The store and memory find the same, page by page, in every order.
    async fn compare(&self, selection: impl Fn() -> Selection, order: &[SortKey], limit: usize, what: &str) -> usize {
        let (mut after, mut seen) = (None, 0);
        loop {
            let page = selection().page(&self.cached, order, after.as_ref(), limit);
            let expected: Vec<FeatureId> = page.rows.iter().map(|at| self.cached.row_at(*at).id()).collect();
            let (mut found, matched) = self.ask(selection(), order, after.as_ref(), Some(limit + 1)).await;
            assert_eq!(matched, page.matched as u64, "{what}");
            assert_eq!(found.len() > limit, page.next.is_some(), "{what}");
            found.truncate(limit);
            assert_eq!(found, expected, "{what} after {after:?}");
            seen += found.len();
            match page.next {
                Some(next) => after = Some(next),
                None => return seen,
            }
        }
    }
}

pub fn snapshot(definition: &Arc<LayerDefinition>, rows: &[StoredFeature]) -> Snapshot {
    let mut builder = BaseBuilder::new(definition).expect("a builder");
    for row in rows {
        builder.push(row);
    }
    Snapshot::of(builder.finish().expect("built").0, Arc::clone(definition), 1)
}

async fn asked<S: Store>(store: &S, sought: Sought) -> Result<(Vec<StoredFeature>, u64), StoreError> {
    let mut answer = store.seek(LAYER, Arc::new(sought));
    let (mut found, mut matched) = (Vec::new(), 0);
    while let Some(sight) = answer.next().await {
        match sight? {
            Sight::Matched(count) => matched = count,
            Sight::Rows(rows) => found.extend(rows),
        }
    }
    Ok((found, matched))
}

fn odd(text: &str, real: Option<f64>, integer: Option<i64>, day: Option<&str>, instant: Option<&str>) -> Feature {
    let day = day.map(|day| NaiveDate::parse_from_str(day, "%Y-%m-%d").expect("a day"));
    let instant = instant.map(|instant| DateTime::parse_from_rfc3339(instant).expect("an instant").to_utc());
    Feature {
        geometry: None,
        properties: vec![
            Value::Text(text.to_owned()),
            Value::Text(text.chars().rev().collect()),
            real.map_or(Value::Null, Value::Real),
            integer.map_or(Value::Null, Value::Integer),
            Value::Null,
            day.map_or(Value::Null, Value::Date),
            instant.map_or(Value::Null, Value::DateTime),
        ],
    }
}

/// What lies at the edges of types and languages.
fn oddities() -> Vec<Feature> {
    vec![
        odd("", Some(0.0), Some(0), Some("2020-01-01"), Some("2020-01-01T00:00:00Z")),
        odd("straße", Some(-0.0), Some(i64::MAX), Some("0001-01-01"), Some("1900-01-01T00:00:00Z")),
        odd("STRASSE", Some(f64::MAX), Some(i64::MIN + 1), Some("9999-12-31"), Some("9999-12-31T23:59:59.999Z")),
        odd("Σίσυφος", Some(f64::MIN_POSITIVE), Some(1), None, None),
        odd("σίσυφοσ", Some(1e-300), Some(-1), Some("2020-02-29"), Some("1969-12-31T23:59:59.999Z")),
        odd("İstanbul ı", Some(1e308), Some(9_007_199_254_740_993), None, Some("2020-01-01T00:00:00.001Z")),
        odd("e\u{301}t\u{e9}", Some(0.1), Some(3), Some("2020-01-02"), None),
        odd("\u{1F5FA} Ca' d'Oro \"\\", Some(0.1 + 0.2), None, None, None),
        odd("100%_*?[a]\\", None, Some(2), None, None),
        odd("'; DROP TABLE anything; --", Some(-1.5), Some(7), None, None),
        odd("$1 ?1 :x @x", Some(2.0), Some(-7), None, None),
        odd("null", Some(9_007_199_254_740_992.0), Some(9_007_199_254_740_992), None, None),
    ]
}

const ODD_FILTERS: &[&str] = &[
    "CASEI(sheet) = CASEI('STRASSE')",
    "CASEI(sheet) LIKE CASEI('stra%')",
    "CASEI(sheet) = CASEI('σίσυφος')",
    "CASEI(sheet) IN (CASEI('İSTANBUL I'), CASEI('NULL'))",
    "ACCENTI(sheet) = ACCENTI('ete')",
    "ACCENTI(CASEI(sheet)) < ACCENTI('S')",
    "CASEI(sheet) BETWEEN 'a' AND 'z'",
    "CASEI(sheet) = CASEI(number)",
    "sheet = ''",
    "sheet <> ''",
    "sheet > 'S'",
    "sheet LIKE '100\\%\\_*?[%'",
    "sheet LIKE '%[a]_'",
    "sheet LIKE '_____'",
    "sheet LIKE '%'",
    "sheet LIKE ''",
    "sheet = '''; DROP TABLE anything; --'",
    "sheet LIKE '%'' OR 1=1 --'",
    "sheet IN ('$1 ?1 :x @x', 'null', ''';--')",
    "area = 0",
    "area = floors",
    "area > floors",
    "area < 9007199254740993",
    "floors = 9007199254740993",
    "floors >= 9007199254740992.0",
    "area * 10 > 5",
    "area * area > 1",
    "area / 0 = 1",
    "area / floors > 0.5",
    "(area / 0) IS NULL",
    "(area * 1e300) IS NULL",
    "area * 1e-300 = 0",
    "floors + 1 > floors",
    "floors - 9223372036854775807 < 0",
    "floors % 2 = 1",
    "area % 0.1 < 0.05",
    "floors DIV 2 = 1",
    "floors DIV 0 = 1",
    "(-floors) ^ 0.5 > 1",
    "floors ^ 2 = 49",
    "2 ^ floors > 3",
    "area + 0.2 = 0.30000000000000004",
    "surveyed = DATE('0001-01-01')",
    "surveyed > DATE('2020-01-01')",
    "surveyed < TIMESTAMP('2020-01-01T00:00:00.001Z')",
    "seen = TIMESTAMP('2020-01-01T00:00:00.001Z')",
    "seen > TIMESTAMP('2020-01-01T00:00:00.0001Z')",
    "seen < TIMESTAMP('2020-01-01T00:00:00.000000001Z')",
    "seen >= DATE('2020-01-01')",
    "surveyed <= seen",
    "T_DURING(seen, INTERVAL('..', '2020-01-01T00:00:00.001Z'))",
    "T_INTERSECTS(INTERVAL(surveyed, seen), INTERVAL('2019-12-31', '..'))",
    "T_DISJOINT(INTERVAL(surveyed, '..'), INTERVAL('..', seen))",
    "T_EQUALS(surveyed, seen)",
    "geometry IS NULL",
    "listed",
    "NOT listed OR listed IS NULL",
    "id IN (1, 3, 99)",
    "id IS NULL",
    "sheet IS NULL OR CASEI(sheet) IS NULL",
    "S_INTERSECTS(geometry, POINT(12 45))",
    "S_DISJOINT(geometry, POINT(12 45)) OR TRUE",
    "S_INTERSECTS(POINT(12 45), POINT(12 45)) AND FALSE",
    "S_WITHIN(POINT(12 45), BBOX(11,44,13,46))",
];

pub async fn random_filters_find_what_the_evaluator_finds<S: Store>(store: S) {
    let mut random = Random::new(0x0DDB_A11C_0FFE_E123);
    let twins = Twins::of(store, (0..80).map(|_| random.row()).collect()).await;
    let mut kinds = [0_usize; 3];
    for number in 0..400 {
        let [filter, _] = random.condition(number % 4);
        let ours = twins.said(&twins.bound(&filter));
        assert_eq!(twins.told(&filter).await, ours, "{filter}");
        "tf?".chars().zip(&mut kinds).for_each(|(kind, count)| *count += ours.matches(kind).count());
    }
    assert!(kinds.iter().all(|count| *count > 1_000), "{kinds:?}");
}

pub async fn the_edges_of_types_and_languages_are_where_the_evaluator_has_them<S: Store>(store: S) {
    let twins = Twins::of(store, oddities()).await;
    for filter in ODD_FILTERS {
        let ours = twins.said(&twins.bound(filter));
        assert_eq!(twins.told(filter).await, ours, "{filter}");
        for both in [format!("({filter}) AND sheet <> 'null'"), format!("NOT (({filter}) OR floors > 2)")] {
            let ours = twins.said(&twins.bound(&both));
            assert_eq!(twins.told(&both).await, ours, "{both}");
        }
    }
    // A text that no database holds is no reason to fail.
    let filter = Filter::from_text("sheet = 'a\0b' OR sheet > 'a\0b'").expect("parsed");
    let bound = filter.bind(&twins.definition, Scope::EVERYTHING).expect("bound");
    let ours = twins.said(&bound).matches('t').count();
    let selection = Selection { filters: vec![bound], ..Selection::default() };
    assert_eq!(twins.ask(selection, &[], None, None).await.0.len(), ours);
}

pub async fn pages_are_the_same_in_every_order<S: Store>(store: S) {
    let mut random = Random::new(77);
    let rows = (0..150).map(|_| random.row()).chain(oddities()).collect();
    let twins = Twins::of(store, rows).await;
    let filters = ["TRUE", "area > 0 OR CASEI(sheet) = 'a'", "S_INTERSECTS(geometry, BBOX(12,42,13.5,44))"];
    for filter in filters {
        for field in 0..7 {
            for descending in [false, true] {
                let keys = [SortKey { field: Some(field), descending }];
                let twice = [keys[0], SortKey { field: Some((field + 3) % 7), descending: !descending }];
                let with_id = [keys[0], SortKey { field: None, descending: true }];
                for order in [&keys[..], &twice, &with_id] {
                    let selection = || Selection { filters: vec![twins.bound(filter)], ..Selection::default() };
                    twins.compare(selection, order, 37, &format!("{filter} by {order:?}")).await;
                }
            }
        }
        let selection = || Selection { filters: vec![twins.bound(filter)], ..Selection::default() };
        twins.compare(selection, &[], 11, filter).await;
        twins.compare(selection, &[SortKey { field: None, descending: true }], 11, filter).await;
    }
    twins.compare(Selection::default, &[], 50, "everything").await;
}

pub async fn boxes_of_any_crs_find_what_they_touch<S: Store>(store: S) {
    let mut random = Random::new(4711);
    let twins = Twins::of(store, (0..300).map(|_| random.row()).collect()).await;
    let mut seen = 0;
    for crs in [4326, 6706, 3857, 7795, 25832, 3035, 3003] {
        let crs = Crs::epsg(crs).expect("a CRS");
        for _ in 0..12 {
            let [a, b] = [random.rect(), random.rect()];
            let corner = |x: f64, y: f64| {
                bricola_layers::query::Place::new(&Crs::crs84(), [x, y]).expect("a place").in_crs(&crs).expect("there")
            };
            let shift = random.below(3) as f64 * 0.1;
            let (low, high) = (corner(a.min().x + shift, a.min().y), corner(a.max().x.max(b.max().x), a.max().y));
            let corners = [low[0], low[1], high[0], high[1]];
            let Ok(area) = Area::new(crs.clone(), corners) else { continue };
            let selection = || Selection { area: Some(area.clone()), ..Selection::default() };
            seen += twins.compare(selection, &[], 40, &format!("{corners:?} of {crs}")).await;
        }
    }
    assert!(seen > 3_000, "{seen}");
    for corners in [[-180.0, -90.0, 180.0, 90.0], [170.0, -90.0, 15.0, 90.0], [12.0, 42.0, 12.0, 42.0]] {
        let area = Area::new(Crs::crs84(), corners).expect("a box");
        let selection = || Selection { area: Some(area.clone()), ..Selection::default() };
        twins.compare(selection, &[], 100, &format!("{corners:?}")).await;
    }
}

pub async fn questions_as_of_a_change_are_answered_as_of_it<S: Store>(store: S) {
    let mut random = Random::new(99);
    let mut twins = Twins::of(store, (0..40).map(|_| random.row()).collect()).await;
    let ids: Vec<FeatureId> = twins.rows.iter().map(|row| row.id).collect();
    let mut moments: Vec<Seq> = vec![twins.store.last_seq().await.expect("a seq")];
    for round in 0..6 {
        let edits = vec![
            Edit::Insert(random.row()),
            Edit::Update { id: ids[round * 3], expected: None, feature: random.row() },
            Edit::Update { id: ids[round + 20], expected: None, feature: random.row() },
            Edit::Delete { id: ids[round * 3 + 1], expected: None },
        ];
        moments.push(twins.store.write(LAYER, edits).await.expect("written").1);
    }
    for at in moments {
        twins.rows = all_at(&twins.store, LAYER, at).await;
        for filter in
            ["TRUE", "area > 0", "CASEI(sheet) LIKE '%a%' OR listed", "S_INTERSECTS(geometry, BBOX(12,42,14,44))"]
        {
            let bound = twins.bound(filter);
            let rows = twins.rows.iter().filter(|row| bound.matches(*row));
            let expected: Vec<&StoredFeature> = rows.collect();
            let selection = Arc::new(Selection { filters: vec![twins.bound(filter)], ..Selection::default() });
            let sought = sought(&twins.definition, &selection, &[], None, LONG);
            let (found, matched) =
                asked(&twins.store, Sought { at: Some(at), is_counted: true, ..sought }).await.expect("answers");
            assert_eq!(found.iter().collect::<Vec<_>>(), expected, "{filter} at {at}");
            assert_eq!(matched, expected.len() as u64);
        }
    }
}

pub async fn a_question_that_takes_too_long_is_given_up_and_the_next_is_answered<S: Store>(store: S) {
    let row = |_| Feature { properties: vec![Value::Text("a".repeat(20_000)); 1], ..odd("", None, None, None, None) };
    let wide = |feature: Feature| {
        let mut properties = feature.properties;
        properties.resize(7, Value::Null);
        Feature { properties, ..feature }
    };
    let twins = Twins::of(store, (0..600).map(row).map(wide).collect()).await;
    // At each of its 20,000 places 1,000 letters fit before one does not.
    let slow = format!("sheet LIKE '%{}b%'", "a".repeat(1_000));
    let selection = Arc::new(Selection { filters: vec![twins.bound(&slow)], ..Selection::default() });
    let sought = sought(&twins.definition, &selection, &[], None, Duration::from_millis(300));
    let started = Instant::now();
    let answer = asked(&twins.store, Sought { is_counted: true, ..sought }).await;
    assert!(matches!(answer, Err(StoreError::Timeout)), "{answer:?}");
    assert!(started.elapsed() < Duration::from_secs(8), "{:?}", started.elapsed());
    assert_eq!(twins.ask(Selection::default(), &[], None, Some(3)).await.1, 600);
}

pub async fn who_stops_reading_gives_the_store_back<S: Store>(store: S) {
    store.define(&parcels()).await.expect("defines");
    let some = |from: u32| (from..from + 500).map(|number| parcel("7", number, 1.0)).collect::<Vec<_>>();
    for from in (1..20_000).step_by(500) {
        insert(&store, "test-parcels", some(from)).await;
    }
    let definition = Arc::new(store.layers().await.expect("layers").remove(0).definition);
    let everything = || sought(&definition, &Arc::default(), &[], None, LONG);
    // More often than there are connections.
    for _ in 0..40 {
        let mut answer = store.seek("test-parcels", Arc::new(everything()));
        assert!(matches!(answer.next().await, Some(Ok(Sight::Rows(rows))) if rows[0].id == 1));
    }
    let mut answer = store.seek("test-parcels", Arc::new(everything()));
    let mut count = 0;
    while let Some(sight) = answer.next().await {
        if let Sight::Rows(rows) = sight.expect("answers") {
            count += rows.len();
        }
    }
    assert_eq!(count, 20_000);
    let unknown = store.seek("nothing\"; --", Arc::new(everything())).next().await;
    assert!(matches!(unknown, Some(Err(StoreError::UnknownLayer(_)))), "{unknown:?}");
    assert!(store.extent("test-parcels").await.expect("answers").is_some_and(|[west, .., north]| west < north));
}
