//! A stretch of a street: by metres from its beginning, or between two house numbers.

use std::sync::Arc;

use bricola_layers::cache::{RowRef, Snapshot, Validity};
use bricola_layers::feature::{FeatureId, Value};
use bricola_layers::limits::MAX_CHOICES;
use bricola_layers::query::Positions;
use bricola_search::{HouseNumber, Kind as ThingKind, Quality};
use bricola_territory::linear::{Course, courses};
use geo_types::{Geometry, MultiLineString, Point};
use serde_json::{Value as Json, json};

use super::inputs::Inputs;
use super::place::unplaced;
use crate::app::App;
use crate::error::{Kind, Problem, clipped};
use crate::routes::search::built;
use crate::routes::select;
use crate::routes::when::When;
use crate::services::areas::STREETS;
use crate::services::search::{Hit, MAX_SEARCH_CHARS, Sought, find};
use crate::services::site::{Along, Site, name_of, reference, words};

/// The layer of house numbers.
const ADDRESSES: &str = "addresses";
/// Metres that a house may lie off its street.
const OFF_M: f64 = 150.0;
/// Numbers of a street that are named where one is not there.
const NAMED: usize = 30;

/// The stretch that is meant: all of the street, `from_m` and `to_m`, or `between` two house numbers.
///
/// # Errors
/// A street, a number or a measure that is not there, or a street that is not one line: each by its name.
pub async fn stretch(app: &App, inputs: &Inputs, when: &When, along: &str) -> Result<Site, Problem> {
    let between = inputs.texts("between")?;
    let (from, to) = (inputs.number("from_m")?, inputs.number("to_m")?);
    if !between.is_empty() && (from.is_some() || to.is_some()) {
        let detail = "A stretch is given by metres or by house numbers: give from_m and to_m, or between.";
        return Err(Problem::new(Kind::InvalidParameter, detail).with("parameter", "from_m, to_m, between"));
    }
    let streets = when.snapshots(app, &[select::one(app, STREETS)?]).await?.swap_remove(0);
    let id = street(app, &streets, when, along).await?;
    let row = streets.feature(id).ok_or_else(|| no_street(along))?;
    let lines = match Positions::LonLat.geometry(row) {
        Some(Geometry::LineString(line)) => MultiLineString(vec![line]),
        Some(Geometry::MultiLineString(lines)) => lines,
        _ => MultiLineString(Vec::new()),
    };
    let found = Street { name: name_of(&streets, row), courses: courses(&lines), along };
    let (course, [one, other]) = if between.is_empty() {
        found.by_metres(from, to)?
    } else {
        let [first, last] = numbers(&between)?;
        let addresses = when.snapshots(app, &[select::one(app, ADDRESSES)?]).await?.swap_remove(0);
        let code = words(&streets, row, "code");
        let houses = Houses { addresses: &addresses, code: code.as_deref(), name: &found.name, when };
        found.between(&[houses.of(&first)?, houses.of(&last)?].concat())?
    };
    let part = course.between(one, other);
    Site::of_street(
        MultiLineString(vec![part]),
        reference(&streets, row),
        Along { street: found.name.clone(), from_m: one.min(other), to_m: one.max(other), length_m: course.length_m() },
    )
    .map_err(|error| unplaced(&error))
}

/// The inputs that say which stretch, without a street to say it of.
///
/// # Errors
/// Any of them.
pub fn without_street(inputs: &Inputs) -> Result<(), Problem> {
    let is_said = !inputs.texts("between")?.is_empty() || inputs.number("from_m")?.or(inputs.number("to_m")?).is_some();
    if is_said { Err(Problem::missing("along", "say along which street: its name or its code")) } else { Ok(()) }
}

