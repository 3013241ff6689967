//! What rows of tables that are not ours must not bring along: nobody checked them on their way in.

use crate::check::value::personal::holds_tax_code;
use crate::feature::{FeatureId, Value};
use crate::store::ScannedRow;

use super::schema::Schema;

/// Looks at the rows of one reading of an attached layer. Rows of ours pass as they are.
pub(super) struct Guard<'a> {
    schema: &'a Schema,
    last: Option<FeatureId>,
    blanked: u64,
}

impl<'a> Guard<'a> {
    pub fn of(schema: &'a Schema) -> Self {
        Self { schema, last: None, blanked: 0 }
    }

    /// The row as it may be published. Texts in which the tax code of a person stands become null; of rows with the same
    /// id only the first is a feature.
    pub fn pass(&mut self, row: ScannedRow) -> ScannedRow {
        if self.schema.source.is_none() {
            return row;
        }
        let mut row = row?;
        if self.last.replace(row.id) == Some(row.id) {
            return Err((row.id, "another row has the same id".to_owned()));
        }
        for value in &mut row.feature.properties {
            if matches!(value, Value::Text(text) if holds_tax_code(text)) {
                *value = Value::Null;
                self.blanked += 1;
            }
        }
        Ok(row)
    }

    /// Says what was left out, without saying what it was.
    pub fn tell(&self) {
        if self.blanked > 0 {
            let layer = self.schema.layer();
            tracing::warn!(layer, values = self.blanked, "values with tax codes of persons are not published");
        }
    }
}
