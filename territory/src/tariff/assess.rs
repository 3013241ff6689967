//! The fee of an occupation by a plan: `standard tariff × zone × kind × duration × quantity − reductions`, then the
//! minimum, then the rounding of money.

use super::answer::{Alternative, Assessment, Counted, Evidence, Granted, Line, Policy, Refusal, ZoneShare};
use super::charge::{Charge, charges};
use super::lines::{formula, line};
use super::place::{Located, locate};
use super::plan::{Base, Crossing, Occupation, Quantity, Regime, Steps, TariffPlan};
use super::question::Question;
use super::reduce;
use super::time::time;
use crate::evidence::hash_of;
use crate::text::Warning;
use crate::{Exact, Text, sha256_hex};

/// Version of the arithmetic: another answer to the same question by the same plan needs another.
pub const ENGINE: &str = "bricola-tariff/1";
/// Most pieces of one question.
pub const MAX_PIECES: usize = 10_000;
/// Largest quantity, in any unit.
const MAX_QUANTITY: u64 = 1_000_000_000;
/// Measured quantities beyond which somebody should look at them, in m².
const LARGE: u64 = 20_000;

/// The fee, with every step.
///
/// # Errors
/// What is missing or contradicts itself, or needs a decision of the office.
pub fn assess(plan: &TariffPlan, question: &Question) -> Result<Assessment, Refusal> {
    let occupation = checked(plan, question)?;
    let (mut lines, mut warnings) = (Vec::new(), Vec::new());
    let total = total(plan, occupation, question, &mut warnings)?;
    let counted = count(plan, occupation, &total, &mut lines);
    let time = time(plan, occupation, question, &mut lines, &mut warnings)?;
    let located = match occupation.base {
        Base::Standard(_) => Some(locate(plan, occupation, question, &total, &mut warnings)?),
        Base::PerUnit(_) | Base::Flat(_) => None,
    };
    let zones: Vec<String> = located
        .iter()
        .flat_map(|located| located.parts.iter().map(|part| format!("{}/{}", located.set.code, part.code)))
        .collect();
    let granted = reduce::reductions(plan, occupation, question, &zones, &total, time.days, &mut warnings);
    let case = Case { plan, occupation, total: &total, counted: &counted, factor: &time.factor, granted: &granted };
    let applied = question.crossing.as_ref().map_or(plan.crossing.policy, |decision| decision.policy);
    let charged = match &located {
        Some(located) => case.charges(applied, located).map_err(|text| Refusal {
            code: "policy-needs-more",
            field: "pieces",
            text,
        })?,
        None => Vec::new(),
    };
    let outcome = case.outcome(&charged, &mut lines);
    let policy = located.as_ref().map(|located| Policy {
        applied,
        crosses: located.parts.len() > 1,
        decision: question.crossing.clone(),
        alternatives: case.alternatives(applied, located),
    });
    warnings.sort();
    Ok(Assessment {
        fee: outcome.fee.fixed(2),
        currency: "EUR",
        per_unit: outcome.per_unit,
        occupation: occupation.code.clone(),
        quantity: Counted {
            measured: total.clone(),
            counted: if charged.is_empty() { counted.clone() } else { quantity_of(&charged) },
            unit: occupation.quantity.unit(),
            rounding: rounding(plan, occupation),
        },
        time,
        zone_set: located.as_ref().map(|located| located.set.code.clone()),
        zones: located.as_ref().map(|located| shares(located, occupation.regime, &total)).unwrap_or_default(),
        outside: located.as_ref().map_or_else(Exact::zero, |located| located.outside.clone()),
        policy,
        reductions: granted,
        lines,
        warnings,
        evidence: evidence(plan, question),
    })
}

/// What is the same whatever rule for borders of zones is applied.
struct Case<'a> {
    plan: &'a TariffPlan,
    occupation: &'a Occupation,
    total: &'a Exact,
    counted: &'a Exact,
    factor: &'a Exact,
    granted: &'a [Granted],
}

struct Outcome {
    fee: Exact,
    per_unit: Option<Exact>,
}