/// The one street of a name, or of a code.
async fn street(app: &App, streets: &Snapshot, when: &When, along: &str) -> Result<FeatureId, Problem> {
    let validity = Validity::of(streets.definition(), when.valid_on);
    let coded = streets.definition().field("code").map(|(position, _)| position);
    let code = Value::Text(along.to_owned());
    if let Some(row) = coded.and_then(|position| streets.find(position, &code).find(|row| validity.holds(*row))) {
        return Ok(row.id());
    }
    if along.chars().count() > MAX_SEARCH_CHARS {
        return Err(Problem::parameter("along", along, format!("is longer than {MAX_SEARCH_CHARS} characters")));
    }
    built(app)?;
    let sought = Sought {
        text: along.to_owned(),
        strict: true,
        limit: MAX_CHOICES,
        kinds: vec![ThingKind::Street],
        layers: Some(vec![STREETS.to_owned()]),
        ..Sought::default()
    };
    let (territory, scope, search) = (app.territory.clone(), app.scope, Arc::clone(&app.search));
    let work = move || find(&territory, scope, &search, &sought);
    let hits = tokio::task::spawn_blocking(work).await.map_err(Problem::internal)?.map_err(Problem::internal)?;
    let exact: Vec<FeatureId> =
        hits.iter().filter(|hit| hit.quality == Quality::Exact).filter_map(|hit| hit.id).collect();
    match exact.as_slice() {
        [id] => Ok(*id),
        [] if hits.is_empty() => Err(no_street(along)),
        [] => Err(several(streets, along, "is no street that is there; those like it", &hits)),
        more => {
            let hits: Vec<Hit> = hits.into_iter().filter(|hit| hit.quality == Quality::Exact).collect();
            Err(several(streets, along, &format!("means {} streets", more.len()), &hits))
        }
    }
}

fn no_street(along: &str) -> Problem {
    let shown = clipped(along);
    let detail = format!("There is no street \"{shown}\" at that time; /search?kind=street tells what is like it.");
    Problem::new(Kind::UnknownFeature, detail).with("parameter", "along").with("value", &*shown)
}

/// The refusal that lists the streets that may be meant, each with the code that means it alone.
fn several(streets: &Snapshot, along: &str, reason: &str, hits: &[Hit]) -> Problem {
    let code = |hit: &Hit| streets.feature(hit.id?).and_then(|row| words(streets, row, "code"));
    let coded: Vec<(String, &Hit)> = hits.iter().filter_map(|hit| Some((code(hit)?, hit))).collect();
    let names: Vec<String> =
        coded.iter().map(|(code, hit)| format!("{}, {} ({code})", hit.label, hit.context)).collect();
    let choices: Vec<Json> =
        coded.iter().map(|(code, hit)| json!({"along": code, "label": hit.label, "context": hit.context})).collect();
    let reason = format!("{reason}; choose one by its code: {}", names.join("; "));
    Problem::parameter("along", along, reason).with("choices", choices)
}

/// Two house numbers.
fn numbers(between: &[String]) -> Result<[HouseNumber; 2], Problem> {
    let wrong = |reason: &str| Problem::parameter("between", &between.join(","), reason);
    let [first, last] = between else { return Err(wrong("must be two house numbers, such as 12,40")) };
    let read = |text: &String| {
        HouseNumber::read(text, "")
            .ok_or_else(|| wrong(&format!("\"{}\" is no house number, such as 12 or 12/B", clipped(text))))
    };
    Ok([read(first)?, read(last)?])
}

/// A street as lines.
struct Street<'a> {
    name: String,
    courses: Vec<Course>,
    /// As it was asked for.
    along: &'a str,
}

