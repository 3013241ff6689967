//! Tables and views that were in the database before us, published in place.
//!
//! | file | what |
//! |---|---|
//! | `source` | which columns make id, geometry and fields, and the SQL that reads them |
//! | `catalogue` | what the database says of its tables and views |
//! | `describe` | the layer that one of them makes |
//! | `names` | ids of layers, names of fields |
//! | `register` | layers in and out of `bricola.layers`, triggers on and off |
//! | `remember` | the same where the database takes no writes: layers in and out of the ledger |
//! | `keep` | doing all that again and again, and looking at what has no triggers |
//!
//! Names come from outside and are quoted; no SQL text that somebody left in the database is run. Reading a view does
//! run what its author wrote, with the rights of our role and in a transaction that can only read: that role should
//! be able to read what is published, and not more.

mod catalogue;
mod describe;
mod keep;
mod names;
mod register;
mod remember;
mod source;

pub(super) use keep::keep;
pub(super) use register::{Said, discover};
pub(super) use source::{Key, Source, quoted};
