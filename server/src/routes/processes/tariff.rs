//! `/tariff`: what an occupation of public land or water costs, before anybody's own circumstances.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::{RawQuery, Request, State};
use axum::response::Response;
use bricola_territory::tariff::plan::Crossing;
use bricola_territory::tariff::question::{Override, Question as Asked, Time};
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::HeaderMap;
use serde_json::Value;

use super::inputs::Inputs;
use super::sheets::{self, Sheet, listed, warned};
use super::zones::{FAILURES, names_a_place, outcome, sent, unmeasurable};
use super::{Call, Input, Made, Output, Process, document, moment, place, wanted};
use crate::app::App;
use crate::error::{Answer, Kind, Problem};
use crate::pages;
use crate::params::Params;
use crate::routes::when;
use crate::routes::{parameters, respond, select};
use crate::services::tariff::{NoFee, Question, layers_of, tariff};
use crate::wired::schema::{formatted, list, number, reference, text, whole, word};
use crate::wired::{Operation, Words};

/// See [`super::PROCESSES`].
pub const PROCESS: Process = Process {
    id: "base-tariff",
    version: "1.0.0",
    title: Words("Tariffa di base del canone unico", "Base tariff of the public-land fee"),
    about: Words(
        "Il canone di un’occupazione (L. 160/2019, art. 1 c. 816–847) secondo il piano tariffario del giorno: zone e quote, \
         quantità e durata, riduzioni, passaggio per passaggio, con le prove. Chi occupa non vi compare.",
        "The fee of an occupation of public land or water (L. 160/2019, art. 1 c. 816–847) by the tariff plan of the day: zones \
         and shares, quantity and time, reductions, step by step, with the evidence. It has no word for who occupies.",
    ),
    inputs,
    outputs: &[Output {
        name: "tariff",
        about: Words("Il canone con i suoi passaggi e le prove", "The fee with its steps and the evidence"),
        media_type: "application/json",
    }],
    path: "/tariff",
    run,
};

fn inputs() -> Vec<Input> {
    let mut inputs = vec![
        wanted(
            "occupation",
            Words(
                "Il tipo di occupazione, uno di quelli del piano",
                "The kind of occupation, one of those of the plan",
            ),
            text(),
        )
        .needed()
        .such_as("rete"),
    ];
    inputs.extend(place::inputs());
    inputs.extend([
        wanted("street", Words("Codice della via, se la si dichiara", "Code of the street, if it is declared"), text()),
        wanted("number", Words("Numero civico sulla via", "House number on the street"), whole(0)),
        wanted(
            "quantity",
            Words(
                "Quantità nell’unità del tipo (m², metri di fronte, pezzi, litri, utenze); senza, si misura il disegno",
                "Quantity in the unit of the kind (m², metres of front, pieces, litres, users); without it the drawing is measured",
            ),
            number(),
        ),
        wanted("width", Words("Larghezza in metri di ciò che è disegnato come linea", "Width in metres of what is drawn as a line"), number()),
        wanted("from", Words("Primo giorno", "First day"), formatted("date")),
        wanted("to", Words("Ultimo giorno, compreso", "Last day, which counts"), formatted("date")),
        wanted("days", Words("Giorni, se le date non si sanno", "Days, where dates are not known"), whole(1)),
        wanted("hours", Words("Ore di ciascun giorno, per i tipi a ore", "Hours of each day, for kinds by the hour"), number()),
        wanted("flags", Words("Dichiarazioni, come non-commerciale", "Declarations, such as non-commerciale"), list(&text())),
        wanted(
            "crossing",
            Words("Un’altra regola per i confini di zona, per decisione dell’ufficio", "Another rule for borders of zones, by decision of the office"),
            word(Crossing::ALL.map(Crossing::code)),
        ),
        wanted("motivation", Words("Perché un’altra regola", "Why another rule"), text()),
    ]);
    inputs.extend(moment());
    inputs
}

fn run(call: Call) -> BoxFuture<'static, Result<Vec<Made>, Problem>> {
    async move { Ok(vec![document("tariff", &answer(&call.app, &call.inputs).await?)]) }.boxed()
}

