//! A tariff plan from its TOML file and the CSV tables that it names.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use toml::de::DeTable;

use super::check;
use super::condition::{Condition, SpatialCondition};
use super::plan::{
    AreaRule, Base, Combination, Crossing, CrossingRule, DurationMode, DurationRule, Occupation, Outside, Quantity,
    Reduction, Regime, Standard, Steps, TariffPlan, Vertical, YearPart, Zone, ZoneKind, ZoneSet,
};
use super::rounding::{AreaRounding, CurrencyRounding, Scope};
use super::tables;
use crate::document::{Document, Range, Section};
use crate::{Exact, Fault, Text};

/// Most bytes of a plan, and of each of its tables.
pub const MAX_FILE_BYTES: usize = 16 * 1024 * 1024;

const VERTICALS: [(&str, Vertical); 4] =
    [("ground", Vertical::Ground), ("over", Vertical::Over), ("under", Vertical::Under), ("water", Vertical::Water)];

/// Where in the plan's file something was said, for faults that are found once all is read.
#[derive(Default)]
pub(super) struct Places {
    pub sets: Vec<usize>,
    pub occupations: BTreeMap<String, usize>,
    pub durations: Vec<usize>,
    pub reductions: Vec<usize>,
}

/// Reads a plan. `file` is its name in faults, `tables` are the files that it may name, by name.
///
/// # Errors
/// All faults of the plan and its tables, by file and line.
pub fn read_plan(file: &str, text: &str, tables: &BTreeMap<String, Vec<u8>>) -> Result<TariffPlan, Vec<Fault>> {
    let doc = Document::new(file, text);
    if text.len() > MAX_FILE_BYTES {
        doc.fault(0, "", "too-large", Text::new("file oltre 16 MiB", "the file is larger than 16 MiB"));
        return Err(doc.into_faults());
    }
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            let message = error.message();
            let it = format!("il file non è TOML valido: {message}");
            doc.fault(at, "", "not-toml", Text::new(it, format!("the file is not valid TOML: {message}")));
            return Err(doc.into_faults());
        }
    };
    let plan = {
        let root = Section::new(&doc, table.get_ref(), 0, String::new());
        let plan = plan(&root, tables);
        root.finish();
        plan
    };
    let faults = doc.into_faults();
    if faults.is_empty() { Ok(plan) } else { Err(faults) }
}

fn plan(root: &Section<'_>, files: &BTreeMap<String, Vec<u8>>) -> TariffPlan {
    let mut places = Places::default();
    let id = root.code("id");
    let title = root.title("title");
    let act = root.text("act");
    let valid_from = root.optional_date("valid_from");
    if !root.has("valid_from") {
        root.missing("valid_from");
    }
    let valid_to = root.optional_date("valid_to");
    let standard = root.required_section("standard").and_then(|section| standard(&section));
    let area = root.section("area").map_or_else(default_area, |section| area(&section));
    let crossing = root.section("crossing").map_or_else(default_crossing, |section| crossing(&section));
    let zone_sets = zone_sets(root, files, &mut places);
    let occupations = occupations(root, &mut places);
    let durations = durations(root, &mut places);
    let reductions = reductions(root, &mut places);
    let plan = TariffPlan {
        id: id.unwrap_or_default(),
        title: title.unwrap_or_else(|| Text::new("Piano tariffario", "Tariff plan")),
        act: act.unwrap_or_default(),
        // A plan without a first day or tariffs is refused; what does not depend on them is checked nonetheless.
        valid_from: valid_from.unwrap_or_default(),
        valid_to,
        currency_rounding: root.one_of(
            "currency_rounding",
            &[
                ("cent", CurrencyRounding::Cent),
                ("ten_cents", CurrencyRounding::TenCents),
                ("euro", CurrencyRounding::Euro),
            ],
            CurrencyRounding::Cent,
        ),
        minimum: root.optional_number("minimum", Range::NotNegative).unwrap_or_else(Exact::zero),
        standard: standard.unwrap_or_else(|| Standard {
            annual: Exact::one(),
            daily: Exact::one(),
            hours_per_day: Exact::one(),
            year_part: YearPart::WholeYear,
        }),
        area,
        crossing,
        duration_mode: root.one_of(
            "duration_mode",
            &[("whole", DurationMode::Whole), ("progressive", DurationMode::Progressive)],
            DurationMode::Whole,
        ),
        combination: root.one_of(
            "reductions",
            &[("best", Combination::Best), ("sum", Combination::Sum), ("cascade", Combination::Cascade)],
            Combination::Best,
        ),
        zone_sets,
        occupations,
        durations,
        reductions,
    };
    check::check(root, &plan, &places);
    sorted(plan)
}

