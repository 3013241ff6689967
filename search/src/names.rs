//! Which names may answer to words: an index of tantivy, in memory.
//!
//! It proposes; [`crate::matching`] decides. A document is the words of one name, the words beside it, and what it is worth
//! when there are too many.

use std::sync::Mutex;

use tantivy::collector::TopDocs;
use tantivy::indexer::IndexWriterOptions;
use tantivy::query::{BooleanQuery, ConstScoreQuery, Occur, Query, TermQuery};
use tantivy::schema::{FAST, Field, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::{TextAnalyzer, WhitespaceTokenizer};
use tantivy::{Index, IndexReader, IndexWriter, ReloadPolicy, SegmentReader, TantivyDocument, Term};

use crate::grammar::Reading;
use crate::lexicon::weight;
use crate::matching::tolerance;
use crate::similar::Automata;

/// Bytes that are gathered before a segment is written.
const ARENA_BYTES: usize = 16 * 1024 * 1024;
/// Names that are proposed at most.
const PROPOSED: usize = 160;
/// Metres of a degree of latitude.
const DEGREE_M: f32 = 111_195.0;
/// Weight up to which a word is in too many names to find one.
const COMMON: f32 = 0.3;
const TOKENIZER: &str = "blanks";

/// A part of a question to tantivy.
type Clause = (Occur, Box<dyn Query>);

/// Why the index failed.
#[derive(Debug, thiserror::Error)]
#[error("the search index failed: {0}")]
pub struct Failed(#[from] tantivy::TantivyError);

/// A name for the index.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// Where it is kept.
    pub slot: u32,
    /// Its words, with blanks between.
    pub name: String,
    /// The words beside it.
    pub beside: String,
    /// What it is worth, 0 to 1.
    pub worth: f32,
    /// Where it is, degrees.
    pub at: [f64; 2],
}

/// The index.
pub struct Names {
    writer: Mutex<IndexWriter<TantivyDocument>>,
    reader: IndexReader,
    fields: Fields,
    automata: Automata,
}

#[derive(Clone, Copy)]
struct Fields {
    slot: Field,
    name: Field,
    beside: Field,
    worth: Field,
    lon: Field,
    lat: Field,
}

impl std::fmt::Debug for Names {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Names").field("documents", &self.len()).finish_non_exhaustive()
    }
}

impl Names {
    /// An empty one.
    ///
    /// # Errors
    /// When its threads cannot be started.
    pub fn new() -> Result<Self, Failed> {
        let mut schema = Schema::builder();
        let text = || {
            let indexing = TextFieldIndexing::default().set_tokenizer(TOKENIZER).set_fieldnorms(false);
            TextOptions::default().set_indexing_options(indexing.set_index_option(IndexRecordOption::Basic))
        };
        let fields = Fields {
            slot: schema.add_u64_field("slot", INDEXED | FAST),
            name: schema.add_text_field("name", text()),
            beside: schema.add_text_field("beside", text()),
            worth: schema.add_f64_field("worth", FAST),
            lon: schema.add_f64_field("lon", FAST),
            lat: schema.add_f64_field("lat", FAST),
        };
        let index = Index::create_in_ram(schema.build());
        index.tokenizers().register(TOKENIZER, TextAnalyzer::builder(WhitespaceTokenizer::default()).build());
        let options = IndexWriterOptions::builder()
            .memory_budget_per_thread(ARENA_BYTES)
            .num_worker_threads(1)
            .num_merge_threads(1)
            .build();
        let writer = Mutex::new(index.writer_with_options(options)?);
        let reader = index.reader_builder().reload_policy(ReloadPolicy::Manual).try_into()?;
        Ok(Self { writer, reader, fields, automata: Automata::default() })
    }

    /// Takes names away and adds others; they are seen by who asks from then on.
    ///
    /// # Errors
    /// When memory for it cannot be had.
    pub fn change(&self, gone: impl Iterator<Item = u32>, new: impl Iterator<Item = Document>) -> Result<(), Failed> {
        // A panic of another edit leaves the writer as it was after its last commit.
        let mut writer = self.writer.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let fields = self.fields;
        for slot in gone {
            writer.delete_term(Term::from_field_u64(fields.slot, slot.into()));
        }
        for Document { slot, name, beside, worth, at } in new {
            let mut document = TantivyDocument::new();
            document.add_u64(fields.slot, slot.into());
            document.add_text(fields.name, name);
            document.add_text(fields.beside, beside);
            document.add_f64(fields.worth, worth.into());
            document.add_f64(fields.lon, at[0]);
            document.add_f64(fields.lat, at[1]);
            writer.add_document(document)?;
        }
        writer.commit()?;
        drop(writer);
        self.reader.reload()?;
        Ok(())
    }

