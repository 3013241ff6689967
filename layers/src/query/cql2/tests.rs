use std::time::{Duration, Instant};

use chrono::{DateTime, NaiveDate};
use geo_types::{Geometry, polygon};
use proptest::prelude::*;

use super::pattern::folded;
use super::*;
use crate::feature::{Feature, StoredFeature, Value};

fn definition() -> LayerDefinition {
    let field = |name: &str, kind: &str, visibility: &str| {
        format!(
            "[[field]]\nname = \"{name}\"\ntype = \"{kind}\"\nvisibility = \"{visibility}\"\n\
             title = {{ it = \"t\", en = \"t\" }}\n"
        )
    };
    let mut text = "id = \"houses\"\ntitle = { it = \"t\", en = \"t\" }\ndescription = { it = \"d\", en = \"d\" }\n\
                    theme = \"cadastre\"\ngeometry = \"polygon\"\ncrs = \"EPSG:4326\"\n"
        .to_owned();
    for (name, kind) in [
        ("name", "text"),
        ("floors", "integer"),
        ("area", "real"),
        ("listed", "boolean"),
        ("built", "date"),
        ("seen", "datetime"),
        ("empty", "text"),
    ] {
        text += &field(name, kind, "public");
    }
    toml::from_str(&(text + &field("owner_note", "text", "staff"))).expect("a definition")
}

fn house() -> StoredFeature {
    let square = polygon![(x: 12.0, y: 45.0), (x: 13.0, y: 45.0), (x: 13.0, y: 46.0), (x: 12.0, y: 46.0)];
    let properties = vec![
        Value::Text("Ca' d'Oro".to_owned()),
        Value::Integer(4),
        Value::Real(2.5),
        Value::Boolean(true),
        NaiveDate::from_ymd_opt(1428, 3, 1).map_or(Value::Null, Value::Date),
        DateTime::from_timestamp(1_700_000_000, 0).map_or(Value::Null, Value::DateTime),
        Value::Null,
        Value::Text("secret".to_owned()),
    ];
    StoredFeature { id: 7, version: 1, feature: Feature { geometry: Some(square.into()), properties } }
}

fn bound(text: &str) -> Result<BoundFilter, Refusal> {
    Filter::from_text(text)?.bind(&definition(), Scope::PUBLIC)
}

#[test]
fn a_filter_says_yes_no_or_that_it_is_not_known() {
    let row = house();
    for (text, expected) in [
        ("floors = 4 AND NOT name = 'x'", Some(true)),
        ("floors <> 4.0", Some(false)),
        ("name = 'Ca'' d''Oro'", Some(true)),
        (r"name = 'Ca\' d\'Oro'", Some(true)),
        ("\"name\" LIKE 'Ca%o'", Some(true)),
        ("name LIKE 'Ca_ d_Oro'", Some(true)),
        ("name LIKE 'ca%'", Some(false)),
        ("CASEI(name) LIKE CASEI('CA%oRO')", Some(true)),
        ("ACCENTI('città') = 'citta' AND CASEI('STRASSE') = CASEI('Straße')", Some(true)),
        ("name NOT LIKE '%zz%'", Some(true)),
        ("floors BETWEEN 4 AND 4 AND floors NOT BETWEEN 5 AND 9", Some(true)),
        ("floors IN (1, 2, 4)", Some(true)),
        ("floors NOT IN (1, 2)", Some(true)),
        ("empty IS NULL AND name IS NOT NULL AND geometry IS NOT NULL", Some(true)),
        // What is compared with nothing is not known, and neither is its opposite.
        ("empty = 'x'", None),
        ("NOT empty = 'x'", None),
        ("empty = 'x' OR floors = 4", Some(true)),
        ("empty = 'x' AND floors = 5", Some(false)),
        ("empty = 'x' AND floors = 4", None),
        ("name NOT IN ('x', empty)", None),
        ("name IN ('Ca'' d''Oro', empty)", Some(true)),
        ("floors + 2 * 3 - 1 = 9 AND -floors = 0 - 4 AND 2 ^ 3 = 8", Some(true)),
        ("7 DIV 2 = 3 AND 7 / 2 = 3.5 AND -7 % 4 = -3", Some(true)),
        ("floors / 0 = 1", None),
        ("listed", Some(true)),
        ("NOT listed OR listed = FALSE", Some(false)),
        ("built < DATE('1500-01-01') AND built >= '1428-03-01'", Some(true)),
        ("seen > TIMESTAMP('2023-11-14T22:13:19Z') AND seen < DATE('2023-11-15')", Some(true)),
        ("T_DURING(seen, INTERVAL('2023-01-01', '..'))", Some(true)),
        ("T_AFTER(built, DATE('1428-02-29')) AND T_BEFORE(built, INTERVAL('2000-01-01', '2001-01-01'))", Some(true)),
        ("T_INTERSECTS(INTERVAL(built, seen), INTERVAL('1900-01-01', '1900-01-02'))", Some(true)),
        ("T_INTERSECTS(INTERVAL(seen, built), INTERVAL('1900-01-01', '1900-01-02'))", None),
        ("S_INTERSECTS(geometry, POINT(12.5 45.5)) AND S_CONTAINS(geom, POINT(12.5 45.5))", Some(true)),
        ("S_INTERSECTS(geometry, POINT(14 45.5)) OR S_TOUCHES(geometry, POINT(12.5 45.5))", Some(false)),
        ("S_WITHIN(geometry, BBOX(11, 44, 14, 47)) AND S_TOUCHES(POINT Z (12 45 3), geometry)", Some(true)),
        ("S_DISJOINT(geometry, LINESTRING(14 45, 15 46)) AND id = 7 AND fid IN (7)", Some(true)),
        ("S_OVERLAPS(geometry, POLYGON((12.5 45, 14 45, 14 46, 12.5 46, 12.5 45)))", Some(true)),
        ("S_CROSSES(MULTILINESTRING((11 45.5, 14 45.5)), geometry)", Some(true)),
        ("S_EQUALS(geometry, MULTIPOLYGON(((13 46, 12 46, 12 45, 13 45, 13 46))))", Some(true)),
        ("S_INTERSECTS(geometry, GEOMETRYCOLLECTION(POINT(1 1), LINESTRING(12.5 45.5, 20 50)))", Some(true)),
        ("S_INTERSECTS(GEOMETRYCOLLECTION(POINT(1 1), GEOMETRYCOLLECTION(POINT(2 2))), geometry)", Some(false)),
        ("S_DISJOINT(geometry, GEOMETRYCOLLECTION(POINT(1 1), POINT(12.5 45.5)))", Some(false)),
        (
            "S_INTERSECTS(geometry, BBOX(170, -90, 12.5, 90)) AND S_DISJOINT(geometry, BBOX(170, -90, -170, 90))",
            Some(true),
        ),
        ("S_WITHIN(geometry, BBOX(-180, -90, 180, 90))", Some(true)),
    ] {
        let filter = bound(text).unwrap_or_else(|refusal| panic!("{text}: {refusal}"));
        assert_eq!(filter.condition().holds(&row), expected, "{text}");
        assert_eq!(filter.matches(&row), expected == Some(true), "{text}");
    }
}