/// See [`post`].
pub static SHEET: Sheet = Sheet {
    process: &PROCESS,
    parcel: "parcel",
    columns: &["fee", "currency", "counted", "unit", "zones", "plan", "warnings", "sha256"],
    answer: |app, inputs| {
        async move {
            let answer = answer(&app, &inputs).await?;
            let said = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let zones =
                listed(&answer, "zones", |zone| format!("{} {} %", said(&zone["code"]), said(&zone["percent"])));
            let (quantity, rules) = (&answer["quantity"], &answer["rules"]);
            let counted =
                [said(&answer["fee"]), said(&answer["currency"]), said(&quantity["counted"]), said(&quantity["unit"])];
            let rest = [zones, said(&rules["plan"]), warned(&answer), said(&answer["evidence"]["sha256"])];
            Ok(counted.into_iter().chain(rest).collect())
        }
        .boxed()
    },
};

/// `POST /tariff`.
pub async fn post(State(app): State<Arc<App>>, RawQuery(query): RawQuery, request: Request) -> Response {
    sheets::post(&SHEET, app, query, request).await
}

/// Of [`post`].
pub fn about_table() -> Operation {
    let about = Words(
        "Una tabella (CSV o GeoPackage) di occupazioni: ogni riga torna com’era, con il canone o con la ragione per cui non c’è. Le          colonne si chiamano come i parametri; ciò che vale per tutte le righe sta nell’indirizzo. Con Prefer: respond-async come lavoro.",
        "A table (CSV or GeoPackage) of occupations: each row comes back as it was, with the fee or with the reason why there is none.          Columns are called as the parameters are; what holds for all rows is in the address. With Prefer: respond-async as a job.",
    );
    sheets::about(&SHEET, "base-tariffs", Words("Tariffe di una tabella", "Tariffs of a table"), about)
}

