//! Words that are like another, found in the index by automata.
//!
//! To make an automaton takes longer than to run it, and who types asks for the same words with each letter: those made
//! last are kept.

use std::sync::{Arc, Mutex, PoisonError};

use rustc_hash::FxHashMap;
use tantivy::query::{AutomatonWeight, DfaWrapper, EnableScoring, FuzzyTermQuery, Query, Weight};
use tantivy::schema::{Field, Term};

/// Automata that are kept; some tens of kilobytes each.
const KEPT: usize = 256;

/// Which words: those that differ by so many letters, or begin so.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Likeness {
    word: String,
    letters: u8,
    begins: bool,
}

/// The automata made last.
#[derive(Default)]
pub struct Automata {
    kept: Mutex<FxHashMap<Likeness, Arc<DfaWrapper>>>,
}

impl Automata {
    /// A query for words of a field that differ by at most `letters`, or begin so where `begins`.
    ///
    /// # Errors
    /// When there is no such automaton.
    pub fn query(&self, field: Field, word: &str, letters: u8, begins: bool) -> tantivy::Result<Box<dyn Query>> {
        let likeness = Likeness { word: word.to_owned(), letters, begins };
        let known = self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(&likeness).cloned();
        if let Some(automaton) = known {
            return Ok(Box::new(Similar { field, automaton }));
        }
        let term = Term::from_field_text(field, word);
        let fuzzy = if begins {
            FuzzyTermQuery::new_prefix(term, letters, true)
        } else {
            FuzzyTermQuery::new(term, letters, true)
        };
        let automaton = Arc::new(fuzzy.automaton()?);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(likeness, Arc::clone(&automaton));
        Ok(Box::new(Similar { field, automaton }))
    }
}

/// Names with a word that the automaton takes.
#[derive(Clone)]
struct Similar {
    field: Field,
    automaton: Arc<DfaWrapper>,
}

impl std::fmt::Debug for Similar {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Similar").field("field", &self.field).finish_non_exhaustive()
    }
}

impl Query for Similar {
    fn weight(&self, _: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        Ok(Box::new(AutomatonWeight::<DfaWrapper>::new(self.field, Arc::clone(&self.automaton))))
    }
}