impl Case<'_> {
    fn charges(&self, policy: Crossing, located: &Located<'_>) -> Result<Vec<Charge>, Text> {
        charges(policy, located, &self.plan.area, self.occupation, self.total, self.counted)
    }

    fn alternatives(&self, applied: Crossing, located: &Located<'_>) -> Vec<Alternative> {
        let others = Crossing::ALL.into_iter().filter(|policy| *policy != applied);
        others
            .map(|policy| match self.charges(policy, located) {
                Ok(charged) => Alternative {
                    policy,
                    counted: Some(quantity_of(&charged)),
                    fee: Some(self.outcome(&charged, &mut Vec::new()).fee.fixed(2)),
                    reason: None,
                },
                Err(reason) => Alternative { policy, counted: None, fee: None, reason: Some(reason) },
            })
            .collect()
    }

    /// From charged quantities to the fee.
    fn outcome(&self, charged: &[Charge], lines: &mut Vec<Line>) -> Outcome {
        let (gross, quantity) = match &self.occupation.base {
            Base::Standard(share) => self.standard(share, charged, lines),
            Base::PerUnit(price) => {
                let gross = price.clone() * self.counted * &self.occupation.coefficient * self.factor;
                let text = product(&[price, self.counted, &self.occupation.coefficient, self.factor]);
                let label = Text::new("Importo per unità", "Amount per unit");
                lines.push(line("gross", label, formula(&text), gross.clone(), "EUR"));
                (gross, self.counted.clone())
            }
            Base::Flat(amount) => {
                let gross = amount.clone() * self.factor;
                let label = Text::new("Importo fisso", "Fixed amount");
                lines.push(line("gross", label, formula(&product(&[amount, self.factor])), gross.clone(), "EUR"));
                (gross, Exact::one())
            }
        };
        let per_unit = (!quantity.is_zero()).then(|| gross.clone() / &quantity);
        let reduced = reduce::reduce(&gross, self.granted, self.plan.combination, lines);
        let fee = self.least(reduced, lines);
        let rounded = self.plan.currency_rounding.apply(&fee);
        let label = Text::new("Canone, arrotondato", "Fee, rounded");
        let text = format!("{}({})", self.plan.currency_rounding.code(), fee.readable());
        lines.push(line("fee", label, formula(&text), rounded.clone(), "EUR"));
        Outcome { fee: rounded, per_unit }
    }

    fn standard(&self, share: &Exact, charged: &[Charge], lines: &mut Vec<Line>) -> (Exact, Exact) {
        let standard = &self.plan.standard;
        let (tariff, name) = match self.occupation.regime {
            Regime::Annual => (&standard.annual, Text::new("Tariffa standard annua", "Standard annual tariff")),
            Regime::Daily | Regime::Hourly => {
                (&standard.daily, Text::new("Tariffa standard giornaliera", "Standard daily tariff"))
            }
        };
        let base = tariff.clone() * share;
        lines.push(line("standard", name, formula(&product(&[tariff, share])), base.clone(), "EUR"));
        let mut weighted = Exact::zero();
        for charge in charged {
            let product = charge.quantity.clone() * &charge.coefficient;
            let label = Text::new(
                format!("Zona {}: quantità per coefficiente", charge.zone),
                format!("Zone {}: quantity times coefficient", charge.zone),
            );
            let text = format!("{} × {}", charge.quantity.readable(), charge.coefficient.readable());
            lines.push(line("zone", label, formula(&text), product.clone(), self.occupation.quantity.unit()));
            weighted = weighted + &product;
        }
        let kind = &self.occupation.coefficient;
        let gross = base.clone() * &weighted * kind * self.factor;
        let label = Text::new(
            "Tariffa × quantità ponderata × coefficiente del tipo × durata",
            "Tariff × weighted quantity × coefficient of the kind × duration",
        );
        let text = product(&[&base, &weighted, kind, self.factor]);
        lines.push(line("gross", label, formula(&text), gross.clone(), "EUR"));
        (gross, quantity_of(charged))
    }

    /// The least fee, where something is due at all.
    fn least(&self, fee: Exact, lines: &mut Vec<Line>) -> Exact {
        let own = self.occupation.minimum.clone().unwrap_or_else(Exact::zero);
        let least = own.max(self.plan.minimum.clone());
        if fee.is_zero() || fee >= least {
            return fee;
        }
        let text = format!("max({}, {})", fee.readable(), least.readable());
        let label = Text::new("Importo minimo", "Least amount");
        lines.push(line("minimum", label, formula(&text), least.clone(), "EUR"));
        least
    }
}

