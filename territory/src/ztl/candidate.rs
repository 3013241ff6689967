//! Rules and exceptions as they bear on one question, in one zone.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::ops::Range;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

use super::answer::Access;
use super::clock::{ahead, stretches};
use super::filter::Match;
use super::question::{Question, ZoneAt};
use super::regulation::{Effect, Exception, Regulation, Rule};
use super::schedule::{Schedule, Unreadable, begin_of};

/// Stretches of time, in order and apart from each other.
pub(super) type Stretches = Vec<Range<DateTime<Utc>>>;

/// A rule, or what an exception makes of it.
pub(super) struct Candidate<'a> {
    pub regulation: &'a Regulation,
    pub rule: &'a Rule,
    pub exception: Option<&'a Exception>,
    /// Parameters that would say whether it is about who asks; none: it is.
    pub open: BTreeSet<&'static str>,
}

impl<'a> Candidate<'a> {
    /// All that may bear on the question in a zone, what counts more first.
    pub fn all(regulation: &'a Regulation, zone: &str, question: &Question) -> Vec<Self> {
        let of_zone = |class: &str| regulation.users.get(class).is_some_and(|class| class.of_zone);
        let mut found = Vec::new();
        for rule in regulation.rules.iter().filter(|rule| rule.zones.contains(zone)) {
            let users = rule.users.matches(question, zone, of_zone);
            let open = match rule.vehicles.matches(&question.vehicle).and(users) {
                Match::No => continue,
                Match::Yes => BTreeSet::new(),
                Match::Open(open) => open,
            };
            let own = regulation.exceptions.iter().filter(|exception| exception.rule == rule.id).map(Some);
            found.extend(own.chain([None]).map(|exception| Self { regulation, rule, exception, open: open.clone() }));
        }
        found
    }

    /// What counts more is less: exceptions, then priority, then the filter that names more, then the stricter effect.
    pub fn rank(&self) -> impl Ord + use<'a> {
        let constraints = self.rule.vehicles.constraints() + self.rule.users.constraints();
        // Of two filters of kinds the one that names fewer is about less.
        let kinds = self.rule.vehicles.categories.len();
        (
            Reverse(self.exception.is_some()),
            Reverse(self.rule.priority),
            Reverse(constraints),
            kinds,
            Reverse(self.effect()),
            self.regulation.id.as_str(),
            self.id(),
        )
    }

    pub fn id(&self) -> &'a str {
        self.exception.map_or(self.rule.id.as_str(), |exception| exception.id.as_str())
    }

    pub fn effect(&self) -> Effect {
        self.exception.map_or(self.rule.effect, |exception| exception.effect)
    }

    pub fn permits(&self) -> &'a BTreeSet<String> {
        self.exception.map_or(&self.rule.permits, |exception| &exception.permits)
    }

    pub fn schedule(&self) -> Option<&'a Result<Schedule, Unreadable>> {
        match self.exception {
            Some(exception) => exception.schedule.as_ref(),
            None => Some(&self.rule.schedule),
        }
    }

    pub fn unreadable(&self) -> Option<&'a Unreadable> {
        self.schedule().and_then(|schedule| schedule.as_ref().err())
    }

    /// Whether it holds for sure wherever it may hold.
    pub fn is_certain(&self) -> bool {
        self.open.is_empty() && self.unreadable().is_none()
    }

    /// What one may do where it counts.
    pub fn access(&self, question: &Question) -> Access {
        let has_permit = !self.permits().is_disjoint(&question.permits);
        match self.effect() {
            Effect::Allow => Access::Yes,
            Effect::Fee | Effect::PermitRequired if has_permit => Access::Yes,
            Effect::Fee => Access::WithFee,
            Effect::PermitRequired => Access::WithPermit,
            Effect::Prohibit => Access::No,
        }
    }

    /// When within [from, to) it holds, or may hold where nobody can read its hours.
    pub fn holds(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Stretches {
        let (rule, regulation) = (self.rule, self.regulation);
        let mut held = days(regulation.valid_from.into(), after(regulation.valid_to), from, to);
        match self.exception {
            Some(exception) => held = both(&held, &by_clock(Some(exception.from), Some(exception.to), from, to)),
            None => held = both(&held, &days(rule.valid_from, after(rule.valid_to), from, to)),
        }
        match self.schedule() {
            Some(Ok(schedule)) if !held.is_empty() => both(&held, &schedule.within(from, to)),
            _ => held,
        }
    }
}

/// When within [from, to) a zone is in force.
pub(super) fn in_force(zone: &ZoneAt, from: DateTime<Utc>, to: DateTime<Utc>) -> Stretches {
    days(zone.valid_from, zone.valid_to, from, to)
}

/// When within [from, to) a regulation is in force.
pub(super) fn governs(regulation: &Regulation, from: DateTime<Utc>, to: DateTime<Utc>) -> Stretches {
    days(Some(regulation.valid_from), after(regulation.valid_to), from, to)
}

fn after(last: Option<NaiveDate>) -> Option<NaiveDate> {
    last.and_then(|last| last.succ_opt())
}

fn days(first: Option<NaiveDate>, next: Option<NaiveDate>, from: DateTime<Utc>, to: DateTime<Utc>) -> Stretches {
    by_clock(first.map(begin_of), next.map(begin_of), from, to)
}

/// When within [from, to) the clock says `first` or more and less than `next`.
fn by_clock(
    first: Option<NaiveDateTime>,
    next: Option<NaiveDateTime>,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Stretches {
    if first.is_none() && next.is_none() {
        return vec![from..to];
    }
    let mut found: Stretches = Vec::new();
    for (begin, end) in stretches(from, to) {
        let ahead = ahead(begin);
        let low = first.map_or(begin, |first| (first.and_utc() - ahead).max(begin));
        let high = next.map_or(end, |next| (next.and_utc() - ahead).min(end));
        match found.last_mut() {
            Some(last) if last.end == low && low < high => last.end = high,
            _ if low < high => found.push(low..high),
            _ => {}
        }
    }
    found
}

/// Where both hold.
pub(super) fn both(a: &Stretches, b: &Stretches) -> Stretches {
    let (mut found, mut i, mut j) = (Vec::new(), 0, 0);
    while let (Some(one), Some(other)) = (a.get(i), b.get(j)) {
        let (begin, end) = (one.start.max(other.start), one.end.min(other.end));
        if begin < end {
            found.push(begin..end);
        }
        if one.end < other.end {
            i += 1;
        } else {
            j += 1;
        }
    }
    found
}

/// Whether a moment is in one of the stretches.
pub(super) fn covers(stretches: &Stretches, at: DateTime<Utc>) -> bool {
    let next = stretches.partition_point(|stretch| stretch.start <= at);
    next > 0 && at < stretches[next - 1].end
}
