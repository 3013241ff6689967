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
    /// Fields that stay empty.
    pub missing: Vec<String>,
    /// Left-over columns that look like empty fields.
    pub suggestions: Vec<Suggestion>,
    /// For each field of the definition the position of its column.
    #[serde(skip)]
    pub columns: Vec<Option<usize>>,
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
    let mut plan =
        Plan { columns, definition, taken: vec![None; columns.len()], filled: vec![None; definition.fields.len()] };
    plan.grant(wishes)?;
    plan.recognise();
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
        let mut mapping =
            Mapping { columns: self.filled.iter().map(|of| of.map(|(from, _)| from)).collect(), ..Mapping::default() };
        let mut required = Vec::new();
        for (to, field) in self.definition.fields.iter().enumerate() {
            if let Some((from, by)) = self.filled[to] {
                let column = self.columns[from].name.clone();
                mapping.mapped.push(Mapped { column, field: field.name.clone(), by });
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

/// From 0 to 1: one name in most of the other (`num_foglio`), or few letters of difference.
fn likeness(column: &str, name: &str) -> f64 {
    let (short, long) = if column.len() < name.len() { (column, name) } else { (name, column) };
    let share = short.len() as f64 / long.len().max(1) as f64;
    let within = if short.len() >= 4 && share >= 0.6 && long.contains(short) { 0.9 } else { 0.0 };
    strsim::normalized_damerau_levenshtein(column, name).max(within)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::{Catalog, FieldType};

    fn layer() -> LayerDefinition {
        let text = r#"
            id = "parcels"
            title = { it = "Particelle", en = "Parcels" }
            description = { it = "", en = "" }
            theme = "cadastre"
            geometry = "multipolygon"
            key = ["sheet", "number"]
            [[field]]
            name = "sheet"
            type = "text"
            title = { it = "Foglio", en = "Sheet" }
            aliases = ["foglio"]
            required = true
            [[field]]
            name = "number"
            type = "text"
            title = { it = "Particella", en = "Parcel" }
            aliases = ["particella", "label"]
            [[field]]
            name = "national_reference"
            type = "text"
            title = { it = "Riferimento", en = "Reference" }
            aliases = ["nationalCadastralReference"]
        "#;
        toml::from_str(text).expect("valid")
    }

    fn columns(names: &[&str]) -> Vec<SourceField> {
        names.iter().map(|name| SourceField { name: (*name).to_owned(), kind: FieldType::Text }).collect()
    }

    fn by(mapping: &Mapping, field: &str) -> Option<(String, MappedBy)> {
        mapping.mapped.iter().find(|mapped| mapped.field == field).map(|mapped| (mapped.column.clone(), mapped.by))
    }

    #[test]
    fn names_aliases_and_spellings_are_recognised() {
        let mapping = map(&columns(&["FOGLIO", "Number", "nationalcadastralreference_"]), &layer(), &[]).expect("maps");
        assert_eq!(by(&mapping, "sheet"), Some(("FOGLIO".to_owned(), MappedBy::Alias)));
        assert_eq!(by(&mapping, "number"), Some(("Number".to_owned(), MappedBy::Alias)));
        assert_eq!(by(&mapping, "national_reference").map(|found| found.1), Some(MappedBy::Spelling));
        assert_eq!(mapping.columns, [Some(0), Some(1), Some(2)]);
    }

    #[test]
    fn a_name_cut_by_dbf_is_recognised() {
        let mapping = map(&columns(&["foglio", "NATIONAL_R"]), &layer(), &[]).expect("maps");
        assert_eq!(by(&mapping, "national_reference"), Some(("NATIONAL_R".to_owned(), MappedBy::Truncation)));
        assert_eq!(mapping.missing, ["number"]);
    }

    #[test]
    fn the_first_alias_wins_over_a_later_one() {
        let mapping = map(&columns(&["label", "foglio", "particella"]), &layer(), &[]).expect("maps");
        assert_eq!(by(&mapping, "number"), Some(("particella".to_owned(), MappedBy::Alias)));
        assert_eq!(mapping.ignored, ["label"]);
    }

    #[test]
    fn a_column_that_looks_like_a_field_is_suggested_and_not_taken() {
        let mapping = map(&columns(&["foglio", "num_particella"]), &layer(), &[]).expect("maps");
        assert_eq!(by(&mapping, "number"), None);
        let suggestion = Suggestion { column: "num_particella".to_owned(), field: "number".to_owned() };
        assert!(mapping.suggestions.contains(&suggestion), "{:?}", mapping.suggestions);
    }

    #[test]
    fn the_operator_decides() {
        let wishes = [("nr".to_owned(), "number".to_owned()), ("particella".to_owned(), String::new())];
        let mapping = map(&columns(&["foglio", "particella", "nr"]), &layer(), &wishes).expect("maps");
        assert_eq!(by(&mapping, "number"), Some(("nr".to_owned(), MappedBy::Operator)));
        assert_eq!(mapping.ignored, ["particella"]);
    }

    #[test]
    fn a_missing_required_field_names_the_columns_that_look_like_it() {
        let error = map(&columns(&["num_foglio", "x"]), &layer(), &[]).expect_err("refused").to_string();
        assert!(error.contains("\"sheet\"") && error.contains("--map num_foglio=sheet"), "{error}");
    }

    #[test]
    fn wishes_that_cannot_be_met_are_refused() {
        let wish = |column: &str, field: &str| vec![(column.to_owned(), field.to_owned())];
        let error = map(&columns(&["foglio"]), &layer(), &wish("fogli", "sheet")).expect_err("refused");
        assert!(matches!(error, MappingError::UnknownColumn { .. }));
        let error = map(&columns(&["foglio"]), &layer(), &wish("foglio", "sheets")).expect_err("refused");
        assert!(matches!(error, MappingError::UnknownField { .. }));
    }

    #[test]
    fn every_shipped_layer_maps_its_own_field_names() {
        for definition in Catalog::shipped().expect("valid").iter() {
            let names: Vec<&str> = definition.fields.iter().map(|field| field.name.as_str()).collect();
            let mapping = map(&columns(&names), definition, &[]).expect("maps");
            assert!(mapping.missing.is_empty() && mapping.ignored.is_empty(), "{}", definition.id);
        }
    }
}
