//! Filters: our evaluator against `WHERE` of PostGIS, on random filters over the same rows.

use std::fmt::Write as _;
use std::sync::Arc;

use bricola_layers::cache::{BaseBuilder, Snapshot};
use bricola_layers::definition::{LayerDefinition, Scope};
use bricola_layers::feature::{Feature, StoredFeature, Value};
use bricola_layers::query::cql2::Filter;
use bricola_layers::store::Store;
use chrono::{DateTime, NaiveDate};
use geo_types::{Geometry, LineString, MultiLineString, MultiPoint, MultiPolygon, Point, Polygon, Rect, coord};
use geozero::ToWkt;

use super::postgis::{empty, psql};
use super::seek::Twins;
use crate::sample::{all, anything, insert, parcel, parcels};

const TEXTS: [&str; 9] = ["", "a", "A", "à", "Città", "ab%", "a_b", "Zeta", "o'k"];
const PATTERNS: [&str; 8] = ["%", "a%", "_", "%a%", "A_%", r"ab\%", r"%\_%", "C_tt_"];
const DAYS: [&str; 4] = ["2019-12-31", "2020-01-01", "2020-01-02", "2021-06-30"];
const INSTANTS: [&str; 4] =
    ["2019-12-31T23:59:59Z", "2020-01-01T00:00:00Z", "2020-01-02T01:00:00+01:00", "2022-01-01T12:00:00.5Z"];
const COMPARISONS: [&str; 6] = ["=", "<>", "<", "<=", ">", ">="];
const RELATIONS: [&str; 8] =
    ["Intersects", "Disjoint", "Equals", "Touches", "Crosses", "Within", "Contains", "Overlaps"];

