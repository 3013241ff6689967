//! What holds from moment to moment.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::answer::Access;
use super::candidate::{Candidate, Stretches, covers, governs, in_force};
use super::question::{Question, ZoneAt};
use super::regulation::Regulation;

/// A zone with what may bear on the question, what counts more first.
pub(super) struct Governed<'a> {
    pub zone: &'a ZoneAt,
    pub regulations: Vec<&'a Regulation>,
    pub candidates: Vec<Candidate<'a>>,
}

/// What holds in a zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct State {
    pub access: Access,
    pub needs: BTreeSet<&'static str>,
    /// The candidate that counts.
    pub decisive: Option<usize>,
}

/// A stretch of time in which the same holds: for each zone that is in force, what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stretch {
    pub from: DateTime<Utc>,
    pub to: DateTime<Utc>,
    pub access: Access,
    pub zones: Vec<Option<State>>,
}

/// When things hold within a window.
struct Held {
    in_force: Stretches,
    governed: Vec<Stretches>,
    candidates: Vec<Stretches>,
}

/// Zones at a place, and a question about them.
pub(super) struct Scene<'a> {
    pub zones: Vec<Governed<'a>>,
    pub question: &'a Question,
    /// Whether zones may lie there that nobody could look for.
    pub is_blind: bool,
}

impl Scene<'_> {
    /// What holds within [from, to), without gaps.
    pub fn line(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<Stretch> {
        let held: Vec<Held> = self.zones.iter().map(|zone| zone.held(from, to)).collect();
        let mut ends: Vec<DateTime<Utc>> = vec![from, to];
        for stretch in held.iter().flat_map(Held::stretches).flatten() {
            ends.extend([stretch.start, stretch.end]);
        }
        ends.sort_unstable();
        ends.dedup();
        let best = if self.is_blind { Access::Unknown } else { Access::Yes };
        let mut line: Vec<Stretch> = Vec::new();
        for pair in ends.windows(2) {
            let states: Vec<Option<State>> =
                self.zones.iter().zip(&held).map(|(zone, held)| zone.state(held, self.question, pair[0])).collect();
            let access = states.iter().flatten().map(|state| state.access).fold(best, Access::max);
            match line.last_mut() {
                Some(last) if last.zones == states => last.to = pair[1],
                _ => line.push(Stretch { from: pair[0], to: pair[1], access, zones: states }),
            }
        }
        line
    }

    /// What holds at a moment.
    pub fn moment(&self, at: DateTime<Utc>) -> Stretch {
        // A line over some time has a beginning.
        self.line(at, at + TimeDelta::seconds(1)).swap_remove(0)
    }
}

impl Held {
    fn stretches(&self) -> impl Iterator<Item = &Stretches> {
        std::iter::once(&self.in_force).chain(&self.governed).chain(&self.candidates)
    }
}

impl Governed<'_> {
    fn held(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Held {
        Held {
            in_force: in_force(self.zone, from, to),
            governed: self.regulations.iter().map(|regulation| governs(regulation, from, to)).collect(),
            candidates: self.candidates_held(from, to),
        }
    }

    fn candidates_held(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<Stretches> {
        let mut held = Vec::with_capacity(self.candidates.len());
        let mut is_decided = false;
        for candidate in &self.candidates {
            // Below a rule that holds all the time nothing counts.
            let stretches = if is_decided { Stretches::new() } else { candidate.holds(from, to) };
            is_decided |= candidate.is_certain() && matches!(stretches.as_slice(), [all] if *all == (from..to));
            held.push(stretches);
        }
        held
    }

    /// What holds at a moment; nothing where the zone is not in force.
    fn state(&self, held: &Held, question: &Question, at: DateTime<Utc>) -> Option<State> {
        if !covers(&held.in_force, at) {
            return None;
        }
        if !held.governed.iter().any(|stretches| covers(stretches, at)) {
            return Some(State { access: Access::Unknown, needs: BTreeSet::new(), decisive: None });
        }
        let holding = (0..self.candidates.len()).filter(|i| covers(&held.candidates[*i], at));
        Some(self.decided(holding, question))
    }

    /// Of what holds or may hold, what counts more first.
    fn decided(&self, holding: impl Iterator<Item = usize>, question: &Question) -> State {
        let (mut decisive, mut maybe) = (None, Vec::new());
        for i in holding {
            if self.candidates[i].is_certain() {
                decisive = Some(i);
                break;
            }
            maybe.push(i);
        }
        let access = decisive.map_or(Access::Yes, |i| self.candidates[i].access(question));
        // What might count before it and says the same does not matter.
        maybe.retain(|i| self.candidates[*i].access(question) != access);
        if maybe.is_empty() {
            return State { access, needs: BTreeSet::new(), decisive };
        }
        let needs = maybe.iter().flat_map(|i| self.candidates[*i].open.iter().copied()).collect();
        let is_unread = maybe.iter().any(|i| self.candidates[*i].unreadable().is_some());
        State { access: if is_unread { Access::Unknown } else { Access::Depends }, needs, decisive: None }
    }
}
