//! The register of public works: each with how it stands and what is odd about it, and sums by what they have in common.

mod districts;
mod drawing;
mod kept;
mod national;
mod place;
mod read;
mod told;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use bricola_layers::cache::Snapshot;
use bricola_layers::feature::FeatureId;
use bricola_layers::log::Seq;
use bricola_territory::Text;
use bricola_territory::overlay::Unmeasurable;
use bricola_territory::text::Warning;
use bricola_territory::works::{ENGINE, Indicators, Record, Share, Totals, stand};
use chrono::{Datelike as _, NaiveDate};
use serde_json::{Value, json};
use thiserror::Error;

use self::kept::{Register, Shares, Work};
use super::site::{Evidence, Seen, Site};
use super::zones::{place as place_of, size};

pub use drawing::{Drawing, SIZE, Shown, drawing};
pub use kept::Registers;
pub use national::{Loaded, national, read_folder};
pub use place::{Around, BESIDE_M, Near};

/// Id of the layer of works.
pub const LAYER: &str = "public-works";
/// Id of the layer of districts.
pub const DISTRICTS: &str = "districts";
/// How questions name the group of works that have nothing of what groups are made by.
pub const WITHOUT: &str = "-";

/// What the works of a sum have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// The phase.
    Phase,
    /// The kind.
    Kind,
    /// The funding.
    Funding,
    /// The year of the planned start.
    Year,
    /// The district, by length or area of what lies in each.
    District,
}

impl By {
    /// All of them, by the words of questions.
    pub const WORDS: [(&str, Self); 5] = [
        ("phase", Self::Phase),
        ("kind", Self::Kind),
        ("funding", Self::Funding),
        ("year", Self::Year),
        ("district", Self::District),
    ];
}

/// What is asked of the register.
#[derive(Debug)]
pub struct Question {
    /// The day on which works are looked at.
    pub day: NaiveDate,
    /// By what sums are made.
    pub by: By,
    /// Only works with this value: field and value.
    pub only: Vec<(&'static str, String)>,
    /// Only works with something odd about them.
    pub odd_only: bool,
    /// Only works of this group, [`WITHOUT`] for those of none; the other groups are summed up too.
    pub group: Option<String>,
    /// The work that all is told about.
    pub work: Option<FeatureId>,
    /// Only works at this place.
    pub near: Option<Near>,
    /// What is looked at to tell where the work lies that all is told about.
    pub around: Around,
    /// Works that are listed at most.
    pub limit: usize,
    /// The layer of works; none where there is no register.
    pub works: Option<Arc<Snapshot>>,
    /// The layer of districts, and the level of those that count; needed for sums by district.
    pub districts: Option<(Arc<Snapshot>, String)>,
    /// Registers that were read before.
    pub registers: Arc<Registers>,
    /// What the national registers say.
    pub national: Arc<Loaded>,
    /// The municipality whose projects ours should be, by its code of six digits (ISTAT).
    pub municipality: Option<String>,
    /// The last change that the answer reflects.
    pub seq: Seq,
}

impl Question {
    /// The name of the group whose works are wanted; empty for those of none.
    fn group(&self) -> Option<&str> {
        self.group.as_deref().map(|name| if name == WITHOUT { "" } else { name })
    }
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum Untold {
    /// A work cannot be measured.
    #[error("a work cannot be measured")]
    Unmeasurable(#[from] Unmeasurable),
    /// There is no such group.
    #[error("no work that is asked for is of this group")]
    NoGroup {
        /// Those that there are.
        known: Vec<String>,
    },
    /// There is no such work.
    #[error("the register has no work {0}")]
    NoWork(FeatureId),
}

/// The works that are asked for, each with how it stands.
struct Chosen<'a> {
    register: &'a Register,
    works: Vec<(&'a Work, Indicators, usize)>,
    /// In which groups each work of the register is, by numbers of names.
    groups: Groups,
}

impl Chosen<'_> {
    /// Those of a group, or all.
    fn of_group(&self, group: Option<&str>) -> Vec<&(&Work, Indicators, usize)> {
        let is_of = |(work, _, number): &&(&Work, Indicators, usize)| {
            group.is_none_or(|group| self.groups.has(work, *number, group))
        };
        self.works.iter().filter(is_of).collect()
    }

    /// Whether the register has such a group, though perhaps none of its works is asked for.
    fn knows(&self, group: &str) -> Result<(), Untold> {
        let mut known = BTreeSet::new();
        for (number, work) in self.register.works.iter().enumerate() {
            self.groups.each(work, number, |name, _| {
                if !known.contains(name) {
                    known.insert(name.to_owned());
                }
            });
        }
        if known.contains(group) {
            return Ok(());
        }
        Err(Untold::NoGroup { known: known.iter().map(|group| named(group).to_owned()).collect() })
    }
}

/// In which groups works are.
enum Groups {
    Shared(Arc<Shares>),
    Said(By),
}

impl Groups {
    /// The groups of a work and its shares in them; `number` is its place in the register.
    fn each(&self, work: &Work, number: usize, mut visit: impl FnMut(&str, Share)) {
        match self {
            Self::Said(by) => visit(&said(*by, &work.record), Share::WHOLE),
            Self::Shared(shares) => {
                for (name, share) in shares.of[number].iter() {
                    visit(&shares.names[*name], *share);
                }
            }
        }
    }