#[test]
fn text_and_json_say_the_same() {
    for (text, json) in [
        ("floors > 5", r#"{"op":">","args":[{"property":"floors"},5]}"#),
        (
            "name = 'x' OR NOT listed",
            r#"{"op":"or","args":[{"op":"=","args":[{"property":"name"},"x"]},{"op":"not","args":[{"property":"listed"}]}]}"#,
        ),
        ("name NOT LIKE 'x%'", r#"{"op":"not","args":[{"op":"like","args":[{"property":"name"},"x%"]}]}"#),
        ("area BETWEEN 1.5 AND -2", r#"{"op":"between","args":[{"property":"area"},1.5,-2]}"#),
        ("floors IN (1, 2)", r#"{"op":"in","args":[{"property":"floors"},[1,2]]}"#),
        (
            "CASEI(name) = CASEI('X')",
            r#"{"op":"=","args":[{"op":"casei","args":[{"property":"name"}]},{"op":"casei","args":["X"]}]}"#,
        ),
        ("empty IS NULL", r#"{"op":"isNull","args":[{"property":"empty"}]}"#),
        (
            "floors + 1 = 2 DIV 3",
            r#"{"op":"=","args":[{"op":"+","args":[{"property":"floors"},1]},{"op":"div","args":[2,3]}]}"#,
        ),
        (
            "T_METBY(built, INTERVAL('..', '2020-01-01'))",
            r#"{"op":"t_metBy","args":[{"property":"built"},{"interval":["..","2020-01-01"]}]}"#,
        ),
        (
            "built = DATE('2020-01-01') AND seen < TIMESTAMP('2020-01-01T00:00:00Z')",
            r#"{"op":"and","args":[{"op":"=","args":[{"property":"built"},{"date":"2020-01-01"}]},{"op":"<","args":[{"property":"seen"},{"timestamp":"2020-01-01T00:00:00Z"}]}]}"#,
        ),
        (
            "S_INTERSECTS(geometry, POINT(12.5 45.5))",
            r#"{"op":"s_intersects","args":[{"property":"geometry"},{"type":"Point","coordinates":[12.5,45.5]}]}"#,
        ),
        (
            "S_WITHIN(geometry, BBOX(1, 2, 3, 4))",
            r#"{"op":"s_within","args":[{"property":"geometry"},{"bbox":[1,2,3,4]}]}"#,
        ),
        (
            "S_INTERSECTS(geometry, GEOMETRYCOLLECTION(POINT(1 1), LINESTRING(12.5 45.5, 20 50)))",
            r#"{"op":"s_intersects","args":[{"property":"geometry"},{"type":"GeometryCollection","geometries":[{"type":"Point","coordinates":[1,1]},{"type":"LineString","coordinates":[[12.5,45.5],[20,50]]}]}]}"#,
        ),
        (
            "S_INTERSECTS(geometry, BBOX(170, 40, -170, 50))",
            r#"{"op":"s_intersects","args":[{"property":"geometry"},{"bbox":[170,40,-170,50]}]}"#,
        ),
    ] {
        let from_json = Filter::from_json(json).and_then(|filter| filter.bind(&definition(), Scope::PUBLIC));
        assert_eq!(bound(text), from_json, "{text}");
        assert!(bound(text).is_ok(), "{text}");
    }
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    use RefusalKind::{Syntax, TooLarge, UnknownField, Unsupported, WrongType};
    let (mut surprises, deep) = (Vec::new(), "(".repeat(100));
    for (text, kind, place, about) in [
        ("floors >", Syntax, 9, ""),
        ("floors > 5 name", Syntax, 12, "name"),
        ("floors > 5)", Syntax, 11, ")"),
        ("a = b = c", Syntax, 7, "="),
        ("name = 'x", Syntax, 8, ""),
        ("name = \"x", Syntax, 8, ""),
        ("città = 1 AND name == 'x'", Syntax, 21, "="),
        ("name = NULL", Syntax, 8, ""),
        ("floors > 1e999", Syntax, 10, "1e999"),
        ("name = 'x'; DROP TABLE houses", Syntax, 11, ""),
        ("built > DATE('2026-02-30')", Syntax, 14, "2026-02-30"),
        ("S_INTERSECTS(geometry, POLYGON((0 0, 1 0, 1 1)))", Syntax, 31, ""),
        ("floor = 1", UnknownField, 1, "floor"),
        ("owner_note = 'x'", UnknownField, 1, "owner_note"),
        ("floors = 'four'", WrongType, 10, "floors"),
        ("name > 3", WrongType, 8, "name"),
        ("listed > FALSE", WrongType, 1, "listed"),
        ("floors LIKE '4%'", WrongType, 1, "floors"),
        ("built > 'yesterday'", WrongType, 9, "built"),
        ("name + 1 = 2", WrongType, 1, "name"),
        ("floors", WrongType, 1, "floors"),
        ("geometry = 1", WrongType, 1, "geometry"),
        ("S_INTERSECTS(name, POINT(1 1))", WrongType, 14, "name"),
        ("S_INTERSECTS(geometry, POINT(45.4 112.3))", WrongType, 24, "45.4 112.3"),
        ("S_INTERSECTS(geometry, POLYGON((0 0, 1 1, 0 1, 1 0, 0 0)))", WrongType, 24, ""),
        ("T_AFTER(name, DATE('2020-01-01'))", WrongType, 9, "name"),
        ("name LIKE empty", Unsupported, 11, "name"),
        ("A_CONTAINS(name, ('x'))", Unsupported, 1, "A_CONTAINS"),
        ("Buffer(geometry, 10)", Unsupported, 1, "Buffer"),
        ("S_INTERSECTS(geometry, POINT EMPTY)", Unsupported, 24, ""),
        ("S_WITHIN(geometry, GEOMETRYCOLLECTION(POINT(1 1)))", Unsupported, 20, ""),
        ("S_INTERSECTS(geometry, BBOX(1, 9, 2, 3))", Unsupported, 24, ""),
        ("S_INTERSECTS(geometry, BBOX(3000000, 0, 1, 1))", Unsupported, 24, ""),
        (&deep, TooLarge, 66, ""),
    ] {
        let refusal = bound(text).expect_err(text);
        let found = refusal.field.clone().or(refusal.value.clone()).unwrap_or_default();
        if (refusal.kind, &refusal.place, &*found) != (kind, &Some(Place::Character(place)), about) {
            surprises.push((text, refusal));
        }
    }
    assert!(surprises.is_empty(), "{surprises:#?}");
    for (json, kind, pointer) in [
        (r#"{"op":"=","args":[{"property":"floors"},{"op":"avg","args":[]}]}"#, Unsupported, "/args/1"),
        (r#"{"op":"a_contains","args":[{"property":"name"},["x"]]}"#, Unsupported, ""),
        (
            r#"{"op":"s_within","args":[{"property":"geometry"},{"type":"GeometryCollection","geometries":[]}]}"#,
            Unsupported,
            "/args/1",
        ),
        (r#"{"op":"not","args":[true,false]}"#, Syntax, ""),
        (r#"{"op":"and","args":[true,{"property":1}]}"#, Syntax, "/args/1"),
        (r#"{"op":"=","args":[{"property":"floors"},null]}"#, Syntax, "/args/1"),
        ("floors > 5", Syntax, ""),
    ] {
        let refusal = Filter::from_json(json).expect_err(json);
        assert_eq!((refusal.kind, refusal.place), (kind, Some(Place::Pointer(pointer.to_owned()))), "{json}");
    }
    let hidden = bound("owner_note = 'x'").expect_err("hidden");
    assert!(!hidden.allowed.iter().any(|name| name == "owner_note"), "{hidden:?}");
    assert!(Filter::from_text("owner_note = 'x'").is_ok_and(|f| f.bind(&definition(), Scope::EVERYTHING).is_ok()));
}

#[test]
fn filters_that_grow_without_end_are_refused_at_once() {
    let started = Instant::now();
    for text in [
        "(".repeat(60_000),
        "NOT ".repeat(15_000) + "listed",
        "-".repeat(60_000) + "floors = 1",
        "CASEI(".repeat(10_000),
        format!("floors {} = 1", "+ 1".repeat(5_000)),
        format!("{}1=1", "1=1 OR ".repeat(9_000)),
        format!("floors IN (1{})", ",1".repeat(20_000)),
        format!("S_INTERSECTS(geometry, MULTIPOINT({}1 1))", "1 1, ".repeat(12_000)),
        format!("name LIKE '{}'", "%a".repeat(20_000)),
        " ".repeat(70_000),
    ] {
        match bound(&text) {
            Ok(filter) => assert!(text.starts_with('-') && !filter.matches(&house()), "{}", &text[..20]),
            Err(refusal) => assert_eq!(refusal.kind, RefusalKind::TooLarge, "{}: {refusal}", &text[..20]),
        }
    }
    let deep = "[".repeat(60_000);
    assert!(Filter::from_json(&deep).is_err());
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
}

/// `LIKE` in the plainest way.
fn like(text: &[char], pattern: &[char]) -> bool {
    match pattern {
        [] => text.is_empty(),
        ['%', rest @ ..] => (0..=text.len()).any(|from| like(&text[from..], rest)),
        ['_', rest @ ..] => !text.is_empty() && like(&text[1..], rest),
        ['\\', c, rest @ ..] | [c, rest @ ..] => text.first() == Some(c) && like(&text[1..], rest),
    }
}

proptest! {
    #[test]
    fn patterns_match_as_the_plainest_way_does(text in "[ab%é]{0,8}", pattern in "([abé%_]|\\\\[%_ab]){0,7}") {
        let (characters, wanted): (Vec<char>, Vec<char>) = (text.chars().collect(), pattern.chars().collect());
        prop_assert_eq!(Pattern::new(&pattern).matches(&text), like(&characters, &wanted), "{} {}", text, pattern);
    }

    #[test]
    fn folding_twice_is_folding_once(text in "\\PC{0,20}") {
        for folding in [Folding::Case, Folding::Accents] {
            let once = folded(folding, &text).into_owned();
            prop_assert_eq!(&*folded(folding, &once), &*once);
        }
    }

    #[test]
    fn any_words_are_a_filter_or_refused(words in prop::collection::vec(
        prop::sample::select(vec![
            "(", ")", ",", "=", "<>", "+", "-", "%", "^", "'x'", "\"name\"", "name", "floors", "geometry", "built", "1", ".5",
            "NOT", "AND", "OR", "LIKE", "BETWEEN", "IN", "IS", "NULL", "TRUE", "DIV", "CASEI(", "DATE(", "INTERVAL(", "'..'",
            "POINT", "POINT(", "BBOX(", "POLYGON((", "EMPTY", "Z", "S_WITHIN(", "T_MEETS(", "'2020-01-01'", "ß", "\\", ";",
        ]), 0..25)
    ) {
        if let Ok(filter) = bound(&words.join(" ")) {
            filter.matches(&house());
        }
    }

    #[test]
    fn any_text_is_a_filter_or_refused(text in "\\PC{0,60}") {
        let _ = (bound(&text), Filter::from_json(&text));
    }
}

#[test]
fn relations_over_surfaces_that_cross_themselves_do_not_bring_the_server_down() {
    let bow: Geometry<f64> =
        polygon![(x: 12.0, y: 45.0), (x: 13.0, y: 46.0), (x: 13.0, y: 45.0), (x: 12.0, y: 46.0)].into();
    let mut row = house();
    row.feature.geometry = Some(bow);
    for (relation, _) in Spatial::ALL {
        let filter = bound(&format!("{relation}(geometry, POLYGON((12 45, 13 45, 12.5 45.5, 12 45)))")).expect("bound");
        filter.matches(&row);
    }
}
