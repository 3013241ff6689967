//! What the national registers of public investment say of works, by CUP: files of `OpenCUP` and of the treasury's monitoring of
//! public works (BDAP-MOP), as they are published: comma-separated in some way, in UTF-8 or Latin-1, projects in one file and
//! the municipalities that they lie in often in another. Tax codes, which the files have too, are never read.

mod columns;
mod read;
mod values;

use std::collections::{BTreeMap, BTreeSet};

use chrono::NaiveDate;
use serde::Serialize;

use super::decimal::Cents;

pub use read::{MAX_PROJECTS, Reading, read};

/// A national register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Source {
    /// That of all codes.
    #[serde(rename = "opencup")]
    OpenCup,
    /// The treasury's monitoring of public works.
    #[serde(rename = "bdap-mop")]
    Mop,
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Projects.
    Projects,
    /// The municipalities that projects lie in.
    Places,
}

/// A project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Project {
    /// Which register says so.
    pub source: Source,
    /// *Codice unico di progetto*.
    pub cup: String,
    /// What it is.
    pub title: Option<String>,
    /// How it stands, in the register's word.
    pub state: Option<String>,
    /// The body whose project it is.
    pub holder: Option<String>,
    /// Its sector.
    pub sector: Option<String>,
    /// The year of the decision.
    pub year: Option<i32>,
    /// What it is to cost, in euro.
    pub cost_eur: Option<Cents>,
    /// What it has cost so far, in euro.
    pub actual_cost_eur: Option<Cents>,
    /// What of it is paid for by others, in euro.
    pub funding_eur: Option<Cents>,
    /// When the works were to begin, …
    pub start_planned: Option<NaiveDate>,
    /// … and to end.
    pub end_planned: Option<NaiveDate>,
    /// When they began, …
    pub start_actual: Option<NaiveDate>,
    /// … and ended.
    pub end_actual: Option<NaiveDate>,
}

/// Projects of all files, and where they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct National {
    projects: BTreeMap<String, Vec<Project>>,
    places: BTreeMap<String, BTreeSet<String>>,
}

impl National {
    /// Whether no project is known.
    pub fn is_empty(&self) -> bool {
        self.projects.is_empty()
    }

    /// How many projects are known.
    pub fn len(&self) -> usize {
        self.projects.len()
    }

    /// What is said of a project, by register; nothing where none knows it.
    pub fn of(&self, cup: &str) -> &[Project] {
        self.projects.get(cup).map_or(&[], Vec::as_slice)
    }

    /// The municipalities that a project lies in, by their codes of six digits (ISTAT); none where the files do not say.
    pub fn places(&self, cup: &str) -> Option<&BTreeSet<String>> {
        self.places.get(cup)
    }

    /// All codes, in order.
    pub fn cups(&self) -> impl Iterator<Item = &str> {
        self.projects.keys().map(String::as_str)
    }

    /// What a file says besides: of a project that its register has told about already, only further places.
    fn add(&mut self, project: Project) {
        let told = self.projects.entry(project.cup.clone()).or_default();
        if told.iter().all(|it| it.source != project.source) {
            told.push(project);
            told.sort_by_key(|it| it.source);
        }
    }

    fn place(&mut self, cup: &str, municipality: String) {
        self.places.entry(cup.to_owned()).or_default().insert(municipality);
    }
}

#[cfg(test)]
mod tests;