    /// How many names there are.
    pub fn len(&self) -> u64 {
        self.reader.searcher().num_docs()
    }

    /// Bytes held, roughly.
    pub fn bytes(&self) -> usize {
        let space = self.reader.searcher().space_usage();
        space.map_or(0, |space| space.total().get_bytes() as usize) + ARENA_BYTES
    }

    /// The slots of names that may answer to a reading, in no promised order. With `loosely`, misspelt ones too.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn propose(&self, reading: &Reading, near: Option<[f64; 2]>, loosely: bool) -> Result<Vec<u32>, Failed> {
        let Some(query) = self.query(reading, loosely)? else { return Ok(Vec::new()) };
        let searcher = self.reader.searcher();
        let near = near.map(|at| at.map(|degrees| degrees as f32));
        let collector = TopDocs::with_limit(PROPOSED).tweak_score(move |segment: &SegmentReader| {
            let column = |name: &str| segment.fast_fields().column_first_or_default::<f64>(name).ok();
            let worth = column("worth");
            let place = near.map(|at| (at, column("lon"), column("lat")));
            move |document, score: f32| {
                let value = |column: &Option<std::sync::Arc<dyn tantivy::columnar::ColumnValues<f64>>>| {
                    column.as_ref().map_or(0.0, |column| column.get_val(document)) as f32
                };
                let nearness = place.as_ref().map_or(0.0, |(at, lon, lat)| {
                    let (x, y) = ((value(lon) - at[0]) * 0.7, value(lat) - at[1]);
                    0.3 / (1.0 + x.hypot(y) * DEGREE_M / 1000.0)
                });
                score + 0.5 * value(&worth) + nearness
            }
        });
        let found = searcher.search(&*query, &collector)?;
        let mut slots = Vec::with_capacity(found.len());
        for (_, address) in found {
            let column = searcher.segment_reader(address.segment_ord).fast_fields().u64("slot")?;
            slots.extend(column.first(address.doc_id).map(|slot| slot as u32));
        }
        Ok(slots)
    }

    fn query(&self, reading: &Reading, loosely: bool) -> Result<Option<Box<dyn Query>>, Failed> {
        let Some(last) = reading.words.len().checked_sub(1) else { return Ok(None) };
        // Half of all names have the same few kinds: those choose among what the telling words find, and find nothing alone.
        let is_telling = |place: usize, word: &str| weight(word) > COMMON || (reading.open_word && place == last);
        let has_telling = reading.words.iter().enumerate().any(|(place, word)| is_telling(place, word));
        let (mut telling, mut common): (Vec<Clause>, Vec<Clause>) = (Vec::new(), Vec::new());
        for (place, word) in reading.words.iter().enumerate() {
            let open = reading.open_word && place == last;
            let weight = weight(word);
            let is_telling = !has_telling || is_telling(place, word);
            // Small words are in a third of all names and choose none.
            if weight <= 0.1 && !is_telling {
                continue;
            }
            for (field, worth) in [(self.fields.name, 4.0), (self.fields.beside, 2.0)] {
                let term = Term::from_field_text(field, word);
                let clauses = if is_telling { &mut telling } else { &mut common };
                let mut push = |query: Box<dyn Query>, worth: f32| {
                    clauses.push((Occur::Should, Box::new(ConstScoreQuery::new(query, worth * weight))));
                };
                push(Box::new(TermQuery::new(term.clone(), IndexRecordOption::Basic)), worth);
                if open {
                    push(self.automata.query(field, word, 0, true)?, worth * 0.8);
                }
                let letters = tolerance(word, open) as u8;
                let is_number = word.starts_with(|first: char| first.is_ascii_digit());
                if loosely && letters > 0 && !is_number && is_telling {
                    push(self.automata.query(field, word, letters, open)?, worth * 0.6);
                }
            }
        }
        if common.is_empty() {
            return Ok((!telling.is_empty()).then(|| Box::new(BooleanQuery::new(telling)) as Box<dyn Query>));
        }
        common.push((Occur::Must, Box::new(BooleanQuery::new(telling))));
        Ok(Some(Box::new(BooleanQuery::new(common))))
    }
}