/// `GET /tariff`.
pub async fn get(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Answer {
    let params = Params::read(query.as_deref(), &PROCESS.parameters())?;
    let inputs = Inputs::of_query(&params);
    let language = respond::language(&params, &headers)?;
    if respond::format(&params, &headers)? == respond::Format::Json {
        return Ok(sent(&answer(&app, &inputs).await?));
    }
    let base = respond::base_url(&app.config, &headers);
    let asked = pages::Asked::new(&app, language, &base, "tariff", query.as_deref());
    let is_asked = names_a_place(&inputs) || inputs.text("quantity")?.is_some();
    let outcome = outcome(is_asked, answer(&app, &inputs)).await;
    let tariffs = Arc::clone(&app.tariffs);
    let loaded = tokio::task::spawn_blocking(move || tariffs.current()).await.map_err(Problem::internal)?;
    Ok(pages::send(&asked, &pages::desk::tariff(&asked, &loaded, &outcome)))
}

/// Of [`get`].
pub fn about() -> Operation {
    let mut parameters: Vec<_> = inputs().into_iter().map(Input::parameter).collect();
    if let Some(quantity) = parameters.iter_mut().find(|it| it.name == "quantity") {
        quantity.example = Some(780.into());
    }
    Operation::get("base-tariff", "desk", PROCESS.title, PROCESS.about)
        .takes(parameters)
        .takes([parameters::lang(), parameters::form(["json", "html"])])
        .gives(
            PROCESS.about,
            [("application/json", reference("TariffAnswer")), ("text/html", text())],
            &["Bricola-Seq", "Cache-Control"],
        )
        .fails(FAILURES)
        .fails([Kind::UnknownFeature, Kind::NotAcceptable, Kind::NoTariff, Kind::NoFee])
}

async fn answer(app: &App, inputs: &Inputs) -> Result<Value, Problem> {
    let asked = asked(inputs)?;
    let when = when::of(app, inputs.text(when::AT)?, None).await?;
    let when = when.valid(asked.day);
    let seq = when.seq(app);
    let site = place::site(app, inputs, &when).await?;
    let street = match (street(inputs)?, &site) {
        // A house is on its own street, whichever is nearer on the map.
        (None, Some(site)) if inputs.text("address")?.is_some() => place::street_of(app, &when, site).await?,
        (said, _) => said,
    };
    let tariffs = Arc::clone(&app.tariffs);
    let loaded = tokio::task::spawn_blocking(move || tariffs.current()).await.map_err(Problem::internal)?;
    let plan = loaded.plans.on(asked.day).map_err(|none| no_plan(&none))?.clone();
    let mut layers = BTreeMap::new();
    for id in layers_of(&plan) {
        // What is missing is told where it is needed.
        if let Ok(layer) = select::one(app, &id) {
            layers.insert(id, when.snapshots(app, &[layer]).await?.swap_remove(0));
        }
    }
    let odd = site.as_ref().map(|site| site.warnings.clone()).unwrap_or_default();
    let question = Question { site, street, width_m: inputs.exact("width")?, asked, layers, seq };
    let work = tokio::task::spawn_blocking(move || tariff(&plan, question)).await.map_err(Problem::internal)?;
    // What is odd about the place may be why there is no fee.
    work.map_err(|error| no_fee(&error).with("warnings", serde_json::to_value(&odd).unwrap_or_default()))
}

fn asked(inputs: &Inputs) -> Result<Asked, Problem> {
    let (from, to) = (inputs.day("from")?, inputs.day("to")?);
    let day = match inputs.text(when::DATETIME)? {
        Some(_) => inputs.day(when::DATETIME)?,
        None => from,
    };
    let days = inputs.whole("days")?;
    if days == Some(0) {
        return Err(Problem::parameter("days", "0", "must be at least 1"));
    }
    let crossing = match inputs.text("crossing")? {
        None => None,
        Some(code) => {
            let policy = Crossing::ALL.into_iter().find(|it| it.code() == code).ok_or_else(|| {
                let known = Crossing::ALL.map(Crossing::code).join(", ");
                Problem::parameter("crossing", code, format!("must be one of {known}"))
                    .with("allowed", Crossing::ALL.map(Crossing::code).to_vec())
            })?;
            let motivation = inputs
                .needed("motivation", "another rule than the plan's takes a reason, which stays in the evidence")?;
            Some(Override { policy, motivation: motivation.to_owned() })
        }
    };
    Ok(Asked {
        day: day.unwrap_or_else(when::today),
        occupation: inputs.needed("occupation", "say which kind of occupation, such as plateatico")?.to_owned(),
        quantity: inputs.exact("quantity")?,
        time: Time { from, to, days, hours_per_day: inputs.exact("hours")? },
        pieces: Vec::new(),
        layers: BTreeMap::new(),
        flags: inputs.texts("flags")?.into_iter().collect(),
        crossing,
        measure: None,
    })
}

fn street(inputs: &Inputs) -> Result<Option<(String, Option<u64>)>, Problem> {
    let number = inputs.whole("number")?;
    match inputs.text("street")? {
        Some(code) => Ok(Some((code.to_owned(), number))),
        None if number.is_some() => Err(Problem::missing("street", "a house number takes the code of its street")),
        None => Ok(None),
    }
}

fn no_plan(none: &bricola_territory::tariff::NoPlan) -> Problem {
    let text = none.text();
    Problem::new(Kind::NoTariff, format!("{none}."))
        .with("text", serde_json::to_value(&text).unwrap_or_default())
        .with("parameter", "datetime, from")
}

fn no_fee(error: &NoFee) -> Problem {
    match error {
        NoFee::Unmeasurable(error) => unmeasurable(error),
        NoFee::Refused(refusal) => Problem::new(Kind::NoFee, format!("{}.", refusal.text.en))
            .with("parameter", refusal.field)
            .with("reason", refusal.code)
            .with("text", serde_json::to_value(&refusal.text).unwrap_or_default()),
        NoFee::Crs(error) => Problem::new(Kind::InvalidParameter, error.to_string()).with("parameter", "geometry"),
        NoFee::NoLayer(id) => {
            let it = format!("il piano cerca le zone nello strato «{id}», che non c’è");
            Problem::new(Kind::NoFee, format!("{error}."))
                .with("reason", "no-layer")
                .with("text", serde_json::json!({"it": it, "en": error.to_string()}))
        }
    }
}