/// Marsaglia's xorshift: the same filters each time.
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }

    fn of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// On a coarse grid, so that edges and corners often meet.
    fn place(&mut self) -> [f64; 2] {
        [12.0 + self.below(7) as f64 * 0.5, 42.0 + self.below(7) as f64 * 0.5]
    }

    pub fn rect(&mut self) -> Rect<f64> {
        loop {
            let ([a, b], [c, d]) = (self.place(), self.place());
            if (a - c).abs() > 0.1 && (b - d).abs() > 0.1 {
                return Rect::new(coord! { x: a, y: b }, coord! { x: c, y: d });
            }
        }
    }

    fn line(&mut self) -> LineString<f64> {
        let rect = self.rect();
        let (low, high) = (rect.min(), rect.max());
        LineString(match self.below(3) {
            0 => vec![low, high],
            1 => vec![low, coord! { x: high.x, y: low.y }],
            _ => vec![high, coord! { x: low.x, y: high.y }, low],
        })
    }

    fn geometry(&mut self) -> Geometry<f64> {
        match self.below(7) {
            0 => Point::from(self.place()).into(),
            1 => MultiPoint(vec![self.place().into(), [20.0, 50.0].into()]).into(),
            2 => self.line().into(),
            3 => MultiLineString(vec![self.line(), LineString::from(vec![[20.0, 50.0], [21.0, 50.0]])]).into(),
            4 => {
                let shell = self.rect();
                let at = |share: f64| (shell.max() - shell.min()) * share + shell.min();
                let hole = Rect::new(at(0.25), at(0.5)).to_polygon().exterior().clone();
                Polygon::new(shell.to_polygon().exterior().clone(), vec![hole]).into()
            }
            5 => {
                let far = Rect::new(coord! { x: 20.0, y: 50.0 }, coord! { x: 21.0, y: 51.0 });
                MultiPolygon(vec![self.rect().to_polygon(), far.to_polygon()]).into()
            }
            _ => self.rect().to_polygon().into(),
        }
    }

    pub fn row(&mut self) -> Feature {
        let absent: Vec<bool> = (0..7).map(|_| self.below(5) == 0).collect();
        let day = NaiveDate::parse_from_str(self.of(&DAYS), "%Y-%m-%d").expect("a day");
        let instant = DateTime::parse_from_rfc3339(self.of(&INSTANTS)).expect("an instant").to_utc();
        let mut properties = vec![
            Value::Text(self.of(&TEXTS).to_owned()),
            Value::Text(self.of(&TEXTS).to_owned()),
            Value::Real(self.below(9) as f64 * 0.25 - 1.0),
            Value::Integer(self.below(6) as i64 - 2),
            Value::Boolean(self.below(2) == 0),
            Value::Date(day),
            Value::DateTime(instant),
        ];
        for (value, absent) in properties.iter_mut().zip(absent) {
            if absent {
                *value = Value::Null;
            }
        }
        Feature { geometry: (self.below(12) > 0).then(|| self.geometry()), properties }
    }

    /// A condition in CQL2 and in SQL.
    pub fn condition(&mut self, depth: usize) -> [String; 2] {
        if depth > 0 && self.below(3) > 0 {
            let parts: Vec<[String; 2]> = (0..2 + self.below(2)).map(|_| self.condition(depth - 1)).collect();
            let (word, is_bare) = (self.of(&[" AND ", " OR "]), self.below(3) == 0);
            let not = self.of(&["", "NOT "]);
            // Without brackets both languages decide by the same precedence.
            return [0, 1].map(|language| {
                let joined = parts.iter().map(|part| part[language].clone()).collect::<Vec<_>>().join(word);
                if is_bare { format!("{not}{joined}") } else { format!("{not}({joined})") }
            });
        }
        match self.below(9) {
            0 => self.of_texts(),
            1 | 2 => self.of_numbers(),
            3 => self.of_truth(),
            4 => self.of_times(),
            5 => self.of_intervals(),
            6 => self.of_nothing(),
            _ => self.of_places(),
        }
    }

    fn of_texts(&mut self) -> [String; 2] {
        let (field, text) = (self.of(&["sheet", "number"]), quoted(self.of(&TEXTS)));
        let (comparison, not) = (self.of(&COMPARISONS), self.of(&["", "NOT "]));
        match self.below(5) {
            0 => {
                let pattern = quoted(self.of(&PATTERNS));
                let like = format!("{field} {not}LIKE {pattern}");
                [like.clone(), like]
            }
            1 => {
                let list = format!("{field} {not}IN ({text}, {}, number)", quoted(self.of(&TEXTS)));
                [list.clone(), list]
            }
            2 => [
                format!("CASEI({field}) {comparison} CASEI({text})"),
                format!("lower({field}) COLLATE \"C\" {comparison} lower({text})"),
            ],
            3 => {
                let plain = |text: &str| {
                    format!("normalize(regexp_replace(normalize({text}, NFD), '[\u{300}-\u{36f}]', '', 'g'), NFC)")
                };
                [
                    format!("ACCENTI({field}) {comparison} ACCENTI({text})"),
                    format!("{} COLLATE \"C\" {comparison} {}", plain(field), plain(&text)),
                ]
            }
            _ => [format!("{field} {comparison} {text}"), format!("{field} COLLATE \"C\" {comparison} {text}")],
        }
    }

    fn number(&mut self, depth: usize) -> [String; 2] {
        if depth == 0 || self.below(2) == 0 {
            let leaf = match self.below(5) {
                0 => "floors".to_owned(),
                1 => "area".to_owned(),
                2 => "fid".to_owned(),
                3 => (self.below(7) as i64 - 3).to_string(),
                _ => {
                    let text = self.of(&["1.5", "-0.25", "2e0", "0.0"]);
                    return [text.to_owned(), format!("'{text}'::float8")];
                }
            };
            return [leaf.clone(), leaf];
        }
        if self.below(4) == 0 {
            let ([left, _], [right, _]) = (self.number(0), self.number(0));
            let exact = |text: &str| format!("({text})::numeric");
            return [
                format!("({left} % {right})"),
                format!("mod({}, NULLIF({}, 0))::float8", exact(&left), exact(&right)),
            ];
        }
        let ([left, sql_left], [right, sql_right]) = (self.number(depth - 1), self.number(depth - 1));
        let operator = self.of(&["+", "-", "*", "/", "DIV"]);
        let (a, b) = (format!("({sql_left})::float8"), format!("({sql_right})::float8"));
        let sql = match operator {
            "/" => format!("({a} / NULLIF({b}, 0))"),
            "DIV" => format!("trunc({a} / NULLIF({b}, 0))"),
            operator => format!("({a} {operator} {b})"),
        };
        [format!("({left} {operator} {right})"), sql]
    }

    fn of_numbers(&mut self) -> [String; 2] {
        let ([a, sql_a], [b, sql_b], [c, sql_c]) = (self.number(2), self.number(1), self.number(1));
        let (comparison, not) = (self.of(&COMPARISONS), self.of(&["", "NOT "]));
        match self.below(4) {
            0 => [
                format!("{a} {not}BETWEEN {b} AND {c}"),
                format!("({sql_a})::float8 {not}BETWEEN ({sql_b})::float8 AND ({sql_c})::float8"),
            ],
            1 => [
                format!("{a} {not}IN ({b}, {c})"),
                format!("({sql_a})::float8 {not}IN (({sql_b})::float8, ({sql_c})::float8)"),
            ],
            _ => [format!("{a} {comparison} {b}"), format!("{sql_a} {comparison} {sql_b}")],
        }
    }

    fn of_truth(&mut self) -> [String; 2] {
        let text = self.of(&["listed", "NOT listed", "listed = TRUE", "listed <> false", "TRUE", "listed IN (TRUE)"]);
        [text.to_owned(), text.to_owned()]
    }

    fn of_times(&mut self) -> [String; 2] {
        let utc = |day: &str| format!("({day}::timestamp AT TIME ZONE 'UTC')");
        let (day, instant, comparison) = (self.of(&DAYS), self.of(&INSTANTS), self.of(&COMPARISONS));
        match self.below(4) {
            0 => [format!("surveyed {comparison} DATE('{day}')"), format!("surveyed {comparison} DATE '{day}'")],
            1 => [
                format!("seen {comparison} TIMESTAMP('{instant}')"),
                format!("seen {comparison} TIMESTAMPTZ '{instant}'"),
            ],
            2 => [
                format!("TIMESTAMP('{instant}') {comparison} surveyed"),
                format!("TIMESTAMPTZ '{instant}' {comparison} {}", utc("surveyed")),
            ],
            _ => [format!("seen {comparison} '{day}'"), format!("seen {comparison} {}", utc(&format!("DATE '{day}'")))],
        }
    }

    /// Against the database's own ranges.
    fn of_intervals(&mut self) -> [String; 2] {
        let mut ends = [self.of(&INSTANTS), self.of(&INSTANTS)];
        ends.sort_by_key(|end| DateTime::parse_from_rfc3339(end).expect("an instant"));
        let [from, to] = ends;
        let start = "(surveyed::timestamp AT TIME ZONE 'UTC')";
        let a = format!("CASE WHEN {start} <= seen THEN tstzrange({start}, seen, '[]') END");
        let b = format!("tstzrange('{from}', '{to}', '[]')");
        let (name, sql) = self.of(&[
            ("T_INTERSECTS", "a && b"),
            ("T_DISJOINT", "NOT a && b"),
            ("T_BEFORE", "a << b"),
            ("T_AFTER", "a >> b"),
            ("T_EQUALS", "a = b"),
            ("T_DURING", "a <@ b AND lower(a) <> lower(b) AND upper(a) <> upper(b)"),
            ("T_CONTAINS", "a @> b AND lower(a) <> lower(b) AND upper(a) <> upper(b)"),
            ("T_STARTS", "lower(a) = lower(b) AND upper(a) < upper(b)"),
            ("T_STARTEDBY", "lower(a) = lower(b) AND upper(a) > upper(b)"),
            ("T_FINISHES", "upper(a) = upper(b) AND lower(a) > lower(b)"),
            ("T_FINISHEDBY", "upper(a) = upper(b) AND lower(a) < lower(b)"),
            ("T_MEETS", "upper(a) = lower(b)"),
            ("T_METBY", "lower(a) = upper(b)"),
            ("T_OVERLAPS", "lower(a) < lower(b) AND upper(a) > lower(b) AND upper(a) < upper(b)"),
            ("T_OVERLAPPEDBY", "lower(a) > lower(b) AND lower(a) < upper(b) AND upper(a) > upper(b)"),
        ]);
        [
            format!("{name}(INTERVAL(surveyed, seen), INTERVAL('{from}', '{to}'))"),
            format!("(SELECT {sql} FROM (SELECT {a} AS a, {b} AS b) AS ranges)"),
        ]
    }

    fn of_nothing(&mut self) -> [String; 2] {
        let (field, not) = (self.of(&["sheet", "area", "listed", "seen", "geom"]), self.of(&["", "NOT "]));
        let text = format!("{field} IS {not}NULL");
        [text.clone(), text]
    }

    fn of_places(&mut self) -> [String; 2] {
        let relation = self.of(&RELATIONS);
        let (cql, sql) = if self.below(3) == 0 {
            let rect = self.rect();
            let numbers = format!("{}, {}, {}, {}", rect.min().x, rect.min().y, rect.max().x, rect.max().y);
            (format!("BBOX({numbers})"), format!("ST_MakeEnvelope({numbers}, 4326)"))
        } else {
            let wkt = self.geometry().to_wkt().expect("WKT");
            let sql = format!("ST_GeomFromText('{wkt}', 4326)");
            (wkt, sql)
        };
        if self.below(2) == 0 {
            [format!("S_{relation}(geometry, {cql})"), format!("ST_{relation}(geom, {sql})")]
        } else {
            [format!("S_{relation}({cql}, geom)"), format!("ST_{relation}({sql}, geom)")]
        }
    }
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// What both say of each row, `t`, `f` or `?`, as one line for a filter.
fn ours(filter: &str, definition: &LayerDefinition, rows: &[StoredFeature], cached: &Snapshot) -> String {
    let parsed = Filter::from_text(filter).unwrap_or_else(|refusal| panic!("{filter}\n{refusal}"));
    let bound = parsed.bind(definition, Scope::PUBLIC).unwrap_or_else(|refusal| panic!("{filter}\n{refusal}"));
    let mut line = String::new();
    for row in rows {
        let holds = bound.condition().holds(row);
        let packed = cached.feature(row.id).expect("in memory too");
        assert_eq!(bound.condition().holds(&packed), holds, "{filter} of row {}", row.id);
        line.push(holds.map_or('?', |holds| if holds { 't' } else { 'f' }));
    }
    line
}