/// In an order that does not depend on the file's.
fn sorted(mut plan: TariffPlan) -> TariffPlan {
    plan.zone_sets.sort_by(|a, b| (a.priority, &a.code).cmp(&(b.priority, &b.code)));
    for set in &mut plan.zone_sets {
        set.verticals.sort();
        set.streets.sort_by(|a, b| (&a.street, a.from, a.to, a.side).cmp(&(&b.street, b.from, b.to, b.side)));
    }
    plan.durations.sort_by(|a, b| (&a.occupations, a.from_day).cmp(&(&b.occupations, b.from_day)));
    plan.reductions.sort_by(|a, b| a.code.cmp(&b.code));
    plan
}

fn standard(section: &Section<'_>) -> Option<Standard> {
    let annual = section.number("annual", Range::Positive);
    let daily = section.number("daily", Range::Positive);
    let hours_per_day = section.optional_number("hours_per_day", Range::Positive).unwrap_or_else(|| Exact::from(24));
    if hours_per_day > Exact::from(24) {
        section.fault("hours_per_day", "out-of-range", Text::new("un giorno ha 24 ore", "a day has 24 hours"));
    }
    let year_part = section.one_of(
        "year_part",
        &[("whole_year", YearPart::WholeYear), ("months", YearPart::Months), ("days", YearPart::Days)],
        YearPart::WholeYear,
    );
    section.finish();
    Some(Standard { annual: annual?, daily: daily?, hours_per_day, year_part })
}

fn default_area() -> AreaRule {
    AreaRule { rounding: AreaRounding::Ceil1, scope: Scope::Total, measure_decimals: 2 }
}

fn area(section: &Section<'_>) -> AreaRule {
    let fallback = default_area();
    let measure_decimals = section.optional_whole("measure_decimals").unwrap_or(2);
    if measure_decimals > 4 {
        let text = Text::new(
            "4 decimali al più: oltre c'è solo il rumore della misura",
            "at most 4 decimals: there is only noise of the measure beyond",
        );
        section.fault("measure_decimals", "out-of-range", text);
    }
    let rule = AreaRule {
        rounding: section.one_of(
            "rounding",
            &[
                ("none", AreaRounding::None),
                ("ceil_1", AreaRounding::Ceil1),
                ("ceil_0_5", AreaRounding::CeilHalf),
                ("first_ceil_then_half", AreaRounding::FirstCeilThenHalf),
                ("half_up", AreaRounding::HalfUp),
            ],
            fallback.rounding,
        ),
        scope: section.one_of("scope", &[("total", Scope::Total), ("per_part", Scope::PerPart)], fallback.scope),
        measure_decimals: measure_decimals as u32,
    };
    section.finish();
    rule
}

fn default_crossing() -> CrossingRule {
    CrossingRule { policy: Crossing::Highest, outside: Outside::Refuse, tolerance: Exact::half() }
}

fn crossing(section: &Section<'_>) -> CrossingRule {
    let fallback = default_crossing();
    let rule = CrossingRule {
        policy: section.one_of("policy", &Crossing::ALL.map(|policy| (policy.code(), policy)), fallback.policy),
        outside: section.one_of(
            "outside",
            &[("refuse", Outside::Refuse), ("spread", Outside::Spread)],
            fallback.outside,
        ),
        tolerance: section.optional_number("tolerance", Range::NotNegative).unwrap_or(fallback.tolerance),
    };
    section.finish();
    rule
}

