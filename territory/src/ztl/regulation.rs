//! Regulations: what an office's orders say, as data.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{NaiveDate, NaiveDateTime};
use serde::Serialize;

use super::calendar::Calendar;
use super::filter::{UserFilter, VehicleFilter};
use super::read::Draft;
use super::schedule::{Schedule, Unreadable};
use crate::evidence::hash_of;
use crate::{Exact, Fault, Text};

/// What a rule does, the stricter after the milder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// One may enter.
    Allow,
    /// One may enter who pays.
    Fee,
    /// One may enter who has one of the rule's permits.
    PermitRequired,
    /// One may not enter.
    Prohibit,
}

impl Effect {
    /// All of them, by the words of regulations.
    pub const WORDS: [(&str, Self); 4] = [
        ("allow", Self::Allow),
        ("fee", Self::Fee),
        ("permit_required", Self::PermitRequired),
        ("prohibit", Self::Prohibit),
    ];
}

/// One rule for one or several zones.
#[derive(Debug, Clone, Serialize)]
pub struct Rule {
    /// Its id within the regulation.
    pub id: String,
    /// What people read of it.
    pub title: Option<Text>,
    /// Codes of its zones.
    pub zones: BTreeSet<String>,
    /// What it does.
    pub effect: Effect,
    /// When it holds; or what was written instead.
    pub schedule: Result<Schedule, Unreadable>,
    /// Vehicles that it is about.
    pub vehicles: VehicleFilter,
    /// Users that it is about.
    pub users: UserFilter,
    /// Of rules that contradict each other the higher one counts.
    pub priority: u64,
    /// Permits (or receipts of a fee) with which one may enter.
    pub permits: BTreeSet<String>,
    /// The order that it comes from.
    pub order: Option<String>,
    /// First day.
    pub valid_from: Option<NaiveDate>,
    /// Last day, which counts.
    pub valid_to: Option<NaiveDate>,
}

/// What an order does to a rule for some time, whatever the rule's hours.
#[derive(Debug, Clone, Serialize)]
pub struct Exception {
    /// Its id within the regulation.
    pub id: String,
    /// The rule, whose zones, vehicles, users and priority are its own.
    pub rule: String,
    /// What it does.
    pub effect: Effect,
    /// From when on, by the clock.
    pub from: NaiveDateTime,
    /// Until when, by the clock; that moment does not count.
    pub to: NaiveDateTime,
    /// Hours within that time; always, where there are none.
    pub schedule: Option<Result<Schedule, Unreadable>>,
    /// Permits with which one may enter.
    pub permits: BTreeSet<String>,
    /// The order.
    pub order: String,
}

/// A type of permit: its holders and their plates are known to others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Permit {
    /// Its code.
    pub code: String,
    /// Its name.
    pub title: Text,
    /// Where one gets it.
    pub url: Option<String>,
    /// What it costs, in euro.
    pub cost_eur: Option<Exact>,
    /// How many days it lasts at most.
    pub max_days: Option<u64>,
}

/// A class of users that rules name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UserClass {
    /// Its code.
    pub code: String,
    /// Its name.
    pub title: Text,
    /// Whether it means those who live in the zone.
    pub of_zone: bool,
}

/// The rules of zones.
#[derive(Debug, Clone, Serialize)]
pub struct Regulation {
    /// Its id.
    pub id: String,
    /// Its name.
    pub title: Text,
    /// The act.
    pub act: String,
    /// First day.
    pub valid_from: NaiveDate,
    /// Last day, which counts.
    pub valid_to: Option<NaiveDate>,
    /// The layer with its zones.
    pub layer: String,
    /// The layer with their gates.
    pub gates: Option<String>,
    /// Holidays.
    pub calendar: Calendar,
    /// Classes of users, by code.
    pub users: BTreeMap<String, UserClass>,
    /// Types of permits, by code.
    pub permits: BTreeMap<String, Permit>,
    /// The rules, by id.
    pub rules: Vec<Rule>,
    /// The exceptions, by id.
    pub exceptions: Vec<Exception>,
}

impl Regulation {
    /// SHA-256 of all that it says, its holidays too. Comments and the order in a file do not alter it.
    pub fn sha256(&self) -> String {
        hash_of(self)
    }

