//! `/ztl`: whether one may enter a limited traffic zone, and until when.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{RawQuery, State};
use bricola_territory::text::Warning;
use bricola_territory::ztl::{Category, Fuel, MAX_DAYS, Parity, Question as Asked, ROME, Regulations, Vehicle, now_at};
use bricola_territory::{Exact, Text};
use chrono::{DateTime, Datelike as _, NaiveDateTime, TimeZone as _, Timelike as _, Utc};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::HeaderMap;
use serde_json::Value;

use super::inputs::Inputs;
use super::zones::{FAILURES, names_a_place, outcome, sent, unmeasurable};
use super::{Call, Input, Made, Output, Process, document, moment, place, wanted};
use crate::app::App;
use crate::error::{Answer, Kind, Problem};
use crate::pages;
use crate::params::Params;
use crate::routes::when;
use crate::routes::{parameters, respond};
use crate::services::zones::Unzoned;
use crate::services::ztl::{Question, ztl};
use crate::wired::schema::{between, list, number, reference, text, usually, whole, word};
use crate::wired::{Operation, Words};

/// Years that a moment may lie in: those for which somebody may have written rules.
const YEARS: std::ops::RangeInclusive<i32> = 1990..=2099;
/// Days of the timeline, where nobody says how many.
const DAYS: u32 = 7;

/// See [`super::PROCESSES`].
pub const PROCESS: Process = Process {
    id: "ztl",
    version: "1.0.0",
    title: Words("Accesso alle zone a traffico limitato (ZTL)", "Access to limited traffic zones"),
    about: Words(
        "Se con un veicolo si entra in un luogo in un momento: zone, regola che decide, da quando cambia, permessi che bastano, \
         giorno per giorno, con le prove. Targhe e titolari non si chiedono.",
        "Whether a vehicle may enter a place at a moment: zones, the rule that decides, when it changes, permits that would do, \
         day by day, with the evidence. Plates and holders are not asked for.",
    ),
    inputs,
    outputs: &[Output {
        name: "access",
        about: Words(
            "Se si entra, perché e fino a quando, e le prove",
            "Whether one may enter, why and until when, and the evidence",
        ),
        media_type: "application/json",
    }],
    path: "/ztl",
    run,
};

fn inputs() -> Vec<Input> {
    let mut inputs = place::inputs_at_san_marco();
    let [_, at] = moment();
    inputs.extend([
        wanted(
            when::DATETIME,
            Words(
                "Il momento: 2026-07-18T19:00 secondo l’orologio italiano, o con lo scarto da UTC; senza, adesso",
                "The moment: 2026-07-18T19:00 by the clock of Italy, or with its difference to UTC; now without it",
            ),
            text(),
        ),
        wanted("vehicle", Words("Il veicolo", "The vehicle"), word(Category::WORDS.map(|(word, _)| word)))
            .such_as("car"),
        wanted(
            "euro",
            Words("La classe di emissione: 4 per Euro 4", "The emission class: 4 for Euro 4"),
            between(0, 9),
        ),
        wanted("fuel", Words("L’alimentazione", "What it runs on"), word(Fuel::WORDS.map(|(word, _)| word))),
        wanted("mass", Words("Massa a pieno carico, in kg", "Full mass in kg"), number()),
        wanted("length", Words("Lunghezza in metri", "Length in metres"), number()),
        wanted("seats", Words("Posti", "Seats"), whole(1)),
        wanted(
            "plate",
            Words(
                "Se la targa finisce con un numero pari o dispari; non la targa",
                "Whether the plate ends in an even or odd digit; not the plate",
            ),
            word(Parity::WORDS.map(|(word, _)| word)),
        ),
        wanted(
            "user",
            Words(
                "Categorie di chi entra, tra quelle dei regolamenti",
                "Classes of who enters, of those that the regulations have",
            ),
            list(&text()),
        ),
        wanted(
            "resident_of",
            Words("Codici delle zone in cui si abita", "Codes of the zones that one lives in"),
            list(&text()),
        ),
        wanted("permit", Words("Tipi di permesso che si hanno", "Types of permits that one has"), list(&text())),
        wanted(
            "days",
            Words("Giorni della linea del tempo", "Days of the timeline"),
            usually(between(1, MAX_DAYS.into()), DAYS),
        ),
        at,
    ]);
    inputs
}