fn zone_sets(root: &Section<'_>, files: &BTreeMap<String, Vec<u8>>, places: &mut Places) -> Vec<ZoneSet> {
    let mut sets: Vec<ZoneSet> = Vec::new();
    for section in root.sections("zone_set") {
        let code = section.code("code").unwrap_or_default();
        let kind = section.required_one_of(
            "kind",
            &[
                ("polygon", ZoneKind::Polygon),
                ("street", ZoneKind::Street),
                ("street_segment", ZoneKind::StreetSegment),
                ("water", ZoneKind::Water),
            ],
            None,
        );
        let kind = kind.unwrap_or(ZoneKind::Polygon);
        let mut verticals = section.some_of("verticals", &VERTICALS);
        if verticals.is_empty() {
            verticals = match kind {
                ZoneKind::Water => vec![Vertical::Water],
                _ => vec![Vertical::Ground, Vertical::Over, Vertical::Under],
            };
        }
        let mut set = ZoneSet {
            title: section.title("title").unwrap_or_else(|| Text::same(code.clone())),
            code,
            kind,
            layer: section.text("layer").unwrap_or_default(),
            priority: section.optional_whole("priority").unwrap_or(1),
            verticals,
            valid_from: section.optional_date("valid_from"),
            valid_to: section.optional_date("valid_to"),
            max_distance_m: section.optional_number("max_distance_m", Range::Positive),
            zones: BTreeMap::new(),
            streets: Vec::new(),
        };
        zones(&section, &mut set, files);
        tables::streets(&section, &mut set, files);
        section.finish();
        places.sets.push(section.offset);
        sets.push(set);
    }
    sets
}

fn zones(section: &Section<'_>, set: &mut ZoneSet, files: &BTreeMap<String, Vec<u8>>) {
    for zone in section.sections("zone") {
        let code = zone.code("code");
        let rank = zone.optional_whole("rank");
        if !zone.has("rank") {
            zone.missing("rank");
        }
        let annual = zone.number("annual", Range::NotNegative);
        let daily = zone.number("daily", Range::NotNegative);
        let name = zone.title("name");
        zone.finish();
        let Some(code) = code else { continue };
        let name = name.unwrap_or_else(|| Text::same(code.clone()));
        match set.zones.entry(code) {
            Entry::Occupied(other) => zone.fault("code", "duplicate-code", duplicate(other.key())),
            Entry::Vacant(place) => {
                if let (Some(rank), Some(annual), Some(daily)) = (rank, annual, daily) {
                    place.insert(Zone { name, rank, annual, daily });
                }
            }
        }
    }
    tables::zones(section, set, files);
}

fn occupations(root: &Section<'_>, places: &mut Places) -> BTreeMap<String, Occupation> {
    let mut occupations = BTreeMap::new();
    for section in root.sections("occupation") {
        let code = section.code("code");
        let regime = section.required_one_of(
            "regime",
            &[("annual", Regime::Annual), ("daily", Regime::Daily), ("hourly", Regime::Hourly)],
            None,
        );
        let quantity = section.required_one_of(
            "quantity",
            &[
                ("area", Quantity::Area),
                ("length_x_1m", Quantity::Length),
                ("count", Quantity::Count),
                ("volume", Quantity::Volume),
                ("users", Quantity::Users),
            ],
            None,
        );
        let title = section.title("title");
        let coefficient = section.optional_number("coefficient", Range::NotNegative);
        let vertical = section.one_of("vertical", &VERTICALS, Vertical::Ground);
        let base = base(&section);
        let steps = section.section("steps").and_then(|steps| self::steps(&steps));
        let minimum = section.optional_number("minimum", Range::NotNegative);
        section.finish();
        let Some(code) = code else { continue };
        if occupations.contains_key(&code) {
            section.fault("code", "duplicate-code", duplicate(&code));
            continue;
        }
        places.occupations.insert(code.clone(), section.offset);
        // What could not be read is a fault already; a stand-in lets the rest be checked.
        let occupation = Occupation {
            title: title.unwrap_or_else(|| Text::same(code.clone())),
            code: code.clone(),
            regime: regime.unwrap_or(Regime::Daily),
            coefficient: coefficient.unwrap_or_else(Exact::one),
            quantity: quantity.unwrap_or(Quantity::Area),
            vertical,
            base,
            steps,
            minimum,
        };
        check::occupation(&section, &occupation);
        occupations.insert(code, occupation);
    }
    occupations
}

