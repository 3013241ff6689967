//! The search box as plain functions: names and house numbers in, the best answers to what somebody typed out.
//!
//! Words are made alike first ([`words`]: accents, abbreviations, doubled letters, Venetian and Italian forms); a text is
//! read in the ways that it may mean ([`readings`]: which number is that of the house); an index of names proposes
//! ([`SearchIndex`], on `tantivy`); a comparison word by word decides; and houses are looked up by number in their street
//! or sestiere, so that half a million of them are some thousand names. No layer, no HTTP, no clock.

mod ask;
mod contents;
mod entry;
mod fold;
mod grammar;
mod houses;
mod index;
mod lexicon;
mod matching;
mod names;
mod similar;
mod words;

pub use ask::Ask;
pub use contents::{Contents, Streets};
pub use entry::{Found, House, Kind, Named, Quality, Spot};
pub use grammar::{HouseNumber, Reading, name_only, readings};
pub use index::{SearchIndex, Size};
pub use names::Failed;
pub use words::words;

#[cfg(test)]
mod tests;
