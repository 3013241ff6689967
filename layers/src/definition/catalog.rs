//! The set of layer definitions that an installation knows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use thiserror::Error;

use super::{FieldDefinition, FieldType, LayerDefinition, Part};
use crate::check::value::folded;

include!(concat!(env!("OUT_DIR"), "/catalog.rs"));

/// Fields that hold personal data do not exist in a definition: names that betray them are refused.
const PERSONAL: &[&str] = &[
    "codice_fiscale",
    "fiscal_code",
    "tax_code",
    "cognome",
    "surname",
    "owner",
    "owner_name",
    "proprietario",
    "intestatario",
    "resident",
    "birth_date",
    "data_nascita",
    "plate",
    "targa",
    "email",
    "telefono",
    "phone",
];

/// Further names of such fields in the tables of offices, without accents, case and punctuation.
const PERSONAL_COLUMNS: &[&str] = &[
    "cf",
    "codfisc",
    "codfiscale",
    "codicefisc",
    "nominativo",
    "nomecognome",
    "cognomenome",
    "titolare",
    "intestatari",
    "residente",
    "contribuente",
    "richiedente",
    "natoil",
    "datanasc",
    "luogonascita",
    "telephone",
    "cellulare",
    "mail",
    "indirizzoemail",
    "pec",
    "iban",
    "targaveicolo",
    "passwd",
    "password",
];

/// Whether a column is named as one of personal data (or secrets) is: it does not become a field.
pub fn is_personal(column: &str) -> bool {
    let name = folded(column);
    PERSONAL_COLUMNS.contains(&name.as_str()) || PERSONAL.iter().any(|personal| folded(personal) == name)
}

/// Why a definition was refused.
#[derive(Debug, Error)]
pub enum CatalogError {
    /// The file could not be read.
    #[error("cannot read {path}: {reason}")]
    Unreadable {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// Not TOML, or a key or type that a definition does not have; the reason holds line and column.
    #[error("{origin}: {reason}")]
    Syntax {
        /// File or shipped name.
        origin: String,
        /// What the parser said.
        reason: String,
    },
    /// Well-formed, but it contradicts itself.
    #[error("{origin}: {reason}")]
    Invalid {
        /// File or shipped name.
        origin: String,
        /// The rule that it breaks, with field and value.
        reason: String,
    },
}

/// The layer definitions in force, by id.
#[derive(Debug, Clone, Default)]
pub struct Catalog {
    layers: BTreeMap<String, LayerDefinition>,
    /// The files of those that do not come with the program.
    files: BTreeMap<String, PathBuf>,
}

impl Catalog {
    /// The definitions compiled into the binary.
    ///
    /// # Errors
    /// When a shipped file is invalid, which the tests of this crate rule out.
    pub fn shipped() -> Result<Self, CatalogError> {
        let mut catalog = Self::default();
        for (name, text) in SHIPPED {
            catalog.insert(parse(name, text)?);
        }
        catalog.check_bound()?;
        Ok(catalog)
    }

    /// Adds every `*.toml` of a folder, in name order; a known id is replaced.
    ///
    /// # Errors
    /// The first file that cannot be read or is not a valid definition; the catalogue is then unchanged.
    pub fn add_folder(&mut self, folder: &Path) -> Result<(), CatalogError> {
        let unreadable = |path: &Path, error: &std::io::Error| CatalogError::Unreadable {
            path: path.to_path_buf(),
            reason: error.to_string(),
        };
        let mut paths = Vec::new();
        for entry in std::fs::read_dir(folder).map_err(|error| unreadable(folder, &error))? {
            let path = entry.map_err(|error| unreadable(folder, &error))?.path();
            if path.extension().is_some_and(|extension| extension == "toml") {
                paths.push(path);
            }
        }
        paths.sort();
        let mut added = Vec::with_capacity(paths.len());
        for path in paths {
            let text = std::fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
            added.push((parse(&path.display().to_string(), &text)?, path));
        }
        let mut whole = self.clone();
        for (definition, path) in added {
            whole.files.insert(definition.id.clone(), path);
            whole.insert(definition);
        }
        whole.check_bound()?;
        *self = whole;
        Ok(())
    }

