//! The columns of formats that have no header: found by looking at the rows before they are read.

use rustc_hash::FxHashMap;

use super::SourceField;
use crate::definition::FieldType;
use crate::limits::MAX_COLUMNS;

/// Columns in the order of their first appearance, with the type that fits all their values.
#[derive(Debug, Default)]
pub(super) struct Columns {
    names: Vec<String>,
    kinds: Vec<Option<FieldType>>,
    index: FxHashMap<String, usize>,
}

impl Columns {
    /// Notes a value of a column; `None` for an empty one.
    pub fn note(&mut self, name: &str, kind: Option<FieldType>) {
        if let Some(&at) = self.index.get(name) {
            self.kinds[at] = common(self.kinds[at], kind);
        } else if self.names.len() < MAX_COLUMNS {
            self.index.insert(name.to_owned(), self.names.len());
            self.names.push(name.to_owned());
            self.kinds.push(kind);
        }
    }

    /// Position of a column.
    pub fn position(&self, name: &str) -> Option<usize> {
        self.index.get(name).copied()
    }

    /// How many columns there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// The columns for a schema; those without any value are text.
    pub fn fields(&self) -> Vec<SourceField> {
        let field = |(name, kind): (&String, &Option<FieldType>)| SourceField {
            name: name.clone(),
            kind: kind.unwrap_or(FieldType::Text),
        };
        self.names.iter().zip(&self.kinds).map(field).collect()
    }
}

/// The type that holds the values of both.
fn common(one: Option<FieldType>, other: Option<FieldType>) -> Option<FieldType> {
    match (one, other) {
        (None, kind) | (kind, None) => kind,
        (Some(one), Some(other)) if one == other => Some(one),
        (Some(FieldType::Integer | FieldType::Real), Some(FieldType::Integer | FieldType::Real)) => {
            Some(FieldType::Real)
        }
        _ => Some(FieldType::Text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_takes_the_type_that_fits_all_its_values() {
        let mut columns = Columns::default();
        columns.note("anno", Some(FieldType::Integer));
        columns.note("lunghezza", Some(FieldType::Integer));
        columns.note("lunghezza", Some(FieldType::Real));
        columns.note("nota", None);
        columns.note("anno", None);
        columns.note("civico", Some(FieldType::Integer));
        columns.note("civico", Some(FieldType::Text));
        let kinds: Vec<FieldType> = columns.fields().into_iter().map(|field| field.kind).collect();
        assert_eq!(kinds, [FieldType::Integer, FieldType::Real, FieldType::Text, FieldType::Text]);
        assert_eq!(columns.position("civico"), Some(3));
    }
}
