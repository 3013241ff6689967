//! What is wrong in a file of rules, and where.

use std::fmt;

use serde::Serialize;

use crate::Text;

/// One fault of a file that an office wrote: all of them are told at once.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Fault {
    /// The file, as its author names it.
    pub file: String,
    /// Its line, from 1; 0 where the file as a whole is at fault.
    pub line: u64,
    /// The field, with the tables that it is in: `occupation[2].coefficient`.
    pub field: String,
    /// The rule that is broken, for programs: `unknown-zone`.
    pub rule: String,
    /// What is wrong, and what to write instead.
    pub text: Text,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}: {} [{}]", self.file, self.line, self.field, self.text.en, self.rule)
    }
}
