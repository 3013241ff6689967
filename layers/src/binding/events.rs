//! From the log to the features that may be concerned.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::NaiveDate;
use rustc_hash::FxHashMap;

use super::rule::Rule;
use super::sides::Sides;
use crate::cache::{BaseBuilder, CoordinateGrid, Footprint, RowRef, Snapshot, Validity, WorldBox};
use crate::feature::{FeatureId, StoredFeature};
use crate::log::{Operation, Reason, Seq};
use crate::query::units_per_metre;
use crate::store::{BindingState, Store, StoreError};

/// Changes that are read from the log at a time.
const PAGE: usize = 10_000;
/// Features of one layer that changed past which all are looked at anew.
const MANY: usize = 50_000;

/// What a binding answers to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Event {
    pub layer: String,
    pub id: Option<FeatureId>,
    pub seq: Seq,
    pub reason: Reason,
}

/// What has to be looked at.
#[derive(Debug, Default)]
pub(super) struct Plan {
    pub events: Vec<Event>,
    /// Of each rule: the event for which every feature is looked at.
    pub whole: Vec<Option<usize>>,
    /// Features and the event of their own, for which all rules are asked.
    pub own: FxHashMap<FeatureId, usize>,
    /// Features, and for some rules the event of the other side.
    pub others: FxHashMap<FeatureId, Vec<(usize, usize)>>,
}

impl Plan {
    /// Everything is looked at, for one reason.
    pub fn whole(sides: &Sides, seq: Seq, reason: Reason) -> Self {
        let layer = sides.bound.definition().id.clone();
        let events = vec![Event { layer, id: None, seq, reason }];
        Self { events, whole: vec![Some(0); sides.rules.len()], ..Self::default() }
    }

    pub fn is_empty(&self) -> bool {
        self.own.is_empty() && self.others.is_empty() && self.whole.iter().all(Option::is_none)
    }

    fn event(&mut self, event: Event) -> usize {
        self.events.push(event);
        self.events.len() - 1
    }
}

/// What happened to the layers of a binding.
#[derive(Default)]
struct Happened {
    /// By layer: the last change of it as a whole.
    whole: BTreeMap<String, (Seq, Reason)>,
    /// By layer and feature.
    features: BTreeMap<String, BTreeMap<FeatureId, (Seq, Operation)>>,
}

/// What the changes after those that the layer is true for, up to `seq`, ask for. Results that are written up to `mine` are
/// those of this very state: they ask for nothing, which results that others wrote of theirs do.
///
/// # Errors
/// When the store cannot be asked.
pub(super) async fn plan<S: Store>(
    store: &S,
    known: &BindingState,
    mine: Seq,
    sides: &Sides,
    seq: Seq,
) -> Result<Plan, StoreError> {
    if known.declaration.is_empty() {
        return Ok(Plan::whole(sides, seq, Reason::Declared));
    }
    let happened = match happened(store, known, mine, sides, seq).await {
        Err(StoreError::Pruned { .. }) => return Ok(Plan::whole(sides, seq, Reason::Rebuilt)),
        happened => happened?,
    };
    let mut plan = Plan { whole: vec![None; sides.rules.len()], ..Plan::default() };
    let own = sides.bound.definition().id.clone();
    for (layer, (at, reason)) in &happened.whole {
        let event = plan.event(Event { layer: layer.clone(), id: None, seq: *at, reason: *reason });
        for (place, rule) in sides.rules.iter().enumerate() {
            if *layer == own || rule.bound.layer == *layer {
                plan.whole[place] = Some(event);
            }
        }
    }
    for (layer, features) in &happened.features {
        if *layer == own {
            for (id, (at, operation)) in features.iter().filter(|(_, (_, operation))| *operation != Operation::Delete) {
                let event = Event { layer: own.clone(), id: Some(*id), seq: *at, reason: (*operation).into() };
                let event = plan.event(event);
                plan.own.insert(*id, event);
            }
        } else if !happened.whole.contains_key(layer) {
            other_side(store, known.seq, sides, layer, features, &mut plan).await?;
        }
    }
    if let (Some(before), Some(day)) = (known.day, sides.decisive_day()) {
        days(sides, before, day, seq, &mut plan);
    }
    if known.declaration != sides.declaration || (known.day.is_none() && sides.decisive_day().is_some()) {
        let event = plan.event(Event { layer: own, id: None, seq, reason: Reason::Declared });
        plan.whole.iter_mut().for_each(|whole| *whole = whole.or(Some(event)));
    }
    Ok(plan)
}

async fn happened<S: Store>(
    store: &S,
    known: &BindingState,
    mine: Seq,
    sides: &Sides,
    seq: Seq,
) -> Result<Happened, StoreError> {
    let own = &sides.bound.definition().id;
    let (mut happened, mut after) = (Happened::default(), known.seq);
    while after < seq {
        let changes = store.changes(after, PAGE).await?;
        let Some(last) = changes.last().map(|change| change.seq) else { break };
        after = last;
        for change in changes.into_iter().filter(|change| change.seq <= seq && sides.concerns(&change.layer)) {
            if change.layer == *own && !change.causes.is_empty() && change.seq <= mine {
                continue;
            }
            let reason = Reason::from(change.operation);
            let features = happened.features.entry(change.layer.clone()).or_default();
            match change.id {
                // The cache shows rows as they are, which may be later than its number: values may have been found of a
                // state between, which neither the one before nor the present one tells of.
                Some(id) if change.layer != *own && features.contains_key(&id) => {
                    happened.whole.insert(change.layer, (change.seq, reason));
                }
                Some(id) if change.operation != Operation::Replace && features.len() < MANY => {
                    features.insert(id, (change.seq, change.operation));
                }
                _ => {
                    features.clear();
                    happened.whole.insert(change.layer, (change.seq, reason));
                }
            }
        }
    }
    Ok(happened)
}

