//! What would do harm if it stood in a statement, for the tests of every dialect.

use super::condition::{Dialect, order, part_of};
use crate::definition::{LayerDefinition, Scope};
use crate::feature::Value;
use crate::query::cql2::Filter;
use crate::query::{Cursor, SortKey};

const NASTY: [&str; 5] = ["'; DROP TABLE x; --", "\\'' OR 1=1", "$1", "?1", "%\" UNION SELECT 1 --"];

/// Fails where a value of a filter or of a cursor stands in the SQL that a dialect makes of it. The first field of the layer
/// holds texts.
pub(super) fn no_value_stands<D: Dialect>(definition: &LayerDefinition, words: impl Fn() -> D) {
    for text in NASTY {
        let quoted = text.replace('\'', "''");
        let filters = [
            format!("FIELD = '{quoted}' OR NOT (FIELD IN ('{quoted}', 'b'))"),
            format!("CASEI(FIELD) > '{quoted}' AND FIELD BETWEEN '{quoted}' AND '{quoted}'"),
            format!("FIELD LIKE '%{quoted}%' OR CASEI(FIELD) LIKE CASEI('{quoted}')"),
        ];
        for filter in filters.map(|filter| filter.replace("FIELD", &definition.fields[0].name)) {
            // Backslashes before quotes are another way to write a quote.
            let Ok(parsed) = Filter::from_text(&filter) else { continue };
            let bound = parsed.bind(definition, Scope::EVERYTHING).expect("bound");
            let mut words = words();
            let part = part_of(&mut words, &[bound.condition().clone()], None);
            let after = Cursor { values: vec![Value::Text(text.to_owned())], id: 7 };
            let (by, behind) = order(&mut words, &[SortKey { field: Some(0), descending: true }], Some(&after));
            for sql in [part.maybe, part.surely, by, behind] {
                let rest = sql.replace("COLLATE \"C\"", "");
                let is_plain = |c: char| c.is_ascii_alphanumeric() || " \"._()=<>?$,-".contains(c);
                assert!(rest.chars().all(is_plain) && !rest.contains("--"), "{filter}: {sql}");
                assert!(!rest.contains("DROP") && !rest.contains("UNION"), "{filter}: {sql}");
            }
        }
    }
}
