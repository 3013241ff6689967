//! The base tariff of an occupation: its place found in the layers that the plan names, its fee by the plan's rules.

mod pieces;
mod plans;
mod shares;

use std::collections::BTreeMap;
use std::sync::Arc;

use bricola_layers::cache::Snapshot;
use bricola_layers::crs::CrsError;
use bricola_layers::log::Seq;
use bricola_territory::Exact;
use bricola_territory::overlay::{METHOD, Unmeasurable};
use bricola_territory::tariff::plan::{Occupation, Quantity};
use bricola_territory::tariff::question::{Measure, Question as Asked};
use bricola_territory::tariff::{Refusal, TariffPlan, assess};
use serde_json::{Value, json};
use thiserror::Error;

use super::site::{Evidence, Seen, Shape, Site};
use super::zones::{place, size};

pub use plans::{Loaded, Tariffs, read_folder, tariffs};

/// Version of the way in which places are found; the arithmetic has its own.
pub const ENGINE: &str = "bricola-tariff/1";

/// The fee of an occupation at a place.
#[derive(Debug)]
pub struct Question {
    /// The place; none where the fee does not depend on it, or a street is named.
    pub site: Option<Site>,
    /// The street that it is declared to be on: its code, and the house number.
    pub street: Option<(String, Option<u64>)>,
    /// Metres of width of what was drawn as a line and counts by its surface.
    pub width_m: Option<Exact>,
    /// Kind, quantity, time and declarations. Its pieces and layers are found here.
    pub asked: Asked,
    /// The layers that the plan names, as far as they are there, each as of one moment.
    pub layers: BTreeMap<String, Arc<Snapshot>>,
    /// The last change that the answer reflects.
    pub seq: Seq,
}

/// Why there is no fee.
#[derive(Debug, Error)]
pub enum NoFee {
    /// Something is missing, contradicts itself, or needs a decision of the office.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The place cannot be measured.
    #[error(transparent)]
    Unmeasurable(#[from] Unmeasurable),
    /// The place has no coordinates in the CRS of a layer.
    #[error(transparent)]
    Crs(#[from] CrsError),
    /// The plan names a layer that is not there.
    #[error("the plan looks for zones in the layer \"{0}\", which is not there, or not ready")]
    NoLayer(String),
}

/// The layers that a plan looks at.
pub fn layers_of(plan: &TariffPlan) -> Vec<String> {
    let sets = plan.zone_sets.iter().map(|set| set.layer.clone());
    let reductions = plan.reductions.iter().filter_map(|it| it.condition.layer.as_ref()).map(|layer| layer.id.clone());
    let mut layers: Vec<String> = sets.chain(reductions).collect();
    layers.sort_unstable();
    layers.dedup();
    layers
}

/// Answers with the assessment: fee, zones, every step, warnings, rules and evidence.
///
/// # Errors
/// See [`NoFee`].
pub fn tariff(plan: &TariffPlan, mut question: Question) -> Result<Value, NoFee> {
    let occupation = plan.occupations.get(&question.asked.occupation);
    if let Some(occupation) = occupation {
        locate(plan, occupation, &mut question)?;
    }
    let assessment = assess(plan, &question.asked)?;
    let features = assessment.evidence.features.clone();
    let mut answer = serde_json::to_value(&assessment).unwrap_or_default();
    answer["rules"] = answer["evidence"].take();
    answer["day"] = json!(question.asked.day);
    if let Some(site) = &question.site {
        answer["place"] = place(site, size(&site.shape)?);
        let warnings = site.warnings.iter().chain(&assessment.warnings).collect::<Vec<_>>();
        answer["warnings"] = json!(warnings);
    }
    let nowhere = Site::nowhere();
    let seen: Vec<Arc<Snapshot>> = question.layers.into_values().collect();
    let at = (Some(question.asked.day), question.seq);
    Evidence::new(ENGINE, question.site.as_ref().unwrap_or(&nowhere), at, Seen::of(&seen), features).seal(&mut answer);
    Ok(answer)
}

/// Finds what the occupation lies in, and how large it is.
fn locate(plan: &TariffPlan, occupation: &Occupation, question: &mut Question) -> Result<(), NoFee> {
    let day = question.asked.day;
    let sized = occupation.quantity.is_measured() && question.asked.quantity.is_none();
    // What is not measured on the map, or was measured by hand, lies where its middle lies.
    let shape = question.site.as_ref().and_then(|site| match &site.shape {
        Shape::Point(_) => Some(site.shape.clone()),
        _ if sized => Some(site.shape.clone()),
        other => other.position().map(Shape::Point),
    });
    let Some(shape) = shape else {
        pieces::by_street(plan, occupation, question);
        return Ok(());
    };
    let mut measured = None;
    for set in plan.zone_sets_for(occupation.vertical, day) {
        let Some(snapshot) = question.layers.get(&set.layer) else {
            return Err(NoFee::NoLayer(set.layer.clone()));
        };
        let way = pieces::Way {
            set,
            decimals: plan.area.measure_decimals,
            by_area: occupation.quantity == Quantity::Area,
            width_m: question.width_m.as_ref(),
            street: question.street.as_ref(),
            day,
        };
        let found = pieces::pieces(&way, snapshot, &shape)?;
        question.asked.pieces.extend(found.pieces);
        measured = measured.or(found.total);
    }
    if sized && let Some(total) = measured {
        question.asked.quantity = Some(total);
    }
    for reduction in &plan.reductions {
        let Some(layer) = &reduction.condition.layer else { continue };
        if question.asked.layers.contains_key(&layer.id) {
            continue;
        }
        if let Some(snapshot) = question.layers.get(&layer.id) {
            let share = shares::share(snapshot, &shape, day)?;
            question.asked.layers.insert(layer.id.clone(), share);
        }
    }
    let geometry_sha256 = question.site.as_ref().map(|site| site.shape.sha256());
    question.asked.measure = Some(Measure { method: METHOD.to_owned(), geometry_sha256 });
    Ok(())
}
