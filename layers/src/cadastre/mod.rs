//! Cadastral references: how the Italian cadastre names its sheets and parcels, and how people do.
//!
//! The Agenzia delle Entrate writes `L736_0012A0.123`: the sheet in eleven characters (`CCCCZFFFFAS`, specification
//! of the CXF), a dot, the parcel. What a reference leaves open ([`ParcelSearch`]) is another thing than what it
//! says to be absent, hence two types.

mod number;
mod reference;
mod search;
mod sheet;

pub use number::{ParcelKind, ParcelNumber};
pub use reference::ParcelReference;
pub use search::ParcelSearch;
pub use sheet::SheetReference;

use thiserror::Error;

/// Longest name of a parcel, in bytes: those of the cadastre have nine characters.
const MAX_NUMBER_BYTES: usize = 40;

/// Why a text is no reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("is no cadastral reference; write L736_0012A0.123, or foglio 12 particella 123, or 12/123")]
pub struct NotAReference;

/// Without a prefix, whatever the case of its letters.
fn without<'a>(text: &'a str, prefix: &str) -> &'a str {
    match text.split_at_checked(prefix.len()) {
        Some((head, rest)) if head.eq_ignore_ascii_case(prefix) => rest,
        _ => text,
    }
}
