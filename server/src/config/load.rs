//! Reads the file, then lets environment and flags have their say.

use std::path::{Path, PathBuf};

use thiserror::Error;
use toml::de::{DeTable, DeValue};

use super::check::{Complaint, check};
use super::settings::{Key, Kind, leaves};
use super::{Config, Flags, environment_name, flag_name};

/// The file that is read when none is named, if it is there.
const DEFAULT_FILE: &str = "bricola.toml";

/// Why there is no configuration.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file that was named is not there or not readable.
    #[error("cannot read the configuration file {path}: {reason}")]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        reason: String,
    },
    /// Not TOML, an unknown key, a value of the wrong type.
    #[error("{path}:{line}:{column}: {reason}\n{line:>5} | {text}\n(every key: bricola config --print-default)")]
    File {
        /// Which file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What is wrong.
        reason: String,
        /// The line.
        text: String,
    },
    /// A variable or flag with a value that its key does not take.
    #[error("{origin}={value}: {reason}")]
    Override {
        /// `--flag` or `BRICOLA_VARIABLE`.
        origin: String,
        /// The value as given.
        value: String,
        /// What is wrong.
        reason: String,
    },
    /// A variable that looks like a key but is none.
    #[error("{name} is no variable of Bricola; did you mean {suggestion}?")]
    UnknownVariable {
        /// As set.
        name: String,
        /// The nearest known one.
        suggestion: String,
    },
}

/// The configuration in force.
///
/// # Errors
/// The first thing that is wrong, with its place: file, line and column, or the name of the variable or flag.
pub fn load(flags: &Flags, environment: &[(String, String)]) -> Result<Config, ConfigError> {
    let named = flags.file.clone().or_else(|| variable(environment, "BRICOLA_CONFIG").map(PathBuf::from));
    let mut table = match named {
        Some(path) => read(&path)?,
        None if Path::new(DEFAULT_FILE).is_file() => read(Path::new(DEFAULT_FILE))?,
        None => toml::Table::new(),
    };
    unknown_variables(environment)?;
    for (path, key) in leaves() {
        let name = environment_name(&path);
        if let Some(value) = variable(environment, &name) {
            apply(&mut table, &path, key, &name, value)?;
        }
    }
    for (path, key) in leaves() {
        let given = flags.values.iter().find(|(flag, _)| *flag == path);
        if let Some((_, value)) = given {
            apply(&mut table, &path, key, &format!("--{}", flag_name(&path)), value)?;
        }
    }
    // Each layer above was checked as it was put on, so this cannot fail any more.
    typed(&table).map_err(|complaint| ConfigError::Override {
        origin: complaint.key,
        value: String::new(),
        reason: complaint.reason,
    })
}

fn variable<'a>(environment: &'a [(String, String)], name: &str) -> Option<&'a str> {
    environment.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// A misspelt variable would silently do nothing: refuse what is nearly a known one.
