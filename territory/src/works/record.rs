//! A work as the register has it.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::decimal::{Cents, Percent};
use crate::FeatureRef;

/// A work.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Record {
    /// The feature.
    pub feature: FeatureRef,
    /// *Codice unico di progetto*.
    pub cup: Option<String>,
    /// The first contract's *codice identificativo gara*.
    pub cig: Option<String>,
    /// Its title.
    pub title: String,
    /// The phase that it is in.
    pub phase: Option<String>,
    /// Its kind.
    pub kind: Option<String>,
    /// Where the money comes from, in a word.
    pub funding: Option<String>,
    /// The amount, in euro.
    pub amount: Option<Cents>,
    /// What the contracts come to now, in euro.
    pub contract: Option<Cents>,
    /// What was paid, in euro.
    pub paid: Option<Cents>,
    /// Percent of the work that is done.
    pub progress: Option<Percent>,
    /// First day as it was planned at first.
    pub start_planned: Option<NaiveDate>,
    /// Last day as it was planned at first.
    pub end_planned: Option<NaiveDate>,
    /// Last day as it is planned now.
    pub end_expected: Option<NaiveDate>,
    /// The day on which it began.
    pub start_actual: Option<NaiveDate>,
    /// The day on which it ended.
    pub end_actual: Option<NaiveDate>,
    /// Whether it lies nowhere.
    pub placeless: bool,
    /// Phases, contracts and funds, as the register's JSON has them.
    pub parts: Parts,
}

/// Phases, contracts and funds of a work. What cannot be read is its reason.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Parts {
    /// The phases, in their order.
    pub phases: Vec<PhaseDates>,
    /// The contracts.
    pub contracts: Vec<Contract>,
    /// Where the money comes from.
    pub funds: Vec<Fund>,
    /// Fields that are no such JSON.
    pub unread: Vec<String>,
}

/// A phase with its days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhaseDates {
    /// Its code.
    pub phase: String,
    /// The day on which it was to end, as it was planned at first.
    pub planned: Option<NaiveDate>,
    /// As it was planned again, …
    pub replanned: Option<NaiveDate>,
    /// … by which act.
    pub act: Option<String>,
    /// The day on which it ended.
    pub actual: Option<NaiveDate>,
}

/// A contract.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// *Codice identificativo gara*.
    pub cig: String,
    /// What was put to tender, in euro.
    pub base_eur: f64,
    /// What was awarded, in euro.
    pub awarded_eur: f64,
    /// What it comes to now, in euro.
    pub current_eur: f64,
    /// States of progress (*stati di avanzamento lavori*).
    #[serde(default)]
    pub sal: Vec<Sal>,
}

/// A state of progress.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sal {
    /// Its number, from 1.
    pub n: u32,
    /// Its day.
    pub date: NaiveDate,
    /// What was acknowledged with it, in euro.
    pub amount_eur: f64,
    /// Percent that is done by then.
    pub physical_pct: f64,
}

/// Money from a source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fund {
    /// The source.
    pub source: String,
    /// The year.
    pub year: i32,
    /// In euro.
    pub amount_eur: f64,
}

impl Parts {
    /// Of the three fields, each a JSON list or empty.
    pub fn read(phases: Option<&str>, contracts: Option<&str>, funds: Option<&str>) -> Self {
        let mut unread = Vec::new();
        Self {
            phases: list("phases", phases, &mut unread),
            contracts: list("contracts", contracts, &mut unread),
            funds: list("funds", funds, &mut unread),
            unread,
        }
    }
}

fn list<T: for<'a> Deserialize<'a>>(name: &str, text: Option<&str>, unread: &mut Vec<String>) -> Vec<T> {
    let Some(text) = text.filter(|text| !text.trim().is_empty()) else { return Vec::new() };
    serde_json::from_str(text).unwrap_or_else(|_| {
        unread.push(name.to_owned());
        Vec::new()
    })
}