fn product(factors: &[&Exact]) -> String {
    factors.iter().map(|factor| factor.readable()).collect::<Vec<_>>().join(" × ")
}

fn quantity_of(charged: &[Charge]) -> Exact {
    charged.iter().map(|charge| &charge.quantity).sum()
}

fn rounding(plan: &TariffPlan, occupation: &Occupation) -> &'static str {
    match occupation.quantity {
        Quantity::Area | Quantity::Length => plan.area.rounding.code(),
        Quantity::Volume => "steps",
        Quantity::Count | Quantity::Users => "none",
    }
}

/// Whether the question can be answered by this plan at all.
fn checked<'a>(plan: &'a TariffPlan, question: &Question) -> Result<&'a Occupation, Refusal> {
    if !plan.holds_on(question.day) {
        return Err(Refusal::new(
            "plan-not-in-force",
            "day",
            format!("il {} il piano «{}» non è in vigore", question.day, plan.id),
            format!("the plan “{}” is not in force on {}", plan.id, question.day),
        ));
    }
    if question.pieces.len() > MAX_PIECES {
        return Err(Refusal::new(
            "too-many",
            "pieces",
            format!("più di {MAX_PIECES} parti"),
            format!("more than {MAX_PIECES} pieces"),
        ));
    }
    let numbers = question.quantity.iter().map(|quantity| ("quantity", quantity)).chain(
        question
            .pieces
            .iter()
            .filter_map(|piece| piece.quantity.as_ref())
            .map(|quantity| ("pieces.quantity", quantity)),
    );
    for (field, quantity) in numbers {
        if quantity.is_negative() || *quantity > Exact::from(MAX_QUANTITY) {
            return Err(Refusal::new(
                "out-of-range",
                field,
                format!("{} non è una quantità possibile", quantity.readable()),
                format!("{} is no possible quantity", quantity.readable()),
            ));
        }
    }
    if question.layers.values().any(|share| share.percent.is_negative() || share.percent > Exact::from(100)) {
        return Err(Refusal::new(
            "out-of-range",
            "layers.percent",
            "una quota va da 0 a 100",
            "a share goes from 0 to 100",
        ));
    }
    if question.crossing.as_ref().is_some_and(|decision| decision.motivation.trim().is_empty()) {
        return Err(Refusal::new(
            "missing",
            "crossing.motivation",
            "una decisione diversa dal piano va motivata",
            "a decision other than the plan's needs a motivation",
        ));
    }
    plan.occupations.get(&question.occupation).ok_or_else(|| {
        let known = plan.occupations.keys().cloned().collect::<Vec<_>>().join(", ");
        Refusal::new(
            "unknown-occupation",
            "occupation",
            format!("il piano non ha l'occupazione «{}»; ha: {known}", question.occupation),
            format!("the plan has no occupation “{}”; it has: {known}", question.occupation),
        )
    })
}

