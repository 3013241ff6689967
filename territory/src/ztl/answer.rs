//! What is answered.

use std::collections::BTreeSet;

use chrono::NaiveDate;
use serde::Serialize;

use super::regulation::{Effect, Permit};
use crate::text::Warning;
use crate::{FeatureRef, Text};

/// Whether one may enter, the better before the worse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Access {
    /// Yes.
    Yes,
    /// After paying.
    WithFee,
    /// With a permit.
    WithPermit,
    /// It hangs on what the question leaves open.
    Depends,
    /// Nobody can say: a rule cannot be read, or a zone has none.
    Unknown,
    /// No.
    No,
}

impl Access {
    /// As answers write it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::WithFee => "with_fee",
            Self::WithPermit => "with_permit",
            Self::Depends => "depends",
            Self::Unknown => "unknown",
            Self::No => "no",
        }
    }
}

/// An instant, in UTC and by the clock of Italy with its difference to UTC.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// In UTC (RFC 3339).
    pub utc: String,
    /// By the clock of Italy (RFC 3339).
    pub local: String,
}

/// The answer.
#[derive(Debug, Clone, Serialize)]
pub struct Answer {
    /// Whether one may enter: the worst of all zones that are in force there.
    pub access: Access,
    /// Parameters that would say more, where it hangs on them.
    pub needs: BTreeSet<&'static str>,
    /// The moment that was asked about.
    pub instant: Moment,
    /// The zones in force there.
    pub zones: Vec<ZoneAnswer>,
    /// When `access` will be another, and what; none where it stays as it is until `searched_until`.
    pub next_change: Option<Change>,
    /// How far was looked.
    pub searched_until: Moment,
    /// Permits of which one alone would do for all zones.
    pub permits: Vec<Permit>,
    /// The days from that of the moment on, without gaps.
    pub timeline: Vec<Span>,
    /// What somebody should look at.
    pub warnings: Vec<Warning>,
    /// The rules that it rests on.
    pub rules: Rules,
}

/// A change of what holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// From when on.
    pub at: Moment,
    /// What holds from then on.
    pub access: Access,
}

/// A zone in force at the place.
#[derive(Debug, Clone, Serialize)]
pub struct ZoneAnswer {
    /// Its layer.
    pub layer: String,
    /// Its code.
    pub code: String,
    /// Its name.
    pub name: String,
    /// What kind of zone it is.
    pub kind: Option<Text>,
    /// The feature.
    pub feature: FeatureRef,
    /// Whether one may enter it.
    pub access: Access,
    /// Parameters that would say more.
    pub needs: BTreeSet<&'static str>,
    /// The rule that counts; none where no rule holds now, or where nobody can say.
    pub decisive: Option<Decisive>,
    /// Rules that hold too, or might, in the order in which they would count.
    pub others: Vec<Other>,
    /// Permits with which one may enter this zone.
    pub permits: Vec<Permit>,
}

/// The rule that counts.
#[derive(Debug, Clone, Serialize)]
pub struct Decisive {
    /// The regulation.
    pub regulation: String,
    /// The rule's id.
    pub rule: String,
    /// The exception by which it is altered.
    pub exception: Option<String>,
    /// What people read of it.
    pub title: Option<Text>,
    /// What it does.
    pub effect: Effect,
    /// Its hours, as they are written.
    pub schedule: Option<String>,
    /// The order that it comes from, or else the regulation's act.
    pub order: String,
    /// Since when it holds; none where that is more than eight days ago.
    pub from: Option<Moment>,
    /// Until when it holds; none where that is more than eight days ahead.
    pub to: Option<Moment>,
}

/// A rule that holds or might, and does not count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Other {
    /// The regulation.
    pub regulation: String,
    /// The rule's or exception's id.
    pub rule: String,
    /// What it does.
    pub effect: Effect,
    /// Whether it holds for sure.
    pub certain: bool,
}

/// A stretch of time in which the same holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Span {
    /// From when on.
    pub from: Moment,
    /// Until when; that moment does not count.
    pub to: Moment,
    /// Whether one may enter.
    pub access: Access,
    /// The rules and exceptions that count, one of each zone at most.
    pub rules: Vec<String>,
}

/// The rules that an answer rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rules {
    /// The way in which rules are read, with its version.
    pub engine: &'static str,
    /// The regulations that name one of the zones.
    pub regulations: Vec<UsedRegulation>,
    /// SHA-256 of the question.
    pub question_sha256: String,
}

/// A regulation that was used.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UsedRegulation {
    /// Its id.
    pub id: String,
    /// The act.
    pub act: String,
    /// First day.
    pub valid_from: NaiveDate,
    /// Last day.
    pub valid_to: Option<NaiveDate>,
    /// SHA-256 of all that it says, holidays too.
    pub sha256: String,
}