    /// Whether a work is in a group.
    fn has(&self, work: &Work, number: usize, group: &str) -> bool {
        let mut found = false;
        self.each(work, number, |name, _| found |= name == group);
        found
    }
}

/// Answers: sums over all works that are asked for, by group, and the works themselves as far as the limit goes.
///
/// # Errors
/// A work that cannot be measured, where districts are asked for; a group or a work that is not there.
pub fn works(question: &Question) -> Result<Value, Untold> {
    let register = question.works.as_ref().map(|layer| question.registers.of(layer));
    let chosen = register.as_deref().map(|register| chosen(question, register)).transpose()?;
    let all = chosen.as_ref().map_or(&[][..], |chosen| &chosen.works);
    let groups = chosen.as_ref().map(grouped).unwrap_or_default();
    let group = question.group();
    if let (Some(name), Some(chosen)) = (group, &chosen) {
        chosen.knows(name)?;
    }
    let shown: Vec<&(&Work, Indicators, usize)> = chosen.iter().flat_map(|chosen| chosen.of_group(group)).collect();
    let total = match group {
        Some(group) => groups.get(group).copied().unwrap_or_default(),
        None => summed_up(all),
    };
    let listed = chosen.iter().flat_map(|chosen| {
        let listed = shown.iter().take(question.limit);
        listed.map(|(work, stand, _)| told::one(chosen.register, work, stand, question.day))
    });
    let listed: Vec<Value> = listed.collect();
    let odd =
        chosen.as_ref().map_or(0, |chosen| shown.iter().filter(|(work, ..)| chosen.register.is_odd(work)).count());
    let mut answer = json!({
        "day": question.day, "by": By::WORDS.iter().find(|(_, by)| *by == question.by).map(|(word, _)| *word),
        "group": group, "total": told::summed(None, &total),
        "groups": groups.iter().map(|(group, totals)| told::summed(Some(group), totals)).collect::<Vec<Value>>(),
        "works": listed, "omitted": shown.len().saturating_sub(question.limit),
        "odd": odd,
        "warnings": question.works.is_none().then(no_register).as_slice(),
    });
    if let Some(id) = question.work {
        answer["work"] = record(question, register.as_deref(), id)?;
    }
    let here = question.municipality.as_deref();
    let compared = register.as_ref().map(|it| it.compared(&question.national, here)).unwrap_or_default();
    answer["national"] = compared.told(register.as_deref(), &question.national, here);
    if let Some(near) = &question.near {
        answer["place"] = place_of(&near.site, size(&near.site.shape)?);
        answer["within_m"] = json!(near.within_m);
        answer["warnings"]
            .as_array_mut()
            .into_iter()
            .for_each(|it| it.extend(near.site.warnings.iter().map(|it| json!(it))));
    }
    let used = all.iter().map(|(work, ..)| work.record.feature.clone()).collect();
    let districts = question.districts.iter().map(|(layer, _)| layer);
    let layers = question.works.iter().chain(districts).chain(question.around.layers());
    let layers: Vec<Arc<Snapshot>> = layers.map(Arc::clone).collect();
    let nowhere = Site::nowhere();
    let site = question.near.as_ref().map_or(&nowhere, |near| &near.site);
    let evidence = Evidence::new(ENGINE, site, (Some(question.day), question.seq), Seen::of(&layers), used);
    // A thousand features by name would hide the answer: the layer as of the change says which they are.
    evidence.unlisted().seal(&mut answer);
    Ok(answer)
}

/// All that is told of one work.
fn record(question: &Question, register: Option<&Register>, id: FeatureId) -> Result<Value, Untold> {
    let found = register.and_then(|register| Some((register, register.works.iter().find(|work| work.id == id)?)));
    let (register, work) = found.ok_or(Untold::NoWork(id))?;
    let mut told = told::one(register, work, &stand(&work.record, question.day), question.day);
    let row = question.works.as_ref().and_then(|layer| layer.feature(id));
    told["at"] = row.map_or(Value::Null, |row| question.around.told(row));
    told["national"] = national::of_code(work.code.as_deref(), &question.national);
    Ok(told)
}

/// The works that are asked for, whatever group they are of.
fn chosen<'a>(question: &Question, register: &'a Register) -> Result<Chosen<'a>, Unmeasurable> {
    let groups = match (question.by, &question.districts) {
        (By::District, Some((districts, level))) => Groups::Shared(register.shares(districts, level)?),
        (by, _) => Groups::Said(by),
    };
    let there = question.near.as_ref().zip(question.works.as_ref()).map(|(near, layer)| near.works(layer));
    let is_asked = |work: &Work| {
        let has = |(field, value): &(&str, String)| field_of(&work.record, field) == Some(value.as_str());
        let is_there = there.as_ref().is_none_or(|there| there.contains(&work.id));
        is_there && question.only.iter().all(has) && (!question.odd_only || register.is_odd(work))
    };
    let works = register.works.iter().map(|work| &**work).enumerate().filter(|(_, work)| is_asked(work));
    let works = works.map(|(number, work)| (work, stand(&work.record, question.day), number)).collect();
    Ok(Chosen { register, works, groups })
}

