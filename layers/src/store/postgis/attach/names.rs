//! Ids of layers and names of fields, made of the names of tables and columns.

use std::collections::BTreeSet;

use crate::check::value::folded;

/// Longest name that is made.
const LONGEST: usize = 40;
/// Columns that every layer has, or that mean something to a database.
const TAKEN: &[&str] =
    &["fid", "geom", "version", "since", "until", "rowid", "oid", "ctid", "xmin", "xmax", "tableoid"];

/// Lower-case ASCII letters and digits, with `separator` for whatever stands between; it begins with a letter.
fn plain(text: &str, separator: char, prefix: &str) -> String {
    let mut name = String::new();
    for c in text.chars() {
        let plain = folded(c.encode_utf8(&mut [0; 4]));
        let plain = plain.chars().filter(char::is_ascii_alphanumeric);
        let before = name.len();
        name.extend(plain);
        if name.len() == before && !name.ends_with(separator) && !name.is_empty() {
            name.push(separator);
        }
        if name.len() >= LONGEST {
            break;
        }
    }
    let name = name.trim_end_matches(separator);
    if name.starts_with(|first: char| first.is_ascii_lowercase()) {
        name.to_owned()
    } else {
        format!("{prefix}{separator}{name}").trim_end_matches(separator).to_owned()
    }
}

/// The first of some names that is not taken, then numbered ones.
fn free(candidates: &[String], separator: char, taken: impl Fn(&str) -> bool) -> String {
    let last = candidates.last().cloned().unwrap_or_default();
    let numbered = (2_u64..).map(|number| format!("{last}{separator}{number}"));
    candidates.iter().cloned().chain(numbered).find(|name| !taken(name)).unwrap_or(last)
}

/// The id of the layer that a table makes: its name, if another layer has it `schema-table`, else numbered. That of a
/// further geometry `column` is `table-column`.
pub(super) fn layer_id(schema: &str, table: &str, column: Option<&str>, taken: &BTreeSet<String>) -> String {
    let table = plain(table, '-', "layer");
    let table = column.map_or(table.clone(), |column| format!("{table}-{}", plain(column, '-', "geometry")));
    let schema = plain(schema, '-', "schema");
    free(&[table.clone(), format!("{schema}-{table}")], '-', |name| taken.contains(name))
}

/// The name of the field that a column makes.
pub(super) fn field_name(column: &str, taken: &BTreeSet<String>) -> String {
    free(&[plain(column, '_', "field")], '_', |name| taken.contains(name) || TAKEN.contains(&name))
}

/// Whether `schema.table` is among what the patterns name. `*` stands for anything, a pattern without a dot for a table
/// of any schema, one after `!` takes out.
pub(in super::super) fn is_wanted(patterns: &[String], schema: &str, table: &str) -> bool {
    let mut wanted = false;
    for pattern in patterns.iter().map(|pattern| pattern.trim()) {
        match pattern.strip_prefix('!') {
            Some(not) if names(not, schema, table) => return false,
            None if names(pattern, schema, table) => wanted = true,
            _ => {}
        }
    }
    wanted
}

/// Whether a pattern takes one geometry column of a table out: `!schema.table.column`.
pub(super) fn is_taken_out(patterns: &[String], schema: &str, table: &str, column: &str) -> bool {
    let column = format!("{table}.{column}");
    let mut not = patterns.iter().filter_map(|pattern| pattern.trim().strip_prefix('!'));
    not.any(|pattern| pattern.contains('.') && names(pattern, schema, &column))
}

fn names(pattern: &str, schema: &str, table: &str) -> bool {
    match pattern.split_once('.') {
        Some((in_schema, of_table)) => like(in_schema, schema) && like(of_table, table),
        None => like(pattern, table),
    }
}

fn like(pattern: &str, text: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(text) = text.strip_prefix(head) else { return false };
    text.char_indices().map(|(at, _)| at).chain([text.len()]).any(|at| like(rest, &text[at..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_plain_and_unlike_each_other() {
        let mut taken = BTreeSet::new();
        let mut id = |schema: &str, table: &str| {
            let id = layer_id(schema, table, None, &taken);
            taken.insert(id.clone());
            id
        };
        assert_eq!(id("public", "Ponti e Canali"), "ponti-e-canali");
        assert_eq!(id("public", "ponti_e_canali"), "public-ponti-e-canali");
        assert_eq!(id("public", "PONTI-E-CANALI"), "public-ponti-e-canali-2");
        assert_eq!(id("sit", "Città \"vecchia\""), "citta-vecchia");
        assert_eq!(id("sit", "2024"), "layer-2024");
        assert_eq!(id("sit", "地图"), "layer");
        assert_eq!(id("sit", "\u{1f5fa}"), "sit-layer");
        assert_eq!(id("s", &"x".repeat(63)).len(), LONGEST);
        let id = |column: &str| layer_id("sit", "Città vecchia", Some(column), &taken);
        assert_eq!(id("Asse (m)"), "citta-vecchia-asse-m");
        assert_eq!(id("地"), "citta-vecchia-geometry");
        taken.insert("citta-vecchia-asse".to_owned());
        assert_eq!(layer_id("sit", "Città vecchia", Some("asse"), &taken), "sit-citta-vecchia-asse");
    }

    #[test]
    fn fields_never_take_the_names_of_others() {
        let mut taken = BTreeSet::new();
        let names = ["Nome", "nome", "fid", "geom", "1", "order", "Quota (m)", "ID"].map(|column| {
            let name = field_name(column, &taken);
            taken.insert(name.clone());
            name
        });
        assert_eq!(names, ["nome", "nome_2", "fid_2", "geom_2", "field_1", "order", "quota_m", "id"]);
    }

    #[test]
    fn patterns_name_tables_with_stars_and_take_some_out() {
        let wanted = |patterns: &[&str], schema: &str, table: &str| {
            is_wanted(&patterns.iter().map(|&pattern| pattern.to_owned()).collect::<Vec<_>>(), schema, table)
        };
        assert!(wanted(&["*"], "public", "a") && wanted(&["public.*"], "public", "a.b"));
        assert!(!wanted(&[], "public", "a") && !wanted(&["public.*"], "sit", "a"));
        assert!(wanted(&["*.str*de"], "sit", "strade") && !wanted(&["*.str*de"], "sit", "strada"));
        assert!(!wanted(&["*", "!sit.*"], "sit", "a") && wanted(&["*", "!sit.*"], "public", "a"));
        assert!(wanted(&["strade"], "sit", "strade"));
        let is_taken_out = |pattern: &str| is_taken_out(&["*".to_owned(), pattern.to_owned()], "sit", "strade", "asse");
        assert!(is_taken_out("!sit.strade.asse") && is_taken_out("!*.*.asse"));
        assert!(!is_taken_out("sit.strade.asse") && !is_taken_out("!sit.strade") && !is_taken_out("!asse"));
        assert!(wanted(&["*é*"], "sit", "perché no") && !wanted(&["*è*"], "sit", "perché no"));
    }
}