fn run(call: Call) -> BoxFuture<'static, Result<Vec<Made>, Problem>> {
    async move { Ok(vec![document("access", &answer(&call.app, &call.inputs).await?)]) }.boxed()
}

/// `GET /ztl`.
pub async fn get(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Answer {
    let params = Params::read(query.as_deref(), &PROCESS.parameters())?;
    let inputs = Inputs::of_query(&params);
    let language = respond::language(&params, &headers)?;
    if respond::format(&params, &headers)? == respond::Format::Json {
        return Ok(sent(&answer(&app, &inputs).await?));
    }
    let base = respond::base_url(&app.config, &headers);
    let asked = pages::Asked::new(&app, language, &base, "ztl", query.as_deref());
    let outcome = outcome(names_a_place(&inputs), answer(&app, &inputs)).await;
    let regulations = Arc::clone(&app.regulations);
    let loaded = tokio::task::spawn_blocking(move || regulations.current()).await.map_err(Problem::internal)?;
    Ok(pages::send(&asked, &pages::desk::ztl(&asked, &loaded, &outcome)))
}

/// Of [`get`].
pub fn about() -> Operation {
    Operation::get("ztl", "desk", PROCESS.title, PROCESS.about)
        .takes(inputs().into_iter().map(Input::parameter))
        .takes([parameters::lang(), parameters::form(["json", "html"])])
        .gives(
            PROCESS.about,
            [("application/json", reference("ZtlAnswer")), ("text/html", text())],
            &["Bricola-Seq", "Cache-Control"],
        )
        .fails(FAILURES)
        .fails([Kind::UnknownFeature, Kind::NotAcceptable])
}

async fn answer(app: &App, inputs: &Inputs) -> Result<Value, Problem> {
    let regulations = Arc::clone(&app.regulations);
    let loaded = tokio::task::spawn_blocking(move || regulations.current()).await.map_err(Problem::internal)?;
    let (instant, odd) = instant(inputs.text(when::DATETIME)?)?;
    let asked = asked(inputs, &loaded.regulations, instant)?;
    let day = instant.with_timezone(&ROME).date_naive();
    let when = when::of(app, inputs.text(when::AT)?, None).await?.valid(day);
    let seq = when.seq(app);
    let site = place::site(app, inputs, &when).await?;
    let site = site.ok_or_else(|| Problem::missing("geometry", "say where: geometry, x and y, parcel or feature"))?;
    let gates = loaded.regulations.all().filter_map(|regulation| regulation.gates.as_deref());
    let named: BTreeSet<&str> = loaded.regulations.layers().into_iter().chain(gates).collect();
    // What is missing is told where it is needed.
    let layers = when.present(app, named).await?;
    let question = Question { site, asked, day, odd, layers, seq };
    let work = tokio::task::spawn_blocking(move || ztl(&loaded.regulations, question)).await;
    work.map_err(Problem::internal)?.map_err(|error| match error {
        Unzoned::Unmeasurable(error) => unmeasurable(&error),
        Unzoned::Crs(error) => Problem::new(Kind::InvalidParameter, error.to_string()).with("parameter", "geometry"),
    })
}

fn asked(inputs: &Inputs, regulations: &Regulations, instant: DateTime<Utc>) -> Result<Asked, Problem> {
    let days = within(inputs, "days", 1, MAX_DAYS.into())?.map_or(DAYS, |days| days as u32);
    let users: BTreeSet<String> = inputs.texts("user")?.into_iter().collect();
    let permits: BTreeSet<String> = inputs.texts("permit")?.into_iter().collect();
    declared("user", &users, regulations.users().into_keys().collect())?;
    declared("permit", &permits, regulations.permits().into_keys().collect())?;
    let vehicle = Vehicle {
        category: one_of(inputs, "vehicle", &Category::WORDS)?,
        euro: within(inputs, "euro", 0, 9)?,
        fuel: one_of(inputs, "fuel", &Fuel::WORDS)?,
        mass_kg: positive(inputs, "mass")?,
        length_m: positive(inputs, "length")?,
        seats: within(inputs, "seats", 1, u64::MAX)?,
        plate: one_of(inputs, "plate", &Parity::WORDS)?,
    };
    let resident_of = inputs.texts("resident_of")?.into_iter().collect();
    Ok(Asked { instant, vehicle, users, resident_of, permits, days })
}

/// The moment that is meant, to the second; of what the clock says twice the first, and told.
fn instant(text: Option<&str>) -> Result<(DateTime<Utc>, Vec<Warning>), Problem> {
    let Some(text) = text else {
        let now = Utc::now();
        return Ok((now.with_nanosecond(0).unwrap_or(now), Vec::new()));
    };
    let wrong = |reason: &str| Problem::parameter(when::DATETIME, text, reason);
    let advice = "must be a moment such as 2026-07-18T19:00, by the clock of Italy, or 2026-07-18T19:00:00+02:00";
    let (instant, odd) = if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        (instant.to_utc(), Vec::new())
    } else {
        let forms = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"];
        let clock = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
        let clock = clock.filter(|clock| YEARS.contains(&clock.year())).ok_or_else(|| wrong(advice))?;
        (now_at(clock).ok_or_else(|| wrong(advice))?, odd(clock))
    };
    if !YEARS.contains(&instant.year()) {
        return Err(wrong("must lie between 1990 and 2099"));
    }
    Ok((instant.with_nanosecond(0).unwrap_or(instant), odd))
}