fn grouped(chosen: &Chosen<'_>) -> BTreeMap<String, Totals> {
    let mut sums: HashMap<String, Totals> = HashMap::new();
    for (work, stand, number) in &chosen.works {
        chosen.groups.each(work, *number, |group, share| {
            if let Some(totals) = sums.get_mut(group) {
                totals.add(&work.record, stand, share);
            } else {
                sums.entry(group.to_owned()).or_default().add(&work.record, stand, share);
            }
        });
    }
    sums.into_iter().collect()
}

fn summed_up(works: &[(&Work, Indicators, usize)]) -> Totals {
    let mut total = Totals::default();
    for (work, stand, _) in works {
        total.add(&work.record, stand, Share::WHOLE);
    }
    total
}

/// How questions name a group.
pub const fn named(group: &str) -> &str {
    if group.is_empty() { WITHOUT } else { group }
}

fn field_of<'a>(record: &'a Record, field: &str) -> Option<&'a str> {
    match field {
        "phase" => record.phase.as_deref(),
        "kind" => record.kind.as_deref(),
        "funding" => record.funding.as_deref(),
        "cup" => record.cup.as_deref(),
        _ => None,
    }
}

fn said(by: By, record: &Record) -> String {
    match by {
        By::Phase => record.phase.clone(),
        By::Kind => record.kind.clone(),
        By::Funding => record.funding.clone(),
        By::Year => record.start_planned.map(|day| day.year().to_string()),
        By::District => None,
    }
    .unwrap_or_default()
}

fn no_register() -> Warning {
    let text = Text::new(
        format!("lo strato {LAYER} non c’è: non si sa di alcuna opera"),
        format!("the layer {LAYER} is not there: no work is known"),
    );
    Warning::new("no-layer", text)
}