#[tokio::test(flavor = "multi_thread")]
async fn random_filters_select_what_postgis_selects() {
    let (store, database) = empty().await;
    store.define(&LayerDefinition { crs: Some("EPSG:4326".to_owned()), ..anything() }).await.expect("defines");
    let mut random = Random(0x2545_F491_4F6C_DD1D);
    insert(&store, "anything", (0..80).map(|_| random.row()).collect()).await;
    let (rows, layer) = (all(&store, "anything").await, store.layers().await.expect("layers").remove(0));
    let mut builder = BaseBuilder::new(&layer.definition).expect("a builder");
    for row in &rows {
        builder.push(row);
    }
    let definition = Arc::new(layer.definition);
    let cached = Snapshot::of(builder.finish().expect("built").0, Arc::clone(&definition), 1);
    let filters: Vec<[String; 2]> = (0..1500).map(|number| random.condition(number % 4)).collect();
    let mut theirs = String::new();
    // `psql` answers while it reads: what it is given at once must not fill both pipes.
    for some in filters.chunks(50) {
        let mut sql = String::new();
        for [_, condition] in some {
            let mark = format!("CASE WHEN {condition} THEN 't' WHEN NOT ({condition}) THEN 'f' ELSE '?' END");
            writeln!(sql, "SELECT string_agg({mark}, '' ORDER BY fid) FROM city.anything;").expect("written");
        }
        theirs += &psql(&database, sql).await;
    }
    let twins = Twins { store, definition: Arc::clone(&definition), rows: rows.clone(), cached };
    let mut kinds = [0_usize; 3];
    let mut different = Vec::new();
    assert_eq!(theirs.lines().count(), filters.len());
    for ([filter, condition], theirs) in filters.iter().zip(theirs.lines()) {
        let ours = ours(filter, &definition, &rows, &twins.cached);
        // Ours as SQL: written by us, run by PostGIS.
        let told = twins.told(filter).await;
        if told != ours {
            different.push(format!("{filter}\nours   {ours}\nas SQL {told}"));
        }
        "tf?".chars().zip(&mut kinds).for_each(|(kind, count)| *count += theirs.matches(kind).count());
        if ours != theirs {
            different.push(format!("{filter}\n{condition}\nours   {ours}\ntheirs {theirs}"));
        }
    }
    assert!(
        different.is_empty(),
        "{} of {}:\n{}",
        different.len(),
        filters.len(),
        different[..different.len().min(5)].join("\n")
    );
    assert!(kinds.iter().all(|count| *count > 5_000), "the filters say all three things: {kinds:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_in_degrees_is_brought_to_the_layer_as_postgis_brings_it() {
    let (store, database) = empty().await;
    store.define(&parcels()).await.expect("defines");
    insert(&store, "test-parcels", (1..=60).map(|number| parcel("7", number, 1.0)).collect()).await;
    let (rows, layer) = (all(&store, "test-parcels").await, store.layers().await.expect("layers").remove(0));
    let corners = "ST_Extent(ST_Transform(geom, 4326))";
    let extent =
        psql(&database, format!("SELECT ST_XMin(e), ST_YMin(e), ST_XMax(e), ST_YMax(e) FROM (SELECT {corners} AS e FROM city.test_parcels) AS x"))
            .await;
    let numbers: Vec<f64> = extent.trim().split('|').map(|number| number.parse().expect("a number")).collect();
    let (mut random, mut found) = (Random(42), 0);
    for _ in 0..20 {
        let mut share = |low: f64, high: f64| low + (high - low) * random.below(10_000) as f64 / 10_000.0;
        let (a, b) = (share(numbers[0], numbers[2]), share(numbers[0], numbers[2]));
        let south = share(numbers[1], numbers[3]);
        let bbox = format!("{}, {south}, {}, {}", a.min(b), a.max(b) + 1e-6, numbers[3] + 1e-5);
        let filter = Filter::from_text(&format!("S_INTERSECTS(geometry, BBOX({bbox}))")).expect("parsed");
        let bound = filter.bind(&layer.definition, Scope::PUBLIC).expect("bound");
        let ours: Vec<String> = rows.iter().filter(|row| bound.matches(*row)).map(|row| row.id.to_string()).collect();
        let sql = format!(
            "SELECT fid FROM city.test_parcels WHERE ST_Intersects(geom, ST_Transform(ST_MakeEnvelope({bbox}, 4326), 7795)) ORDER BY fid"
        );
        let theirs = psql(&database, sql).await;
        assert_eq!(ours, theirs.lines().collect::<Vec<_>>(), "{bbox}");
        found += ours.len();
    }
    assert!(found > 100, "{found}");
}
