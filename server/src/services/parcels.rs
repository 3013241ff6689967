//! Parcels by reference.

use bricola_layers::cache::{RowRef, Snapshot, ValueRef};
use bricola_layers::cadastre::ParcelSearch;
use bricola_layers::definition::FieldType;
use bricola_layers::feature::{FeatureId, Value};

/// Id of the layer of parcels.
pub const LAYER: &str = "parcels";

/// The parcels that are meant, at most `limit`, in order of id.
pub fn find<'a>(search: &ParcelSearch, snapshot: &'a Snapshot, limit: usize) -> Vec<RowRef<'a>> {
    let field = |name| snapshot.definition().field(name).map(|(position, field)| (position, field.kind));
    // The number is the most selective field; without one the sheet is.
    let (position, value) = match (&search.number, search.sheet, field("number"), field("sheet")) {
        (Some(number), _, Some((position, _)), _) => (position, Value::Text(number.clone())),
        (None, Some(sheet), _, Some((position, FieldType::Text))) => (position, Value::Text(sheet.to_string())),
        (None, Some(sheet), _, Some((position, _))) => (position, Value::Integer(sheet)),
        _ => return Vec::new(),
    };
    let matching = snapshot.find(position, &value).filter(|row| fits(search, snapshot, *row));
    let mut ids: Vec<FeatureId> = matching.map(|row| row.id()).collect();
    ids.sort_unstable();
    ids.truncate(limit);
    ids.into_iter().filter_map(|id| snapshot.feature(id)).collect()
}

/// Whether a row of the layer of parcels is meant. A row that does not say its comune may lie in any.
fn fits(search: &ParcelSearch, snapshot: &Snapshot, row: RowRef) -> bool {
    let is = |field: &str, wanted: Option<&str>| {
        let Some(wanted) = wanted else { return true };
        let position = snapshot.definition().field(field).map(|(position, _)| position);
        match position.map_or(ValueRef::Null, |position| row.base.value(row.row, position)) {
            ValueRef::Text(text) => {
                let none = matches!(text, "" | "_" | "0") && field != "number";
                text.eq_ignore_ascii_case(wanted) || (wanted.is_empty() && none)
            }
            ValueRef::Integer(number) => wanted.parse() == Ok(number),
            ValueRef::Null => wanted.is_empty() || field == "municipality",
            _ => false,
        }
    };
    is("municipality", search.municipality.as_deref())
        && is("section", search.section.as_deref())
        && is("sheet", search.sheet.map(|sheet| sheet.to_string()).as_deref())
        && is("annex", search.annex.as_deref())
        && is("development", search.development.as_deref())
        && is("number", search.number.as_deref())
}