fn base(section: &Section<'_>) -> Base {
    let share = section.optional_number("standard_share", Range::Positive);
    let per_unit = section.optional_number("per_unit", Range::NotNegative);
    let flat = section.optional_number("flat", Range::NotNegative);
    if [&share, &per_unit, &flat].into_iter().flatten().count() > 1 {
        let text = Text::new(
            "«standard_share», «per_unit» e «flat» si escludono: indicarne una sola",
            "standard_share, per_unit and flat exclude each other: name one of them",
        );
        section.fault("code", "contradiction", text);
    }
    match (share, per_unit, flat) {
        (_, _, Some(flat)) => Base::Flat(flat),
        (_, Some(per_unit), _) => Base::PerUnit(per_unit),
        (share, ..) => Base::Standard(share.unwrap_or_else(Exact::one)),
    }
}

fn steps(section: &Section<'_>) -> Option<Steps> {
    let included = section.number("included", Range::NotNegative);
    let step = section.number("step", Range::Positive);
    let share = section.number("share", Range::NotNegative);
    let tolerance_percent = section.optional_number("tolerance_percent", Range::Percent).unwrap_or_else(Exact::zero);
    section.finish();
    Some(Steps { included: included?, step: step?, share: share?, tolerance_percent })
}

fn durations(root: &Section<'_>, places: &mut Places) -> Vec<DurationRule> {
    let mut rules = Vec::new();
    for section in root.sections("duration") {
        let from_day = section.optional_whole("from_day");
        if !section.has("from_day") {
            section.missing("from_day");
        }
        let to_day = section.optional_whole("to_day");
        let coefficient = section.number("coefficient", Range::NotNegative);
        let mut occupations = section.texts("occupations");
        occupations.sort();
        section.finish();
        if let (Some(from_day), Some(coefficient)) = (from_day, coefficient) {
            places.durations.push(section.offset);
            rules.push(DurationRule { from_day, to_day, coefficient, occupations });
        }
    }
    rules
}

fn reductions(root: &Section<'_>, places: &mut Places) -> Vec<Reduction> {
    let mut reductions: Vec<Reduction> = Vec::new();
    let exemptions = root.sections("exemption").into_iter().map(|section| (section, true));
    let sections = root.sections("reduction").into_iter().map(|section| (section, false)).chain(exemptions);
    for (section, exempt) in sections {
        let code = section.code("code");
        let title = section.title("title");
        let percent = if exempt { Some(Exact::from(100)) } else { section.number("percent", Range::Percent) };
        let condition = condition(&section);
        section.finish();
        let (Some(code), Some(percent)) = (code, percent) else { continue };
        if reductions.iter().any(|other| other.code == code) {
            section.fault("code", "duplicate-code", duplicate(&code));
            continue;
        }
        places.reductions.push(section.offset);
        let title = title.unwrap_or_else(|| Text::same(code.clone()));
        reductions.push(Reduction { code, title, percent, condition });
    }
    reductions
}

fn condition(section: &Section<'_>) -> Condition {
    let layer = section.optional_text("layer").map(|id| SpatialCondition {
        id,
        min_share_percent: section
            .optional_number("min_share_percent", Range::Percent)
            .unwrap_or_else(|| Exact::from(50)),
        proportional: section.flag("proportional"),
    });
    Condition {
        occupations: section.texts("occupations"),
        verticals: section.some_of("verticals", &VERTICALS),
        zones: section.texts("zones"),
        flags: section.texts("flags"),
        min_days: section.optional_whole("min_days"),
        max_days: section.optional_whole("max_days"),
        min_quantity: section.optional_number("min_quantity", Range::NotNegative),
        max_quantity: section.optional_number("max_quantity", Range::NotNegative),
        layer,
        valid_from: section.optional_date("valid_from"),
        valid_to: section.optional_date("valid_to"),
    }
}

pub(super) fn duplicate(code: &str) -> Text {
    Text::new(format!("il codice «{code}» c'è già"), format!("the code “{code}” is there already"))
}