    /// What nobody could read: rule or exception, and its schedule.
    pub fn unreadable(&self) -> impl Iterator<Item = (&str, &Unreadable)> {
        let rules = self.rules.iter().filter_map(|rule| Some((rule.id.as_str(), rule.schedule.as_ref().err()?)));
        let exceptions = self.exceptions.iter().filter_map(|exception| {
            Some((exception.id.as_str(), exception.schedule.as_ref().and_then(|it| it.as_ref().err())?))
        });
        rules.chain(exceptions)
    }

    /// Codes of all zones that it names.
    pub fn zones(&self) -> BTreeSet<&str> {
        self.rules.iter().flat_map(|rule| rule.zones.iter().map(String::as_str)).collect()
    }
}

/// The regulations of an office, each once with its hash.
#[derive(Debug, Clone, Default)]
pub struct Regulations(Vec<(Arc<Regulation>, String)>);

impl Regulations {
    /// Puts regulations and calendars together. What names a calendar that is not there is not used, and told.
    pub fn new(drafts: Vec<Draft>, calendars: Vec<(String, Calendar)>) -> (Self, Vec<Fault>) {
        let mut faults = Vec::new();
        let mut known: BTreeMap<String, Calendar> = BTreeMap::new();
        for (file, calendar) in calendars {
            if known.contains_key(&calendar.code) {
                faults.push(twice(&file, "calendar", &calendar.code));
                continue;
            }
            known.insert(calendar.code.clone(), calendar);
        }
        let mut regulations: Vec<(Arc<Regulation>, String)> = Vec::new();
        for draft in drafts {
            let calendar = match &draft.calendar {
                None => Some(Calendar::default()),
                Some(code) => known.get(code).cloned(),
            };
            let Some(calendar) = calendar else {
                let code = draft.calendar.as_deref().unwrap_or_default();
                let text = Text::new(
                    format!("non c’è un calendario «{code}» senza errori"),
                    format!("there is no calendar “{code}” without faults"),
                );
                faults.push(draft.fault("calendar", "unknown-calendar", text));
                continue;
            };
            if regulations.iter().any(|(other, _)| other.id == draft.regulation.id) {
                faults.push(twice(&draft.file, "id", &draft.regulation.id));
                continue;
            }
            let regulation = draft.regulation.by(calendar);
            let hash = regulation.sha256();
            regulations.push((Arc::new(regulation), hash));
        }
        regulations.sort_by(|a, b| a.0.id.cmp(&b.0.id));
        faults.sort();
        (Self(regulations), faults)
    }

    /// All of them, by id.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Regulation>> {
        self.0.iter().map(|(regulation, _)| regulation)
    }

    /// All of them with their hashes.
    pub(super) fn hashed(&self) -> &[(Arc<Regulation>, String)] {
        &self.0
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Ids of the layers that they look for zones in.
    pub fn layers(&self) -> BTreeSet<&str> {
        self.all().map(|regulation| regulation.layer.as_str()).collect()
    }

    /// Classes of users that some regulation names, by code.
    pub fn users(&self) -> BTreeMap<&str, &Text> {
        self.all().flat_map(|it| it.users.values()).map(|class| (class.code.as_str(), &class.title)).collect()
    }

    /// Types of permits that some regulation names, by code.
    pub fn permits(&self) -> BTreeMap<&str, &Permit> {
        self.all().flat_map(|it| it.permits.values()).map(|permit| (permit.code.as_str(), permit)).collect()
    }
}

impl Regulation {
    fn by(mut self, calendar: Calendar) -> Self {
        let place = |schedule: Result<Schedule, Unreadable>| schedule.map(|schedule| schedule.by(&calendar));
        self.rules = self.rules.into_iter().map(|rule| Rule { schedule: place(rule.schedule), ..rule }).collect();
        let exceptions = self.exceptions.into_iter();
        self.exceptions = exceptions.map(|it| Exception { schedule: it.schedule.map(place), ..it }).collect();
        self.calendar = calendar;
        self
    }
}

fn twice(file: &str, field: &str, code: &str) -> Fault {
    Fault {
        file: file.to_owned(),
        line: 0,
        field: field.to_owned(),
        rule: "duplicate-code".to_owned(),
        text: Text::new(format!("«{code}» c’è già in un altro file"), format!("“{code}” is in another file already")),
    }
}