fn unknown_variables(environment: &[(String, String)]) -> Result<(), ConfigError> {
    let mut known: Vec<String> = leaves().iter().map(|(path, _)| environment_name(path)).collect();
    known.push("BRICOLA_CONFIG".to_owned());
    for (name, _) in environment.iter().filter(|(name, _)| name.starts_with("BRICOLA_") && !known.contains(name)) {
        let nearest = known.iter().max_by(|a, b| strsim::jaro(a, name).total_cmp(&strsim::jaro(b, name)));
        if let Some(nearest) = nearest.filter(|nearest| strsim::damerau_levenshtein(nearest, name) <= 3) {
            return Err(ConfigError::UnknownVariable { name: name.clone(), suggestion: nearest.clone() });
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<toml::Table, ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| ConfigError::Unreadable { path: path.to_path_buf(), reason: error.to_string() })?;
    let at = |offset: usize, reason: String| place(path, &text, offset, reason);
    let config: Config = toml::from_str(&text)
        .map_err(|error| at(error.span().map_or(0, |span| span.start), error.message().to_owned()))?;
    check(&config).map_err(|complaint| {
        at(offset(&text, &complaint.key).unwrap_or(0), format!("{}: {}", complaint.key, complaint.reason))
    })?;
    toml::from_str(&text).map_err(|error| at(0, error.message().to_owned()))
}

/// Byte offset of a dotted key.
fn offset(text: &str, key: &str) -> Option<usize> {
    let table = DeTable::parse(text).ok()?;
    let mut table = table.get_ref();
    let mut words = key.split('.').peekable();
    while let Some(word) = words.next() {
        let (name, value) = table.iter().find(|(name, _)| name.get_ref() == word)?;
        if words.peek().is_none() {
            return Some(name.span().start);
        }
        let DeValue::Table(inner) = value.get_ref() else { return None };
        table = inner;
    }
    None
}

fn place(path: &Path, text: &str, offset: usize, reason: String) -> ConfigError {
    let before = &text[..offset.min(text.len())];
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    ConfigError::File {
        path: path.to_path_buf(),
        line: before.matches('\n').count() + 1,
        column: before[start..].chars().count() + 1,
        reason,
        text: text[start..].lines().next().unwrap_or_default().to_owned(),
    }
}

fn typed(table: &toml::Table) -> Result<Config, Complaint> {
    let config: Config = table
        .clone()
        .try_into()
        .map_err(|error: toml::de::Error| Complaint { key: String::new(), reason: error.message().to_owned() })?;
    check(&config)?;
    Ok(config)
}

/// Puts the text of a variable or flag in its place.
fn apply(table: &mut toml::Table, path: &str, key: &Key, origin: &str, text: &str) -> Result<(), ConfigError> {
    let refuse = |reason: String| ConfigError::Override { origin: origin.to_owned(), value: text.to_owned(), reason };
    let value = parse(key.kind, text).map_err(refuse)?;
    let mut place = &mut *table;
    let mut words = path.split('.').peekable();
    while let Some(word) = words.next() {
        if words.peek().is_none() {
            place.insert(word.to_owned(), value);
            break;
        }
        let section = place.entry(word).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        let toml::Value::Table(section) = section else { return Err(refuse(format!("{word} is not a section"))) };
        place = section;
    }
    typed(table).map(drop).map_err(|complaint| refuse(complaint.reason))
}

fn parse(kind: Kind, text: &str) -> Result<toml::Value, String> {
    let list = || text.split(',').map(str::trim).filter(|item| !item.is_empty());
    match kind {
        Kind::Text | Kind::Section(_) => Ok(toml::Value::String(text.to_owned())),
        Kind::Integer => text.trim().parse().map(toml::Value::Integer).map_err(|_| "must be a whole number".to_owned()),
        Kind::Boolean => text.trim().parse().map(toml::Value::Boolean).map_err(|_| "must be true or false".to_owned()),
        Kind::TextList => Ok(toml::Value::Array(list().map(|item| toml::Value::String(item.to_owned())).collect())),
        Kind::Numbers => list()
            .map(|item| item.parse().map(toml::Value::Float).map_err(|_| format!("\"{item}\" is not a number")))
            .collect::<Result<_, _>>()
            .map(toml::Value::Array),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_file(text: &str) -> Result<Config, ConfigError> {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("bricola.toml");
        std::fs::write(&path, text).expect("written");
        load(&Flags { file: Some(path), values: vec![] }, &[])
    }

    #[test]
    fn an_unknown_key_is_refused_with_file_line_and_column() {
        let error = from_file("listen = \"127.0.0.1:1\"\n\n[tenant]\ncolour = 1\n").expect_err("refused").to_string();
        assert!(error.contains("bricola.toml:4:1: ") && error.contains("unknown field `colour`"), "{error}");
    }

    #[test]
    fn a_value_that_breaks_a_rule_is_refused_with_its_line() {
        let error = from_file("[tenant]\nname = \"X\"\nistat = \"27\"\n").expect_err("refused").to_string();
        assert!(error.contains("bricola.toml:3:1: tenant.istat") && error.contains("six digits"), "{error}");
    }

    #[test]
    fn a_value_of_the_wrong_type_is_refused_with_its_line() {
        let error = from_file("[limits]\nbody_bytes = \"much\"\n").expect_err("refused").to_string();
        assert!(error.contains("bricola.toml:2:"), "{error}");
    }

    #[test]
    fn a_flag_wins_over_a_variable_and_a_variable_over_the_file() {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("b.toml");
        std::fs::write(&path, "shutdown_seconds = 1\n[tenant]\nname = \"File\"\nipa = \"c_file\"\n").expect("written");
        let flags = Flags { file: Some(path), values: vec![("tenant.name".into(), "Flag".into())] };
        let environment = [
            ("BRICOLA_TENANT_NAME".to_owned(), "Variable".to_owned()),
            ("BRICOLA_TENANT_IPA".to_owned(), "c_variable".to_owned()),
            ("BRICOLA_TENANT_ENVELOPE".to_owned(), "12.1,45.2,12.6,45.6".to_owned()),
        ];
        let config = load(&flags, &environment).expect("loads");
        assert_eq!(config.tenant.name, "Flag");
        assert_eq!(config.tenant.ipa.as_deref(), Some("c_variable"));
        assert_eq!(config.tenant.envelope, Some([12.1, 45.2, 12.6, 45.6]));
        assert_eq!(config.shutdown_seconds, 1);
    }

    #[test]
    fn a_bad_variable_is_named_with_its_value() {
        for (name, value, expected) in [
            ("BRICOLA_LISTEN", "nowhere", "socket address"),
            ("BRICOLA_LIMITS_BODY_BYTES", "many", "whole number"),
            ("BRICOLA_LIMITS_BODY_BYTES", "0", "at least 1"),
            ("BRICOLA_SHOW_ALL_LAYERS", "perhaps", "true or false"),
            ("BRICOLA_TENANT_ENVELOPE", "1,2,x,4", "not a number"),
            ("BRICOLA_TENANT_ENVELOPE", "1,2,3", "4"),
            ("BRICOLA_TENANT_ENVELOPE", "13,45,12,46", "west"),
            ("BRICOLA_TENANT_BELFIORE", "736", "letter and three digits"),
            ("BRICOLA_TENANT_CRS", "3003", "EPSG:"),
            ("BRICOLA_LOG_FORMAT", "xml", "xml"),
            ("BRICOLA_LOG_LEVEL", "loud==", "level"),
            ("BRICOLA_PUBLIC_URL", "mappe.example.it", "http"),
            ("BRICOLA_CORS_ORIGINS", "example.it", "origin"),
        ] {
            let environment = [(name.to_owned(), value.to_owned())];
            let error = load(&Flags::default(), &environment).expect_err(name).to_string();
            assert!(error.contains(name) && error.contains(value) && error.contains(expected), "{error}");
        }
    }

    #[test]
    fn a_misspelt_variable_is_refused_with_a_suggestion() {
        let environment = [("BRICOLA_LISTN".to_owned(), "127.0.0.1:1".to_owned())];
        let error = load(&Flags::default(), &environment).expect_err("refused").to_string();
        assert!(error.contains("BRICOLA_LISTEN"), "{error}");
    }
}
