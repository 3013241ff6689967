//! A regulation or a calendar from its TOML file.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{Datelike as _, NaiveDate};
use toml::de::DeTable;

use super::calendar::Calendar;
use super::filter::{Category, Fuel, Parity, UserFilter, VehicleFilter};
use super::regulation::{Effect, Exception, Permit, Regulation, Rule, UserClass};
use super::schedule::{Schedule, Unreadable};
use crate::document::{Document, Range, Section};
use crate::{Fault, Text};

/// Most bytes of a file.
pub const MAX_FILE_BYTES: usize = 4 * 1024 * 1024;
/// The highest emission class there may be.
const MAX_EURO: u64 = 9;

/// What a file holds.
#[derive(Debug)]
pub enum File {
    /// A calendar.
    Calendar(Calendar),
    /// A regulation, whose calendar is still to be found.
    Regulation(Box<Draft>),
}

/// A regulation whose calendar is still to be found.
#[derive(Debug)]
pub struct Draft {
    pub(super) file: String,
    line: u64,
    pub(super) calendar: Option<String>,
    pub(super) regulation: Regulation,
}

impl Draft {
    pub(super) fn fault(&self, field: &str, rule: &str, text: Text) -> Fault {
        Fault { file: self.file.clone(), line: self.line, field: field.into(), rule: rule.into(), text }
    }
}

