//! Questions to the index.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::entry::{Found, Kind, Quality, Spot};
use crate::grammar::{Reading, readings};
use crate::houses::{Answer, Houses};
use crate::index::{SearchIndex, Shared, Slot, What};
use crate::matching::{Match, compare};
use crate::names::Failed;

/// Share of what was asked for that has to be there.
const LEAST: f32 = 0.5;
/// How much worse than the best an answer may be.
const COMPARABLE: f32 = 0.55;
/// What the number is worth that somebody asked for and a thing cannot have.
const WITHOUT_NUMBER: f32 = 0.62;
/// What being near is worth.
const NEARNESS: f32 = 0.12;
/// What the order of kinds is worth.
const PRECEDENCE: f32 = 0.05;
/// Features of one layer with the same name that are told.
const SAME_NAME: usize = 3;
/// Degrees by which a street may lie beside the houses that bear its name.
const BESIDE: f64 = 0.003;

/// A question.
#[derive(Debug, Clone, Default)]
pub struct Ask<'a> {
    /// What was typed.
    pub text: &'a str,
    /// It is still being typed.
    pub open: bool,
    /// Every word that tells names apart has to be there.
    pub strict: bool,
    /// Answers at most.
    pub limit: usize,
    /// Only these kinds; all of them when empty.
    pub kinds: &'a [Kind],
    /// Only these layers.
    pub layers: Option<&'a [String]>,
    /// Where the caller is, in degrees.
    pub near: Option<[f64; 2]>,
    /// Only what lies there: west, south, east, north in degrees.
    pub bbox: Option<[f64; 4]>,
}

impl SearchIndex {
    /// Answers, the best first.
    ///
    /// # Errors
    /// When the index cannot be read.
    pub fn ask(&self, ask: &Ask<'_>) -> Result<Vec<Found>, Failed> {
        self.ask_by(ask, &readings(ask.text, ask.open))
    }

    /// As [`Self::ask`], where it is known what the text means.
    ///
    /// # Errors
    /// As [`Self::ask`].
    pub fn ask_by(&self, ask: &Ask<'_>, readings: &[Reading]) -> Result<Vec<Found>, Failed> {
        let mut hits = Hits::default();
        let mut found_all = false;
        for reading in readings {
            let proposed = self.names.propose(reading, ask.near, false)?;
            found_all |= hits.judge(&self.read(), ask, reading, &proposed);
        }
        // What is there as it was written needs no guesses; they take longer.
        for reading in readings {
            if found_all {
                break;
            }
            let proposed = self.names.propose(reading, ask.near, true)?;
            found_all = hits.judge(&self.read(), ask, reading, &proposed);
        }
        Ok(hits.best(ask))
    }
}

/// An answer that has not been compared with the others.
#[derive(Debug, Clone)]
struct Hit {
    found: Found,
    /// The words of its name.
    name: Arc<str>,
    rank: f32,
}

/// By layer, feature and street: what is found twice is told once.
type Identity = (Arc<str>, Option<i64>, Option<(Arc<str>, Arc<str>)>);

#[derive(Debug, Default)]
struct Hits {
    by_identity: FxHashMap<Identity, Hit>,
}

impl Hits {
    /// Compares what was proposed; true when something has all the words, or words like them where those were proposed.
    fn judge(&mut self, shared: &Shared, ask: &Ask<'_>, reading: &Reading, proposed: &[u32]) -> bool {
        let mut found_all = false;
        for slot in proposed {
            let Some(slot) = shared.slots.get(*slot as usize).and_then(Option::as_ref) else { continue };
            if ask.layers.is_some_and(|layers| layers.iter().all(|layer| **layer != *slot.layer)) {
                continue;
            }
            let matched = compare(&reading.words, reading.open_word, &slot.name, &slot.beside);
            if matched.asked < LEAST || matched.whole <= 0.0 || !matched.named || (ask.strict && matched.missing > 0) {
                continue;
            }
            found_all |= matched.missing == 0;
            match (&slot.what, &reading.number) {
                (What::Feature(id, spot), number) => {
                    self.feature(ask, slot, *id, *spot, matched, number.is_some());
                }
                (What::Houses(houses), None) => self.street(ask, slot, houses, matched, Quality::Exact),
                (What::Houses(houses), Some(number)) => {
                    for answer in houses.answer(number, reading.open_number) {
                        self.house(ask, slot, &answer, matched);
                    }
                }
            }
        }
        found_all
    }

    fn feature(&mut self, ask: &Ask<'_>, slot: &Slot, id: i64, spot: Spot, matched: Match, numbered: bool) {
        let (quality, share) = match (slot.kind, numbered) {
            (Kind::Street, true) => (Quality::Street, WITHOUT_NUMBER),
            (_, true) => (Quality::Similar, WITHOUT_NUMBER * 0.9),
            (_, false) => (Quality::Exact, 1.0),
        };
        let quality = worse(quality, matched);
        self.add(ask, slot, (Some(id), slot.kind, quality), matched.score * share, spot, None);
    }

    fn street(&mut self, ask: &Ask<'_>, slot: &Slot, houses: &Houses, matched: Match, quality: Quality) {
        let Some(at) = houses.middle() else { return };
        let spot = Spot { at, bbox: houses.bbox() };
        let street = Some((Arc::clone(&houses.street), Arc::clone(&houses.district)));
        self.add(ask, slot, (None, slot.kind, worse(quality, matched)), matched.score, spot, street);
    }