/// Features of another layer changed: what lies where they were and where they are may have another value.
async fn other_side<S: Store>(
    store: &S,
    since: Seq,
    sides: &Sides,
    layer: &str,
    features: &BTreeMap<FeatureId, (Seq, Operation)>,
    plan: &mut Plan,
) -> Result<(), StoreError> {
    let rules: Vec<(usize, &Rule)> =
        sides.rules.iter().enumerate().filter(|(_, rule)| rule.bound.layer == layer).collect();
    let Some((_, first)) = rules.first() else { return Ok(()) };
    let now = &first.target;
    let ids: Vec<FeatureId> = features.keys().copied().collect();
    let before = match store.features_at(layer, &ids, since).await {
        Ok(rows) => image(now, &rows)?,
        // What is not known any more may have been anywhere.
        Err(StoreError::Pruned { .. } | StoreError::Unusable(_)) => {
            let last = features.values().max_by_key(|(at, _)| *at).copied();
            let (at, operation) = last.unwrap_or((since, Operation::Update));
            let event = plan.event(Event { layer: layer.to_owned(), id: None, seq: at, reason: operation.into() });
            for (place, _) in &rules {
                plan.whole[*place] = Some(event);
            }
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    for (id, (at, operation)) in features {
        let (old, new) = (before.feature(*id), now.feature(*id));
        let stays = old.zip(new).is_some_and(|(old, new)| same_place(old, new));
        let boxes: Vec<WorldBox> = old.into_iter().chain(new).filter_map(|row| Footprint::of(row).bounds()).collect();
        let event = plan.event(Event { layer: layer.to_owned(), id: Some(*id), seq: *at, reason: (*operation).into() });
        for (place, rule) in &rules {
            let says_the_same = stays && old.zip(new).is_some_and(|(old, new)| !rule.tells_apart(old, new));
            if !says_the_same {
                mark(sides, *place, rule, &boxes, event, plan);
            }
        }
    }
    Ok(())
}

/// Features of a layer as they were.
fn image(now: &Arc<Snapshot>, rows: &[StoredFeature]) -> Result<Snapshot, StoreError> {
    let failure = |error: crate::cache::BuildError| StoreError::Failure(error.to_string());
    let definition = now.definition();
    let mut builder = BaseBuilder::new(definition).map_err(failure)?;
    let mut rows: Vec<&StoredFeature> = rows.iter().collect();
    rows.sort_unstable_by_key(|row| row.id);
    for row in rows {
        builder.push(row);
    }
    let (base, _) = builder.finish().map_err(failure)?;
    Ok(Snapshot::listed(base, Arc::clone(definition), now.seq()))
}

fn same_place(a: RowRef<'_>, b: RowRef<'_>) -> bool {
    let geometry = |row: RowRef<'_>| row.base.geometry().geometry(row.row, CoordinateGrid::unpack);
    geometry(a) == geometry(b)
}

/// Marks what lies in some boxes, and as near to them as the rule looks.
fn mark(sides: &Sides, place: usize, rule: &Rule, boxes: &[WorldBox], event: usize, plan: &mut Plan) {
    let mut hit = BTreeSet::new();
    for (min, max) in boxes {
        let middle = crate::crs::world_to_lonlat([min[0], u32::midpoint(min[1], max[1])]);
        // Somewhat more than enough: the scale of the map is not the same everywhere in a large box.
        let reach = rule.bound.within_m.map_or(0.0, |metres| metres * units_per_metre(middle[1]) * 1.05) as u32 + SLACK;
        let (min, max) = (min.map(|value| value.saturating_sub(reach)), max.map(|value| value.saturating_add(reach)));
        sides.bound.search(min, max, |row, _| {
            hit.insert(row.id());
        });
    }
    for id in hit {
        plan.others.entry(id).or_default().push((place, event));
    }
}

/// World units by which a box may miss what lies at its edge.
const SLACK: u32 = 16;

/// Another day: features of other layers came into force, or are no longer.
fn days(sides: &Sides, before: NaiveDate, day: NaiveDate, seq: Seq, plan: &mut Plan) {
    if before == day {
        return;
    }
    for (place, rule) in sides.rules.iter().enumerate().filter(|(_, rule)| rule.knows_days()) {
        let was = Validity::of(rule.target.definition(), Some(before));
        let turned: Vec<RowRef> = rule.target.rows().filter(|row| was.holds(*row) != rule.is_valid(*row)).collect();
        for row in turned {
            let boxes: Vec<WorldBox> = Footprint::of(row).bounds().into_iter().collect();
            let event = Event { layer: rule.bound.layer.clone(), id: Some(row.id()), seq, reason: Reason::Validity };
            let event = plan.event(event);
            mark(sides, place, rule, &boxes, event, plan);
        }
    }
}