/// Reads a file; `file` is its name in faults. One with the key `act` is a regulation, any other a calendar.
///
/// # Errors
/// All faults, by line. Schedules that cannot be read are none: they stay as they are, and their rules are never used.
pub fn read_file(file: &str, text: &str) -> Result<File, Vec<Fault>> {
    let doc = Document::new(file, text);
    if text.len() > MAX_FILE_BYTES {
        doc.fault(0, "", "too-large", Text::new("file oltre 4 MiB", "the file is larger than 4 MiB"));
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
    let read = {
        let root = Section::new(&doc, table.get_ref(), 0, String::new());
        let is_regulation = ["id", "act", "rule"].iter().any(|key| root.has(key));
        let read = if is_regulation { regulation(&root) } else { File::Calendar(calendar(&root)) };
        root.finish();
        read
    };
    let faults = doc.into_faults();
    if faults.is_empty() { Ok(read) } else { Err(faults) }
}

fn calendar(root: &Section<'_>) -> Calendar {
    let code = root.code("calendar").unwrap_or_default();
    // For those who read the file.
    root.title("title");
    Calendar { code, public: years(root, "public_holidays"), school: years(root, "school_holidays") }
}

fn years(root: &Section<'_>, key: &str) -> BTreeMap<i32, BTreeSet<NaiveDate>> {
    let mut years = BTreeMap::new();
    for section in root.sections(key) {
        let year = section.optional_whole("year").and_then(|year| i32::try_from(year).ok());
        if !section.has("year") {
            section.missing("year");
        }
        let mut days: BTreeSet<NaiveDate> = section.dates("days").into_iter().collect();
        for period in section.sections("periods") {
            let (from, to) = (period.optional_date("from"), period.optional_date("to"));
            for end in ["from", "to"].into_iter().filter(|end| !period.has(end)) {
                period.missing(end);
            }
            period.finish();
            let Some((from, to)) = from.zip(to) else { continue };
            if to < from || to.year() != from.year() {
                let text = Text::new(
                    "finisce prima di cominciare, o in un altro anno: scriverlo in due",
                    "ends before it begins, or in another year: write two of them",
                );
                period.fault("to", "out-of-range", text);
                continue;
            }
            days.extend(from.iter_days().take_while(|day| *day <= to));
        }
        section.finish();
        let Some(year) = year else { continue };
        if let Some(day) = days.iter().find(|day| day.year() != year) {
            let text = Text::new(format!("{day} non è del {year}"), format!("{day} is not of {year}"));
            section.fault("days", "out-of-range", text);
        } else if years.insert(year, days).is_some() {
            let text = Text::new(format!("il {year} c’è già"), format!("{year} is there already"));
            section.fault("year", "duplicate-code", text);
        }
    }
    years
}

fn regulation(root: &Section<'_>) -> File {
    let id = root.code("id").unwrap_or_default();
    let title = root.title("title").unwrap_or_else(|| Text::same(id.clone()));
    let act = root.text("act").unwrap_or_default();
    let (valid_from, valid_to) = (root.optional_date("valid_from"), root.optional_date("valid_to"));
    if !root.has("valid_from") {
        root.missing("valid_from");
    }
    ends_after(root, valid_from, valid_to);
    let layer = root.text("layer").unwrap_or_default();
    let gates = root.optional_text("gates");
    let calendar = root.optional_text("calendar");
    let line = root.doc.line(root.offset_of("calendar"));
    let (users, permits) = (users(root), permits(root));
    let rules = rules(root, &users, &permits);
    let exceptions = exceptions(root, &rules, &permits);
    for schedule in rules.iter().filter_map(|rule| rule.schedule.as_ref().ok()) {
        let asks = schedule.names_public_holidays() || schedule.names_school_holidays();
        if asks && calendar.is_none() {
            let text = Text::new(
                format!("«{}» nomina festività: serve un calendario", schedule.text()),
                format!("“{}” names holidays: a calendar is needed", schedule.text()),
            );
            root.fault("calendar", "missing", text);
        }
    }
    // A regulation with faults is refused; what does not depend on them was checked nonetheless.
    let valid_from = valid_from.unwrap_or_default();
    let regulation = Regulation {
        id,
        title,
        act,
        valid_from,
        valid_to,
        layer,
        gates,
        calendar: Calendar::default(),
        users,
        permits,
        rules,
        exceptions,
    };
    File::Regulation(Box::new(Draft { file: root.doc.file.to_owned(), line, calendar, regulation }))
}

fn users(root: &Section<'_>) -> BTreeMap<String, UserClass> {
    let mut users = BTreeMap::new();
    for section in root.sections("user") {
        let code = section.code("code");
        let title = section.title("title");
        let of_zone = section.flag("of_zone");
        section.finish();
        let Some(code) = code else { continue };
        let title = title.unwrap_or_else(|| Text::same(code.clone()));
        if users.insert(code.clone(), UserClass { code: code.clone(), title, of_zone }).is_some() {
            section.fault("code", "duplicate-code", duplicate(&code));
        }
    }
    users
}

fn permits(root: &Section<'_>) -> BTreeMap<String, Permit> {
    let mut permits = BTreeMap::new();
    for section in root.sections("permit") {
        let code = section.code("code");
        let title = section.title("title");
        let url = section.optional_text("url");
        if url.as_ref().is_some_and(|url| !url.starts_with("https://") && !url.starts_with("http://")) {
            let text = Text::new("deve cominciare con https://", "must begin with https://");
            section.fault("url", "out-of-range", text);
        }
        let cost_eur = section.optional_number("cost_eur", Range::NotNegative);
        let max_days = section.optional_whole("max_days");
        section.finish();
        let Some(code) = code else { continue };
        let title = title.unwrap_or_else(|| Text::same(code.clone()));
        let permit = Permit { code: code.clone(), title, url, cost_eur, max_days };
        if permits.insert(code.clone(), permit).is_some() {
            section.fault("code", "duplicate-code", duplicate(&code));
        }
    }
    permits
}

fn rules(root: &Section<'_>, users: &BTreeMap<String, UserClass>, permits: &BTreeMap<String, Permit>) -> Vec<Rule> {
    let mut rules: Vec<Rule> = Vec::new();
    for section in root.sections("rule") {
        let id = section.code("id").unwrap_or_default();
        let title = section.title("title");
        let zones: BTreeSet<String> = section.texts("zones").into_iter().collect();
        if zones.is_empty() {
            section.missing("zones");
        }
        let effect = section.required_one_of("effect", &Effect::WORDS, None).unwrap_or(Effect::Prohibit);
        let schedule = schedule(&section).unwrap_or_else(|| {
            section.missing("schedule");
            Err(Unreadable { text: String::new(), reason: Text::new("manca", "is missing") })
        });
        let vehicles = section.section("vehicles").map_or_else(VehicleFilter::default, |it| vehicles(&it));
        let classes = known(&section, "users", |code| users.contains_key(code));
        let permits = permits_of(&section, effect, permits);
        let priority = section.optional_whole("priority").unwrap_or(0);
        let order = section.optional_text("order");
        let (valid_from, valid_to) = (section.optional_date("valid_from"), section.optional_date("valid_to"));
        ends_after(&section, valid_from, valid_to);
        section.finish();
        if rules.iter().any(|other| other.id == id) {
            section.fault("id", "duplicate-code", duplicate(&id));
        }
        let users = UserFilter { classes };
        rules.push(Rule {
            id,
            title,
            zones,
            effect,
            schedule,
            vehicles,
            users,
            priority,
            permits,
            order,
            valid_from,
            valid_to,
        });
    }
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    rules
}

fn exceptions(root: &Section<'_>, rules: &[Rule], permits: &BTreeMap<String, Permit>) -> Vec<Exception> {
    let mut exceptions: Vec<Exception> = Vec::new();
    for section in root.sections("exception") {
        let id = section.code("id").unwrap_or_default();
        let rule = section.text("rule").unwrap_or_default();
        if !rule.is_empty() && !rules.iter().any(|other| other.id == rule) {
            let text = Text::new(format!("non c’è una regola «{rule}»"), format!("there is no rule “{rule}”"));
            section.fault("rule", "unknown-rule", text);
        }
        let effect = section.required_one_of("effect", &Effect::WORDS, None).unwrap_or(Effect::Prohibit);
        let (from, to) = (section.optional_clock("from"), section.optional_clock("to"));
        for end in ["from", "to"].into_iter().filter(|end| !section.has(end)) {
            section.missing(end);
        }
        if from.zip(to).is_some_and(|(from, to)| to <= from) {
            section.fault("to", "out-of-range", Text::new("finisce prima di cominciare", "ends before it begins"));
        }
        let schedule = schedule(&section);
        let permits = permits_of(&section, effect, permits);
        let order = section.text("order").unwrap_or_default();
        section.finish();
        if rules.iter().any(|other| other.id == id) || exceptions.iter().any(|other| other.id == id) {
            section.fault("id", "duplicate-code", duplicate(&id));
        }
        let (from, to) = (from.unwrap_or_default(), to.unwrap_or_default());
        exceptions.push(Exception { id, rule, effect, from, to, schedule, permits, order });
    }
    exceptions.sort_by(|a, b| a.id.cmp(&b.id));
    exceptions
}

fn schedule(section: &Section<'_>) -> Option<Result<Schedule, Unreadable>> {
    section.optional_text("schedule").map(|text| Schedule::read(&text))
}

fn vehicles(section: &Section<'_>) -> VehicleFilter {
    let euro = |key: &str| {
        let class = section.optional_whole(key);
        if class.is_some_and(|class| class > MAX_EURO) {
            section.fault(key, "out-of-range", Text::new("non c’è una tale classe", "there is no such class"));
        }
        class
    };
    let plate = section.required_one_of("plate", &Parity::WORDS.map(|(word, it)| (word, Some(it))), Some(None));
    let filter = VehicleFilter {
        categories: section.some_of("categories", &Category::WORDS).into_iter().collect(),
        euro_min: euro("euro_min"),
        euro_max: euro("euro_max"),
        fuels: section.some_of("fuels", &Fuel::WORDS).into_iter().collect(),
        mass_over_kg: section.optional_number("mass_over_kg", Range::NotNegative),
        mass_max_kg: section.optional_number("mass_max_kg", Range::NotNegative),
        length_over_m: section.optional_number("length_over_m", Range::NotNegative),
        length_max_m: section.optional_number("length_max_m", Range::NotNegative),
        seats_min: section.optional_whole("seats_min"),
        seats_max: section.optional_whole("seats_max"),
        plate: plate.flatten(),
    };
    section.finish();
    filter
}

/// A rule that asks for permits has to say which; one that forbids has none.
fn permits_of(section: &Section<'_>, effect: Effect, permits: &BTreeMap<String, Permit>) -> BTreeSet<String> {
    let codes = known(section, "permits", |code| permits.contains_key(code));
    match effect {
        Effect::PermitRequired if codes.is_empty() => section.missing("permits"),
        Effect::Prohibit | Effect::Allow if !codes.is_empty() => {
            let text =
                Text::new("solo «permit_required» e «fee» hanno permessi", "only permit_required and fee have permits");
            section.fault("permits", "contradiction", text);
        }
        _ => {}
    }
    codes
}

fn known(section: &Section<'_>, key: &str, is_known: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let codes: BTreeSet<String> = section.texts(key).into_iter().collect();
    for code in codes.iter().filter(|code| !is_known(code)) {
        let text = Text::new(format!("«{code}» non è dichiarato"), format!("“{code}” is not declared"));
        section.fault(key, "unknown-code", text);
    }
    codes
}

fn ends_after(section: &Section<'_>, from: Option<NaiveDate>, to: Option<NaiveDate>) {
    if from.zip(to).is_some_and(|(from, to)| to < from) {
        section.fault("valid_to", "out-of-range", Text::new("finisce prima di cominciare", "ends before it begins"));
    }
}

fn duplicate(code: &str) -> Text {
    Text::new(format!("il codice «{code}» c’è già"), format!("the code “{code}” is there already"))
}