    /// Whether what the definitions say of one another can be kept true; all that is wrong at once, a line each.
    fn check_bound(&self) -> Result<(), CatalogError> {
        let faults = super::bound::faults(self.iter());
        let Some((first, ..)) = faults.first() else { return Ok(()) };
        let origin = |layer: &str| {
            self.files.get(layer).map_or_else(|| format!("{layer}.toml"), |path| path.display().to_string())
        };
        let lines = faults.iter().enumerate().map(|(place, (layer, field, reason))| {
            let file = if place == 0 { String::new() } else { format!("{}: ", origin(layer)) };
            format!("{file}field \"{field}\": {reason}")
        });
        Err(CatalogError::Invalid { origin: origin(first), reason: lines.collect::<Vec<_>>().join("\n") })
    }

    /// Adds or replaces one definition.
    pub fn insert(&mut self, definition: LayerDefinition) {
        self.layers.insert(definition.id.clone(), definition);
    }

    /// A definition by layer id.
    pub fn get(&self, id: &str) -> Option<&LayerDefinition> {
        self.layers.get(id)
    }

    /// All definitions in order of id.
    pub fn iter(&self) -> impl Iterator<Item = &LayerDefinition> {
        self.layers.values()
    }
}

/// Reads and checks one definition.
///
/// # Errors
/// See [`CatalogError`]; `origin` names the file in the message.
pub fn parse(origin: &str, text: &str) -> Result<LayerDefinition, CatalogError> {
    let definition: LayerDefinition = toml::from_str(text)
        .map_err(|error| CatalogError::Syntax { origin: origin.to_owned(), reason: error.to_string() })?;
    match check(&definition) {
        None => Ok(definition),
        Some(reason) => Err(CatalogError::Invalid { origin: origin.to_owned(), reason }),
    }
}

fn is_name(text: &str, separator: char) -> bool {
    text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.len() <= 63
        && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == separator)
}

fn check(definition: &LayerDefinition) -> Option<String> {
    let LayerDefinition { id, zoom, .. } = definition;
    if !is_name(id, '-') {
        return Some(format!("id \"{id}\": use lower-case letters, digits and hyphens, starting with a letter"));
    }
    if zoom.min > zoom.max || zoom.max > crate::limits::MAX_ZOOM {
        return Some(format!("zoom {}..{}: must rise and end by {}", zoom.min, zoom.max, crate::limits::MAX_ZOOM));
    }
    if definition.resolution.is_some_and(|resolution| !(resolution > 0.0 && resolution.is_finite())) {
        return Some("resolution: must be a positive number".to_owned());
    }
    for (position, field) in definition.fields.iter().enumerate() {
        let name = &field.name;
        if !is_name(name, '_') || ["fid", "geom", "version"].contains(&name.as_str()) {
            return Some(format!(
                "field \"{name}\": use lower-case letters, digits and underscores; fid, geom and version are taken"
            ));
        }
        if PERSONAL.contains(&name.as_str()) {
            return Some(format!("field \"{name}\" would hold personal data, which layers never do"));
        }
        if definition.fields[..position].iter().any(|other| other.name == *name) {
            return Some(format!("field \"{name}\" is declared twice"));
        }
        let bound = field.bound.as_ref().and_then(|bound| super::bound::check(definition, field, bound));
        if let Some(reason) = bound.or_else(|| check_sources(&definition.fields, position)) {
            return Some(format!("field \"{name}\": {reason}"));
        }
    }
    let named = definition.key.iter().chain(&definition.label).chain(&definition.label_fields).chain(&definition.rank);
    for name in named {
        if definition.field(name).is_none() {
            return Some(format!("\"{name}\" (key, label, label_fields or rank) is not one of the fields"));
        }
    }
    if let Some(walk) = &definition.walk {
        let is_number = |name: &String| {
            let field = definition.field(name);
            field.is_some_and(|(_, field)| matches!(field.kind, FieldType::Real | FieldType::Integer))
        };
        if let Some(name) = std::iter::once(&walk.ground).chain(&walk.walkway).find(|name| !is_number(name)) {
            return Some(format!("\"{name}\" (walk.ground or walk.walkway) is no field of numbers"));
        }
        if definition.geometry.dimension() != Some(1) {
            return Some("walk: is for layers of lines".to_owned());
        }
    }
    super::search::check(definition)
}

