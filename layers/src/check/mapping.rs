//! Columns of a source to fields of a layer.
//!
//! A column is taken for a field when the operator says so, when it bears the field's name or one of its known
//! aliases, or when it does so apart from case, accents, punctuation and the cut at ten letters that DBF makes.
//! A column that merely looks like a field is suggested, never taken.

use serde::Serialize;
use thiserror::Error;

use super::value::folded;
use crate::definition::LayerDefinition;
use crate::reader::SourceField;

/// Length of a column name in a DBF file, in bytes.
const DBF_NAME: usize = 10;
/// Similarity (see [`likeness`]) from which a column is suggested for a field.
const SUGGESTED: f64 = 0.75;

/// How a column came to its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum MappedBy {
    /// The operator said so.
    Operator,
    /// Same name.
    Name,
    /// A known alias.
    Alias,
    /// Same name or alias apart from case, accents and punctuation.
    Spelling,
    /// Same name or alias, cut at ten letters as DBF does.
    Truncation,
}

/// A column that fills a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mapped {
    /// Column of the source.
    pub column: String,
    /// Field of the layer.
    pub field: String,
    /// How it was recognised.
    pub by: MappedBy,
    /// Column that is written after it, such as a house number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub and: Option<String>,
}

/// A field without a column of its own, filled from another field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Derived {
    /// Field of the layer.
    pub field: String,
    /// The field that says it.
    pub from: String,
}

/// A column that looks like a field, for the operator to decide.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Suggestion {
    /// Column of the source.
    pub column: String,
    /// Field of the layer.
    pub field: String,
}

/// Which column fills which field, and what is left over.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Mapping {
    /// Columns that fill fields.
    pub mapped: Vec<Mapped>,
    /// Columns that are not loaded.
    pub ignored: Vec<String>,
    /// Fields that are filled from others.
    pub derived: Vec<Derived>,
    /// Fields that stay empty.
    pub missing: Vec<String>,
    /// Left-over columns that look like empty fields.
    pub suggestions: Vec<Suggestion>,
    /// For each field of the definition the position of its column.
    #[serde(skip)]
    pub columns: Vec<Option<usize>>,
    /// For each field of the definition the position of the column that is appended to its own.
    #[serde(skip)]
    pub appended: Vec<Option<usize>>,
}

/// Why columns and fields do not fit.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum MappingError {
    /// `--map` names a column that is not in the file.
    #[error("--map {column}={field}: the file has no column \"{column}\"; it has {}", list(.columns))]
    UnknownColumn {
        /// The column that was named.
        column: String,
        /// The field it was to fill.
        field: String,
        /// The columns that there are.
        columns: Vec<String>,
    },
    /// `--map` names a field that the layer does not have.
    #[error("--map {column}={field}: layer \"{layer}\" has no field \"{field}\"; it has {}", list(.fields))]
    UnknownField {
        /// The column that was named.
        column: String,
        /// The field it was to fill.
        field: String,
        /// Layer id.
        layer: String,
        /// The fields that there are.
        fields: Vec<String>,
    },
    /// Two `--map` give two columns to one field.
    #[error("--map gives field \"{field}\" two columns, \"{first}\" and \"{second}\"; drop one")]
    Twice {
        /// The field.
        field: String,
        /// One column.
        first: String,
        /// The other column.
        second: String,
    },
    /// No column fills a required field.
    #[error("{}", missing(.fields, .columns))]
    MissingRequired {
        /// Each field with the columns that look like it.
        fields: Vec<(String, Vec<String>)>,
        /// The columns that there are.
        columns: Vec<String>,
    },
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

fn missing(fields: &[(String, Vec<String>)], columns: &[String]) -> String {
    let each: Vec<String> = fields
        .iter()
        .map(|(field, alike)| match alike.first() {
            None => format!("no column for required field \"{field}\""),
            Some(best) => format!(
                "no column for required field \"{field}\"; it may be {} (say --map {best}={field})",
                alike.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(" or ")
            ),
        })
        .collect();
    format!("{}. Columns of the file: {}", each.join("; "), list(columns))
}

