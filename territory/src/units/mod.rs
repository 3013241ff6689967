//! Real-estate units and land parcels of the census dumps that the Agenzia delle Entrate gives to comuni.
//!
//! A dump is text with columns between `|`, in ISO 8859-1, one file for each kind of record: `.FAB` (units), `.TER` (land),
//! `.TIT` (rights), `.SOG` (subjects). The last two hold owners' names and tax codes and are refused, whatever their name.
//! Free texts of the first two (annotations, descriptions of acts), into which people write names, are skipped: no field
//! of a [`Record`] can hold them, but for addresses, which are looked through for tax codes.

mod fields;
mod read;
mod record;
mod register;

pub use read::{DumpKind, MAX_ROW_BYTES, Refused, Units};
pub use record::{Address, Identifier, Key, Land, Portion, Position, Record, Span, Unit};
pub use register::{Register, RegisteredLand, RegisteredUnit};

#[cfg(test)]
mod tests;