    fn house(&mut self, ask: &Ask<'_>, slot: &Slot, answer: &Answer, matched: Match) {
        let spot = Spot { at: answer.at, bbox: None };
        let quality = worse(answer.quality, matched);
        self.add(ask, slot, (Some(answer.id), Kind::Address, quality), matched.score * answer.share, spot, None);
    }

    fn add(
        &mut self,
        ask: &Ask<'_>,
        slot: &Slot,
        (id, kind, quality): (Option<i64>, Kind, Quality),
        score: f32,
        spot: Spot,
        street: Option<(Arc<str>, Arc<str>)>,
    ) {
        if !ask.kinds.is_empty() && !ask.kinds.contains(&kind) {
            return;
        }
        if ask.bbox.is_some_and(|bbox| !meets(bbox, &spot)) {
            return;
        }
        let distance_m = ask.near.map(|near| distance_m(near, &spot));
        let nearness = distance_m.map_or(0.0, |metres| NEARNESS / (1.0 + metres as f32 / 1000.0));
        let rank = PRECEDENCE.mul_add(kind.precedence(), score) + nearness;
        let identity = (Arc::clone(&slot.layer), id, street.clone());
        let found = Found { layer: Arc::clone(&slot.layer), id, kind, quality, score, spot, distance_m, street };
        let hit = Hit { found, name: Arc::from(&*slot.name), rank };
        match self.by_identity.entry(identity) {
            std::collections::hash_map::Entry::Vacant(entry) => {
                entry.insert(hit);
            }
            std::collections::hash_map::Entry::Occupied(mut entry) if entry.get().rank < rank => {
                entry.insert(hit);
            }
            std::collections::hash_map::Entry::Occupied(_) => {}
        }
    }

    fn best(self, ask: &Ask<'_>) -> Vec<Found> {
        let mut hits: Vec<Hit> = self.by_identity.into_values().collect();
        join_streets(&mut hits);
        hits.sort_by(|a, b| {
            let by_id = || (&a.found.layer, a.found.id).cmp(&(&b.found.layer, b.found.id));
            b.rank.total_cmp(&a.rank).then(a.found.quality.cmp(&b.found.quality)).then_with(by_id)
        });
        let least = hits.iter().map(|hit| hit.found.score).fold(0.0, f32::max) * COMPARABLE;
        let mut same: FxHashMap<(Arc<str>, Arc<str>), usize> = FxHashMap::default();
        hits.retain(|hit| {
            let count = same.entry((Arc::clone(&hit.found.layer), Arc::clone(&hit.name))).or_default();
            *count += 1;
            hit.found.score >= least && (hit.found.kind != Kind::Feature || *count <= SAME_NAME)
        });
        hits.truncate(ask.limit);
        hits.into_iter().map(|hit| hit.found).collect()
    }
}

/// A street that has a line or a surface of its own is that one, and not its houses; it is as good as those are, whose
/// district is known.
fn join_streets(hits: &mut Vec<Hit>) {
    let mut drawn: FxHashMap<Arc<str>, Vec<usize>> = FxHashMap::default();
    for (place, hit) in hits.iter().enumerate() {
        if hit.found.id.is_some() && matches!(hit.found.kind, Kind::Street | Kind::Place) {
            drawn.entry(Arc::clone(&hit.name)).or_default().push(place);
        }
    }
    let mut gone = FxHashSet::default();
    for place in 0..hits.len() {
        let known_by_houses = &hits[place];
        let (found, rank) = (&known_by_houses.found, known_by_houses.rank);
        if found.id.is_some() {
            continue;
        }
        let (score, quality, kind) = (found.score, found.quality, found.kind);
        let around = found.spot.bbox.map(|[w, s, e, n]| [w - BESIDE, s - BESIDE, e + BESIDE, n + BESIDE]);
        for other in drawn.get(&known_by_houses.name).into_iter().flatten().copied().collect::<Vec<_>>() {
            let hit = &mut hits[other];
            let is_there = kind == Kind::Place || around.is_none_or(|around| meets(around, &hit.found.spot));
            if hit.found.kind == kind && is_there {
                gone.insert(place);
                if hit.found.score < score {
                    (hit.found.score, hit.found.quality, hit.rank) = (score, quality, hit.rank.max(rank));
                }
            }
        }
    }
    let mut place = 0;
    hits.retain(|_| {
        place += 1;
        !gone.contains(&(place - 1))
    });
}

/// What a thing is at best whose name is like this.
fn worse(quality: Quality, matched: Match) -> Quality {
    let of_name = if matched.is_literal() {
        Quality::Exact
    } else if matched.begun && !matched.similar && matched.missing == 0 {
        Quality::Completed
    } else {
        Quality::Similar
    };
    quality.max(of_name)
}

fn meets([west, south, east, north]: [f64; 4], spot: &Spot) -> bool {
    let [w, s, e, n] = spot.bbox.unwrap_or([spot.at[0], spot.at[1], spot.at[0], spot.at[1]]);
    w <= east && e >= west && s <= north && n >= south
}

/// Metres to the nearest place of a thing, as far as its box tells; good to some per cent, which is enough to rank.
fn distance_m([lon, lat]: [f64; 2], spot: &Spot) -> f64 {
    let [w, s, e, n] = spot.bbox.unwrap_or([spot.at[0], spot.at[1], spot.at[0], spot.at[1]]);
    let (x, y) = (lon - lon.clamp(w.min(e), e.max(w)), lat - lat.clamp(s.min(n), n.max(s)));
    (x * lat.to_radians().cos()).hypot(y) * 111_195.0
}
