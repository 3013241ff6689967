//! Rules from their TOML file.

use std::collections::BTreeSet;

use toml::de::DeTable;

use super::rules::{Case, LayerRule, Match, Rules, Severity, WalkRule, When};
use crate::document::{Document, Range, Section};
use crate::{Exact, Fault, Text};

/// Most bytes of a file.
pub const MAX_FILE_BYTES: usize = 1024 * 1024;
/// Most metres of a clearance or margin: what is farther away is somebody else's.
const MAX_METRES: u64 = 1_000;
/// Most years that ground may be protected.
const MAX_YEARS: u64 = 50;
/// Most days in which a free time is looked for.
const MAX_HORIZON: u64 = 3_660;

/// Reads rules; `file` is its name in faults.
///
/// # Errors
/// All faults, by line.
pub fn read_rules(file: &str, text: &str) -> Result<Rules, Vec<Fault>> {
    let doc = Document::new(file, text);
    if text.len() > MAX_FILE_BYTES {
        doc.fault(0, "", "too-large", Text::new("file oltre 1 MiB", "the file is larger than 1 MiB"));
        return Err(doc.into_faults());
    }
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            let message = error.message();
            let it = format!("il file non è TOML valido: {message}");
            doc.fault(at, "", "not-toml", Text::new(it, format!("the file is not valid TOML: {message}")));
            return Err(doc.into_faults());
        }
    };
    let rules = {
        let root = Section::new(&doc, table.get_ref(), 0, String::new());
        let rules = rules(&root);
        root.finish();
        rules
    };
    let faults = doc.into_faults();
    if faults.is_empty() { Ok(rules) } else { Err(faults) }
}

fn rules(root: &Section<'_>) -> Rules {
    let id = root.code("id").unwrap_or_default();
    let title = root.title("title").unwrap_or_else(|| Text::same(id.clone()));
    let act = root.text("act").unwrap_or_default();
    let clearance_m = metres(root, "clearance_m").unwrap_or_else(|| {
        root.missing("clearance_m");
        Exact::zero()
    });
    let horizon_days = at_most(root, "horizon_days", MAX_HORIZON).unwrap_or(365);
    let free_of = root.one_of("free_of", &Severity::WORDS, Severity::Serious);
    let layers: Vec<LayerRule> = root.sections("layer").iter().map(layer).collect();
    if layers.is_empty() {
        root.missing("layer");
    }
    let walk = root.section("walk").map(|section| walk(&section));
    Rules { id, title, act, clearance_m, horizon_days, free_of, layers, walk }
}

fn walk(section: &Section<'_>) -> WalkRule {
    let needed = |key: &str| {
        metres(section, key).unwrap_or_else(|| {
            if !section.has(key) {
                section.missing(key);
            }
            Exact::zero()
        })
    };
    let severity = |key: &str| section.required_one_of(key, &Severity::WORDS, None).unwrap_or(Severity::Notice);
    let rule = WalkRule {
        title: section.title("title").unwrap_or_else(|| Text::new("A piedi", "On foot")),
        layer: section.text("layer").unwrap_or_default(),
        width: section.optional_text("width"),
        passage_m: needed("passage_m"),
        severity: severity("severity"),
        detour_m: needed("detour_m"),
        detour: severity("detour"),
        cut_off: severity("cut_off"),
        places: section.texts("places"),
    };
    section.finish();
    rule
}

fn layer(section: &Section<'_>) -> LayerRule {
    let role = section.code("role").unwrap_or_default();
    let title = section.title("title").unwrap_or_else(|| Text::same(role.clone()));
    let layer = section.text("layer").unwrap_or_default();
    let name = section.optional_text("name");
    let (from, to) = (section.texts("from"), section.texts("to"));
    let years = at_most(section, "years", MAX_YEARS);
    let changes = section.flag("changes");
    let is_dated = !from.is_empty() || !to.is_empty();
    let contradiction = |key: &str, it: &str, en: &str| section.fault(key, "contradiction", Text::new(it, en));
    if changes && !is_dated {
        contradiction("changes", "un cambiamento ha bisogno di date", "a change needs dates");
    }
    if years.is_some() && (from.is_empty() || !to.is_empty()) {
        contradiction(
            "years",
            "gli anni si contano da «from», e sostituiscono «to»",
            "years count from `from`, in place of `to`",
        );
    }
    let rule = LayerRule {
        role,
        title,
        layer,
        name,
        when: match (changes, is_dated) {
            (true, _) => When::Changes,
            (false, true) => When::During,
            (false, false) => When::Always,
        },
        from,
        to,
        to_excluded: section.flag("to_excluded"),
        years,
        margin_m: metres(section, "margin_m").unwrap_or_else(Exact::zero),
        width: section.optional_text("width"),
        digs_only: section.flag("digs_only"),
        only: section.sections("only").iter().filter_map(alone).collect(),
        except: section.sections("except").iter().filter_map(alone).collect(),
        severity: section.required_one_of("severity", &Severity::WORDS, None).unwrap_or(Severity::Notice),
        cases: section.sections("case").iter().filter_map(case).collect(),
        tell: section.texts("tell"),
    };
    section.finish();
    rule
}

fn alone(section: &Section<'_>) -> Option<Match> {
    let found = matched(section);
    section.finish();
    found
}

fn matched(section: &Section<'_>) -> Option<Match> {
    let field = section.text("field");
    let values: BTreeSet<String> = section.texts("values").into_iter().collect();
    if values.is_empty() {
        section.missing("values");
    }
    Some(Match { field: field?, values })
}

fn case(section: &Section<'_>) -> Option<Case> {
    let when = matched(section);
    let severity = section.required_one_of("severity", &Severity::WORDS, None);
    let reason = section.title("reason");
    section.finish();
    Some(Case { when: when?, severity: severity?, reason })
}

fn metres(section: &Section<'_>, key: &str) -> Option<Exact> {
    let number = section.optional_number(key, Range::NotNegative)?;
    if number > Exact::from(MAX_METRES) {
        section.fault(key, "out-of-range", Text::new("1000 metri al più", "1000 metres at most"));
    }
    Some(number)
}

fn at_most(section: &Section<'_>, key: &str, most: u64) -> Option<u64> {
    let number = section.optional_whole(key)?;
    if number > most {
        section.fault(key, "out-of-range", Text::new(format!("{most} al più"), format!("{most} at most")));
    }
    Some(number)
}