/// Finds the column of each field. `wishes` are the operator's `--map column=field`; an empty field means that
/// the column is not to be loaded.
///
/// # Errors
/// Wishes that cannot be met, or a required field without a column.
pub fn map(
    columns: &[SourceField],
    definition: &LayerDefinition,
    wishes: &[(String, String)],
) -> Result<Mapping, MappingError> {
    let mut plan = Plan {
        columns,
        definition,
        taken: vec![None; columns.len()],
        filled: vec![None; definition.fields.len()],
        appended: vec![None; definition.fields.len()],
    };
    plan.grant(wishes)?;
    plan.recognise();
    plan.append();
    plan.finish()
}

/// A column that the operator does not want.
const UNWANTED: usize = usize::MAX;

struct Plan<'a> {
    columns: &'a [SourceField],
    definition: &'a LayerDefinition,
    /// For each column its field (or [`UNWANTED`]).
    taken: Vec<Option<usize>>,
    /// For each field its column.
    filled: Vec<Option<(usize, MappedBy)>>,
    /// For each field the column that is written after its own.
    appended: Vec<Option<usize>>,
}

impl Plan<'_> {
    fn names(&self) -> Vec<String> {
        self.columns.iter().map(|column| column.name.clone()).collect()
    }

    fn column(&self, name: &str) -> Option<usize> {
        let exact = self.columns.iter().position(|column| column.name == name);
        exact.or_else(|| self.columns.iter().position(|column| column.name.eq_ignore_ascii_case(name)))
    }

    fn grant(&mut self, wishes: &[(String, String)]) -> Result<(), MappingError> {
        for (column, field) in wishes {
            let Some(from) = self.column(column) else {
                let (column, field) = (column.clone(), field.clone());
                return Err(MappingError::UnknownColumn { column, field, columns: self.names() });
            };
            if field.is_empty() {
                self.taken[from] = Some(UNWANTED);
                continue;
            }
            let Some((to, _)) = self.definition.field(field) else {
                return Err(MappingError::UnknownField {
                    column: column.clone(),
                    field: field.clone(),
                    layer: self.definition.id.clone(),
                    fields: self.definition.fields.iter().map(|field| field.name.clone()).collect(),
                });
            };
            if let Some((first, _)) = self.filled[to] {
                return Err(MappingError::Twice {
                    field: field.clone(),
                    first: self.columns[first].name.clone(),
                    second: column.clone(),
                });
            }
            self.filled[to] = Some((from, MappedBy::Operator));
            self.taken[from] = Some(to);
        }
        Ok(())
    }

    /// From the surest sign to the weakest, over all fields each time, so that a weak sign for one field never
    /// takes the column that bears the name of another. Aliases are tried in the order of their definition.
    fn recognise(&mut self) {
        self.pass(MappedBy::Name, |column, names| (column == names[0]).then_some(0));
        self.pass(MappedBy::Alias, |column, names| names.iter().position(|name| column.eq_ignore_ascii_case(name)));
        self.pass(MappedBy::Spelling, |column, names| {
            let column = folded(column);
            names.iter().position(|name| !column.is_empty() && column == folded(name))
        });
        self.pass(MappedBy::Truncation, |column, names| names.iter().position(|name| is_cut(column, name)));
    }

    fn pass(&mut self, by: MappedBy, fits: impl Fn(&str, &[&str]) -> Option<usize>) {
        for (to, field) in self.definition.fields.iter().enumerate() {
            if self.filled[to].is_some() {
                continue;
            }
            let names: Vec<&str> =
                std::iter::once(field.name.as_str()).chain(field.aliases.iter().map(String::as_str)).collect();
            let free = self.columns.iter().enumerate().filter(|(from, _)| self.taken[*from].is_none());
            let best = free.filter_map(|(from, column)| Some((fits(&column.name, &names)?, from))).min();
            if let Some((_, from)) = best {
                self.filled[to] = Some((from, by));
                self.taken[from] = Some(to);
            }
        }
    }

    /// Left-over columns that are written after those which fill fields.
    fn append(&mut self) {
        for (to, field) in self.definition.fields.iter().enumerate() {
            let (Some(append), Some(_)) = (&field.append, self.filled[to]) else { continue };
            let found = append.columns.iter().find_map(|name| {
                let fits = |(from, column): &(usize, &SourceField)| {
                    self.taken[*from].is_none() && folded(&column.name) == folded(name)
                };
                self.columns.iter().enumerate().find(fits).map(|(from, _)| from)
            });
            if let Some(from) = found {
                self.appended[to] = Some(from);
                self.taken[from] = Some(to);
            }
        }
    }

    /// Whether a field is filled, by a column or from another field.
    fn is_fed(&self, field: usize) -> bool {
        let from = self.definition.fields[field].derive.as_ref().and_then(|derive| self.definition.field(&derive.from));
        // A definition derives from earlier fields only, so this ends.
        self.filled[field].is_some() || from.is_some_and(|(from, _)| from < field && self.is_fed(from))
    }

    /// Left-over columns that look like a field, the likest first.
    fn alike(&self, field: usize) -> Vec<String> {
        let field = &self.definition.fields[field];
        let names: Vec<String> = std::iter::once(&field.name)
            .chain(&field.aliases)
            .chain([&field.title.it, &field.title.en])
            .map(|name| folded(name))
            .filter(|name| !name.is_empty())
            .collect();
        let free = self.columns.iter().zip(&self.taken).filter(|(_, taken)| taken.is_none());
        let mut scored: Vec<(f64, String)> = free
            .filter_map(|(column, _)| {
                let form = folded(&column.name);
                let score = names.iter().map(|name| likeness(&form, name)).fold(0.0, f64::max);
                (score >= SUGGESTED).then(|| (score, column.name.clone()))
            })
            .collect();
        scored.sort_by(|a, b| b.0.total_cmp(&a.0).then_with(|| a.1.cmp(&b.1)));
        scored.into_iter().take(3).map(|(_, name)| name).collect()
    }

    fn finish(self) -> Result<Mapping, MappingError> {
        let mut mapping = Mapping {
            columns: self.filled.iter().map(|of| of.map(|(from, _)| from)).collect(),
            appended: self.appended.clone(),
            ..Mapping::default()
        };
        let mut required = Vec::new();
        for (to, field) in self.definition.fields.iter().enumerate() {
            if let Some((from, by)) = self.filled[to] {
                let column = self.columns[from].name.clone();
                let and = self.appended[to].map(|from| self.columns[from].name.clone());
                mapping.mapped.push(Mapped { column, field: field.name.clone(), by, and });
                continue;
            }
            if let (Some(derive), true) = (&field.derive, self.is_fed(to)) {
                mapping.derived.push(Derived { field: field.name.clone(), from: derive.from.clone() });
                continue;
            }
            let alike = self.alike(to);
            mapping
                .suggestions
                .extend(alike.iter().map(|column| Suggestion { column: column.clone(), field: field.name.clone() }));
            if field.required {
                required.push((field.name.clone(), alike));
            } else {
                mapping.missing.push(field.name.clone());
            }
        }
        if !required.is_empty() {
            return Err(MappingError::MissingRequired { fields: required, columns: self.names() });
        }
        let left = self.columns.iter().zip(&self.taken).filter(|(_, taken)| taken.is_none_or(|to| to == UNWANTED));
        mapping.ignored = left.map(|(column, _)| column.name.clone()).collect();
        Ok(mapping)
    }
}