/// What the clock never says, or twice.
fn odd(clock: NaiveDateTime) -> Vec<Warning> {
    use chrono::LocalResult;
    let warning = |code: &str, it: &str, en: &str| vec![Warning::new(code, Text::new(it, en))];
    match ROME.from_local_datetime(&clock) {
        LocalResult::Single(_) => Vec::new(),
        LocalResult::Ambiguous(..) => warning(
            "clock-twice",
            "quella notte l’orologio segna due volte quest’ora: si risponde per la prima; per la seconda scrivere +01:00",
            "on that night the clock says this twice: the answer is for the first; for the second write +01:00",
        ),
        LocalResult::None => warning(
            "clock-never",
            "quella notte l’orologio salta quest’ora: si risponde per le 03:00",
            "on that night the clock skips this hour: the answer is for 03:00",
        ),
    }
}

fn one_of<T: Copy>(inputs: &Inputs, name: &str, words: &[(&str, T)]) -> Result<Option<T>, Problem> {
    let Some(text) = inputs.text(name)? else { return Ok(None) };
    let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
    found.map(Some).ok_or_else(|| {
        let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        Problem::parameter(name, text, format!("must be one of {}", known.join(", "))).with("allowed", known)
    })
}

fn within(inputs: &Inputs, name: &str, least: u64, most: u64) -> Result<Option<u64>, Problem> {
    let Some(number) = inputs.whole(name)? else { return Ok(None) };
    if (least..=most).contains(&number) {
        return Ok(Some(number));
    }
    let range = if most == u64::MAX { format!("{least} or more") } else { format!("{least} to {most}") };
    Err(Problem::parameter(name, &number.to_string(), format!("must be a whole number, {range}")))
}

fn positive(inputs: &Inputs, name: &str) -> Result<Option<Exact>, Problem> {
    let number = inputs.exact(name)?;
    match number.as_ref().filter(|number| number.is_negative() || number.is_zero()) {
        Some(number) => Err(Problem::parameter(name, &number.to_string(), "must be more than zero")),
        None => Ok(number),
    }
}

/// Codes that some regulation has.
fn declared(name: &str, codes: &BTreeSet<String>, known: Vec<&str>) -> Result<(), Problem> {
    match codes.iter().find(|code| !known.contains(&code.as_str())) {
        None => Ok(()),
        Some(code) => {
            let reason = format!("is none of those that the regulations have: {}", known.join(", "));
            Err(Problem::parameter(name, code, reason).with("allowed", known))
        }
    }
}