impl Street<'_> {
    fn by_metres(&self, from: Option<f64>, to: Option<f64>) -> Result<(&Course, [f64; 2]), Problem> {
        let course = match self.courses.as_slice() {
            [course] => course,
            courses => {
                let reason = format!(
                    "is drawn in {} lines that do not follow each other ({}), so that nobody knows where its metres are; give between, or draw the place",
                    courses.len(),
                    self.name
                );
                return Err(Problem::parameter("along", self.along, reason));
            }
        };
        let length = course.length_m();
        let inside = |name: &str, metres: f64| {
            // To the decimetre, as lengths are told.
            if (0.0..=length + 0.05).contains(&metres) {
                Ok(metres.min(length))
            } else {
                let reason = format!("must be metres from 0 to {length:.1}, the length of {}", self.name);
                Err(Problem::parameter(name, &metres.to_string(), reason).with("allowed", json!([0, length])))
            }
        };
        let (from, to) = (inside("from_m", from.unwrap_or(0.0))?, inside("to_m", to.unwrap_or(length))?);
        if to <= from {
            return Err(Problem::parameter("to_m", &to.to_string(), format!("must be more than from_m={from}")));
        }
        Ok((course, [from, to]))
    }

    /// The stretch that all of some houses front on.
    fn between(&self, houses: &[(HouseNumber, Point<f64>)]) -> Result<(&Course, [f64; 2]), Problem> {
        let feet = |course: &Course| -> Vec<f64> { houses.iter().map(|(_, at)| course.foot(*at).off_m).collect() };
        for (place, (number, _)) in houses.iter().enumerate() {
            let off = self.courses.iter().map(|course| feet(course)[place]).fold(f64::INFINITY, f64::min);
            if off > OFF_M {
                let reason = format!("{number} lies {off:.0} m off {}, more than {OFF_M} m", self.name);
                return Err(Problem::parameter("between", &number.to_string(), reason));
            }
        }
        // Each house is on the line that is nearest to it.
        let nearest = |place: usize| {
            let of = |course: &&Course| feet(course)[place];
            self.courses.iter().min_by(|a, b| of(a).total_cmp(&of(b)))
        };
        let course = nearest(0).filter(|course| (1..houses.len()).all(|place| nearest(place) == Some(*course)));
        let Some(course) = course else {
            let reason = format!("lie on parts of {} that do not follow each other; draw the place", self.name);
            let numbers: Vec<String> = houses.iter().map(|(number, _)| number.to_string()).collect();
            return Err(Problem::parameter("between", &numbers.join(","), reason));
        };
        let along = houses.iter().map(|(_, at)| course.foot(*at).along_m);
        let (least, most) =
            along.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), it| (least.min(it), most.max(it)));
        if most - least < 0.01 {
            let numbers: Vec<String> = houses.iter().map(|(number, _)| number.to_string()).collect();
            let reason = format!("are at the same place of {}; a stretch needs two", self.name);
            return Err(Problem::parameter("between", &numbers.join(","), reason));
        }
        Ok((course, [least, most]))
    }
}

/// The houses of a street.
struct Houses<'a> {
    addresses: &'a Snapshot,
    code: Option<&'a str>,
    name: &'a str,
    when: &'a When,
}

impl Houses<'_> {
    /// All doors with a number.
    fn of(&self, number: &HouseNumber) -> Result<Vec<(HouseNumber, Point<f64>)>, Problem> {
        let of_street = self.rows();
        let number_of = |row: &RowRef<'_>| {
            let said = |name: &str| words(self.addresses, *row, name).unwrap_or_default();
            HouseNumber::read(&said("number"), &said("suffix"))
        };
        let place = |row: &RowRef<'_>| match Positions::LonLat.geometry(*row) {
            Some(Geometry::Point(point)) => Some(point),
            _ => None,
        };
        let doors = of_street.iter().filter(|row| number_of(row).as_ref() == Some(number)).filter_map(place);
        let doors: Vec<(HouseNumber, Point<f64>)> = doors.map(|at| (number.clone(), at)).collect();
        if !doors.is_empty() {
            return Ok(doors);
        }
        let mut known: Vec<HouseNumber> = of_street.iter().filter_map(number_of).collect();
        known.sort();
        known.dedup();
        let count = known.len();
        let known: Vec<String> = known.iter().take(NAMED).map(ToString::to_string).collect();
        let reason = match count {
            0 => format!("no house number of {} is known", self.name),
            _ => format!(
                "there is no number {number} in {}; its {count} numbers begin with {}",
                self.name,
                known.join(", ")
            ),
        };
        Err(Problem::parameter("between", &number.to_string(), reason).with("allowed", known))
    }

    /// The addresses of the street: by its code, or where these have none by its name.
    fn rows(&self) -> Vec<RowRef<'_>> {
        let validity = Validity::of(self.addresses.definition(), self.when.valid_on);
        let equal = |field: &str, value: &str| -> Vec<RowRef<'_>> {
            let Some((position, _)) = self.addresses.definition().field(field) else { return Vec::new() };
            let value = Value::Text(value.to_owned());
            let ids: Vec<FeatureId> =
                self.addresses.find(position, &value).filter(|row| validity.holds(*row)).map(|row| row.id()).collect();
            ids.into_iter().filter_map(|id| self.addresses.feature(id)).collect()
        };
        let by_code = self.code.map(|code| equal("street_code", code)).unwrap_or_default();
        if by_code.is_empty() { equal("street_name", self.name) } else { by_code }
    }
}