/// Whether a column of ten bytes is the beginning of a longer name.
fn is_cut(column: &str, name: &str) -> bool {
    let (column, name) = (column.to_lowercase(), name.to_lowercase());
    column.len() == DBF_NAME && name.len() > DBF_NAME && name.starts_with(&column)
}

/// Words with which names of columns begin that say nothing of what is in them (folded).
const GENERAL: &[&str] = &["codice", "cod", "numero", "num", "nome", "tipo", "data"];

/// From 0 to 1: how alike two names are, apart from a general word with which both begin.
fn likeness(column: &str, name: &str) -> f64 {
    let rest = |word: &&str| column.strip_prefix(*word).zip(name.strip_prefix(*word));
    match GENERAL.iter().find_map(rest) {
        Some((column, name)) if !column.is_empty() && !name.is_empty() => alike(column, name),
        _ => alike(column, name),
    }
}

/// From 0 to 1: one name in most of the other (`num_foglio`), or few letters of difference.
fn alike(column: &str, name: &str) -> f64 {
    let (short, long) = if column.len() < name.len() { (column, name) } else { (name, column) };
    let share = short.len() as f64 / long.len().max(1) as f64;
    let within = if short.len() >= 4 && share >= 0.6 && long.contains(short) { 0.9 } else { 0.0 };
    strsim::normalized_damerau_levenshtein(column, name).max(within)
}

#[cfg(test)]
mod tests;