/// Whether what a field says of its sources can be followed.
fn check_sources(fields: &[FieldDefinition], position: usize) -> Option<String> {
    let field = &fields[position];
    if let Some(derive) = &field.derive {
        let from = fields[..position].iter().find(|other| other.name == derive.from);
        if from.is_none_or(|from| from.kind != FieldType::Text) {
            return Some(format!("derive.from = \"{}\" is no text field before it", derive.from));
        }
        let wanted = if derive.part == Part::Sheet { FieldType::Integer } else { FieldType::Text };
        if field.kind != wanted || field.required {
            return Some("what is derived is text (a sheet: an integer) and not required".to_owned());
        }
    }
    if field.form.is_some() && field.kind != FieldType::Text {
        return Some("form is for text".to_owned());
    }
    let mut seen: Vec<String> = Vec::new();
    let theirs = field.values.iter().flat_map(|value| &value.also).chain(&field.blank);
    for code in theirs.chain(field.elsewhere.values().flatten()) {
        let form = folded(code);
        if form.is_empty() || seen.contains(&form) || field.values.iter().any(|value| folded(&value.code) == form) {
            return Some(format!("code \"{code}\" of sources is empty or means two things"));
        }
        seen.push(form);
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: &str = r#"
        id = "toilets"
        title = { it = "Bagni", en = "Toilets" }
        description = { it = "Bagni pubblici.", en = "Public toilets." }
        theme = "green"
        geometry = "point"
        key = ["code"]
        [[field]]
        name = "code"
        type = "text"
        title = { it = "Codice", en = "Code" }
    "#;

    #[test]
    fn a_small_definition_parses() {
        let definition = parse("t", SMALL).expect("valid");
        assert_eq!(definition.key, ["code"]);
        assert!(definition.fields[0].tile);
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        let error = parse("t.toml", &format!("colour = 1\n{SMALL}")).expect_err("refused").to_string();
        assert!(error.contains("t.toml") && error.contains("colour") && error.contains("line 1"), "{error}");
    }

    #[test]
    fn a_field_of_personal_data_is_refused() {
        let error = parse("t", &SMALL.replace("code", "codice_fiscale")).expect_err("refused").to_string();
        assert!(error.contains("personal data"), "{error}");
    }

    #[test]
    fn a_key_that_is_no_field_is_refused() {
        let error = parse("t", &SMALL.replace("[\"code\"]", "[\"other\"]")).expect_err("refused").to_string();
        assert!(error.contains("\"other\""), "{error}");
    }

    #[test]
    fn what_a_field_says_of_its_sources_must_hold() {
        for (line, reason) in [
            ("derive = { from = \"name\", part = \"initial\" }", "no text field before it"),
            ("derive = { from = \"code\", part = \"whole\" }", "no text field before it"),
            ("blank = [\"F\", \"f.\"]", "means two things"),
            ("blank = [\"F\"]\nelsewhere = { buildings = [\"F\"] }", "means two things"),
        ] {
            let error = parse("t", &format!("{SMALL}\n{line}")).expect_err(line).to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn heights_of_streets_are_numbers_of_lines() {
        let walk = "walk = { ground = \"low\", datum = { it = \"z\", en = \"z\" } }\n[[field]]";
        let low = "\n[[field]]\nname = \"low\"\ntitle = { it = \"q\", en = \"q\" }\ntype = ";
        let streets = SMALL.replace("\"point\"", "\"linestring\"").replacen("[[field]]", walk, 1);
        assert!(parse("t", &format!("{streets}{low}\"real\"")).is_ok());
        for (text, reason) in [
            (streets.clone(), "no field of numbers"),
            (format!("{streets}{low}\"text\""), "no field of numbers"),
            (format!("{}{low}\"real\"", streets.replace("linestring", "point")), "layers of lines"),
        ] {
            let error = parse("t", &text).expect_err(reason).to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn every_shipped_definition_is_valid_and_named_as_its_file() {
        for (name, text) in SHIPPED {
            let definition = parse(name, text).expect("valid");
            assert_eq!(format!("{}.toml", definition.id), *name);
        }
    }
}