/// The whole quantity as measured: to the plan's decimals, where it comes from a map.
fn total(
    plan: &TariffPlan,
    occupation: &Occupation,
    question: &Question,
    warnings: &mut Vec<Warning>,
) -> Result<Exact, Refusal> {
    if matches!(occupation.base, Base::Flat(_)) && question.quantity.is_none() {
        return Ok(Exact::one());
    }
    let summed = || {
        // Sets classify the same ground twice: only one of them may be summed.
        let set = question.pieces.first().map(|piece| &piece.set)?;
        if question.pieces.iter().any(|piece| piece.set != *set) {
            return None;
        }
        question.pieces.iter().map(|piece| piece.quantity.clone()).sum::<Option<Exact>>()
    };
    let total = question.quantity.clone().or_else(summed).ok_or_else(|| {
        let unit = occupation.quantity.unit();
        Refusal::new(
            "missing",
            "quantity",
            format!("manca la quantità ({unit})"),
            format!("the quantity ({unit}) is missing"),
        )
    })?;
    let total = if occupation.quantity.is_measured() { total.rounded(plan.area.measure_decimals) } else { total };
    if total.is_zero() {
        return Err(Refusal::new("zero", "quantity", "la quantità è zero", "the quantity is zero"));
    }
    if matches!(occupation.quantity, Quantity::Count | Quantity::Users) && total.to_u64().is_none() {
        return Err(Refusal::new(
            "out-of-range",
            "quantity",
            format!("{} non è un numero intero", total.readable()),
            format!("{} is not a whole number", total.readable()),
        ));
    }
    if occupation.quantity.is_measured() && total > Exact::from(LARGE) {
        let text = Text::new(
            format!("{} m²: più di {LARGE} m² sono insoliti per un'occupazione", total.readable()),
            format!("{} m²: more than {LARGE} m² are unusual for an occupation", total.readable()),
        );
        warnings.push(Warning::new("large-quantity", text));
    }
    Ok(total)
}

/// The quantity as it counts.
fn count(plan: &TariffPlan, occupation: &Occupation, total: &Exact, lines: &mut Vec<Line>) -> Exact {
    let unit = occupation.quantity.unit();
    let (counted, text) = match (&occupation.steps, occupation.quantity) {
        (Some(steps), _) => stepped(steps, total),
        (None, quantity) if quantity.is_measured() => {
            let rule = plan.area.rounding;
            let depth = if quantity == Quantity::Length { " m × 1 m" } else { "" };
            (rule.apply(total), format!("{}({}{depth})", rule.code(), total.readable()))
        }
        _ => (total.clone(), total.readable()),
    };
    let label = Text::new("Quantità computata", "Quantity that counts");
    lines.push(line(
        "quantity",
        label,
        formula(&text),
        counted.clone(),
        if occupation.steps.is_some() { "" } else { unit },
    ));
    counted
}

/// One, and a share more for each step that was begun.
fn stepped(steps: &Steps, total: &Exact) -> (Exact, String) {
    let hundred = Exact::from(100);
    let tolerated = total.clone() * &hundred / &(hundred.clone() + &steps.tolerance_percent);
    let beyond = tolerated - &steps.included;
    let begun = if beyond.is_negative() { Exact::zero() } else { (beyond / &steps.step).ceil() };
    let counted = Exact::one() + &(begun.clone() * &steps.share);
    (counted, format!("1 + {} × {}", begun.readable(), steps.share.readable()))
}

fn shares(located: &Located<'_>, regime: Regime, total: &Exact) -> Vec<ZoneShare> {
    located
        .parts
        .iter()
        .map(|part| ZoneShare {
            code: part.code.to_owned(),
            name: part.zone.name.clone(),
            rank: part.zone.rank,
            coefficient: part.zone.coefficient(regime).clone(),
            quantity: part.quantity.clone(),
            percent: (part.quantity.clone() * &Exact::from(100) / total).fixed(2),
            streets: part.streets.clone(),
        })
        .collect()
}

fn evidence(plan: &TariffPlan, question: &Question) -> Evidence {
    let (plan_sha256, question_sha256) = (plan.sha256(), hash_of(question));
    let pieces = question.pieces.iter().filter_map(|piece| piece.feature.clone());
    let layers = question.layers.values().flat_map(|share| share.features.iter().cloned());
    let mut features: Vec<_> = pieces.chain(layers).collect();
    features.sort();
    features.dedup();
    Evidence {
        plan: plan.id.clone(),
        act: plan.act.clone(),
        valid_from: plan.valid_from,
        valid_to: plan.valid_to,
        sha256: sha256_hex(format!("{ENGINE}\n{plan_sha256}\n{question_sha256}\n").as_bytes()),
        plan_sha256,
        question_sha256,
        engine: ENGINE,
        measure: question.measure.clone(),
        features,
    }
}
