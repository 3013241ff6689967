//! The configuration as a commented TOML file.

use std::fmt::Write as _;

use super::settings::{Key, Kind};
use super::{Config, environment_name};

/// Every key with its documentation and its default; keys without a default are commented out.
pub fn print_default() -> String {
    print(&Config::default())
}

/// The same with the values of `config`.
pub fn print(config: &Config) -> String {
    let mut text = String::from(
        "# Configuration of Bricola. Every key is also a flag (--tenant-name) and an environment variable\n\
         # (BRICOLA_TENANT_NAME); a flag wins over a variable, a variable over this file.\n",
    );
    let values = toml::Table::try_from(config).unwrap_or_default();
    section(&mut text, "", Config::KEYS, &values);
    text
}

fn section(text: &mut String, prefix: &str, keys: &'static [Key], values: &toml::Table) {
    for key in keys {
        let path = if prefix.is_empty() { key.name.to_owned() } else { format!("{prefix}.{}", key.name) };
        text.push('\n');
        for line in key.doc.lines().filter(|line| !line.trim().is_empty()) {
            let _ = writeln!(text, "#{line}");
        }
        if let Kind::Section(keys) = key.kind {
            let _ = writeln!(text, "[{path}]");
            let empty = toml::Table::new();
            section(text, &path, keys, values.get(key.name).and_then(toml::Value::as_table).unwrap_or(&empty));
            continue;
        }
        let _ = writeln!(text, "# Variable: {}", environment_name(&path));
        match values.get(key.name) {
            Some(value) => {
                let _ = writeln!(text, "{} = {value}", key.name);
            }
            None => {
                let _ = writeln!(text, "# {} = {}", key.name, key.example);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_printed_default_reads_back_as_the_default() {
        let read: Config = toml::from_str(&print_default()).expect("valid TOML");
        assert_eq!(read, Config::default());
    }

    #[test]
    fn the_printed_default_holds_also_when_its_examples_are_taken() {
        let text = print_default();
        let taken: String = text
            .lines()
            .map(|line| match line.strip_prefix("# ") {
                Some(rest) if rest.split_once(" = ").is_some_and(|(key, _)| !key.contains(' ')) => format!("{rest}\n"),
                _ => format!("{line}\n"),
            })
            .collect();
        let read: Config = toml::from_str(&taken).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(read.tenant.belfiore.as_deref(), Some("L736"));
        super::super::check::check(&read).expect("the examples obey the rules");
    }

    #[test]
    fn every_key_is_documented_and_has_a_default_or_an_example() {
        let values = toml::Table::try_from(Config::default()).expect("table");
        for (path, key) in super::super::settings::leaves() {
            assert!(key.doc.trim().len() > 10, "{path}");
            let mut value = Some(toml::Value::Table(values.clone()));
            for word in path.split('.') {
                value = value.and_then(|value| value.get(word).cloned());
            }
            assert!(value.is_some() == key.example.is_empty(), "{path}: default or example, not both");
        }
    }
}
