//! `bricola layers`.

use std::fmt::Write as _;

use bricola_layers::definition::{Catalog, LayerDefinition};
use bricola_layers::store::{Store, StoredLayer, Unreadable};

use super::{Failure, Outcome, say};

/// Prints the layers of the store, and those that are defined and not loaded yet.
pub async fn run<S: Store>(store: &S, catalog: &Catalog) -> Outcome {
    let stored = store.layers().await.map_err(Failure::failed)?;
    say(&table(&stored, &store.unreadable(), catalog))
}

fn table(stored: &[StoredLayer], unreadable: &[Unreadable], catalog: &Catalog) -> String {
    let mut rows = vec![["layer", "features", "seq", "table", "geometry", "crs", "title"].map(str::to_owned)];
    let geometry = |definition: &LayerDefinition| definition.geometry.sql_name().to_lowercase();
    for StoredLayer { definition, seq, count, kind, .. } in stored {
        let crs = definition.crs.clone().unwrap_or_default();
        rows.push([
            definition.id.clone(),
            count.to_string(),
            seq.to_string(),
            kind.looked_at().map_or_else(|| kind.name().to_owned(), |at| format!("polled {}", at.format("%F %T"))),
            geometry(definition),
            crs,
            definition.title.it.clone(),
        ]);
    }
    let none = || "-".to_owned();
    for Unreadable { id, reason, .. } in unreadable {
        rows.push([id.clone(), none(), none(), "unreadable".to_owned(), none(), none(), reason.clone()]);
    }
    for definition in catalog.iter() {
        let is_stored = stored.iter().any(|layer| layer.definition.id == definition.id);
        if !is_stored && !unreadable.iter().any(|layer| layer.id == definition.id) {
            let title = definition.title.it.clone();
            rows.push([definition.id.clone(), none(), none(), none(), geometry(definition), none(), title]);
        }
    }
    align(&rows)
}

/// Columns as wide as their widest cell; numbers to the right.
pub(super) fn align<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default();
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(widths) {
            let is_number = cell.bytes().all(|byte| byte.is_ascii_digit());
            let _ = if is_number { write!(line, "{cell:>width$}  ") } else { write!(line, "{cell:<width$}  ") };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
