//! `/conflicts`: what a new site collides with, and when it would not.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use bricola_territory::Exact;
use bricola_territory::conflicts::NewSite;
use chrono::NaiveDate;
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
use crate::services::conflicts::{Question, conflicts};
use crate::wired::schema::{boolean, formatted, number, reference, text, usually};
use crate::wired::{Operation, Words};

/// Most days of a site.
const MAX_DAYS: i64 = 3_660;
/// Most metres of clearance.
const MAX_CLEARANCE_M: u64 = 500;

/// See [`super::PROCESSES`].
pub const PROCESS: Process = Process {
    id: "conflicts",
    version: "1.0.0",
    title: Words("Conflitti di un cantiere", "Conflicts of a work site"),
    about: Words(
        "Con che cosa un nuovo cantiere è in conflitto, nello spazio e nel tempo: cantieri, opere, occupazioni, eventi, ZTL, linee, \
         divieti di scavo, secondo le regole dell’ente; quali strade chiude a chi va a piedi, con le deviazioni e ciò che resta isolato; \
         quanto è grave e perché, e il periodo libero più vicino, con le prove.",
        "What a new site collides with, in space and time: sites, works, occupations, events, traffic zones, lines, ground not to \
         be dug up, by the office's rules; which streets it closes to those who walk, with ways around and what is cut off; how \
         severe and why, and the nearest free time, with the evidence.",
    ),
    inputs,
    outputs: &[Output {
        name: "conflicts",
        about: Words("I conflitti, il periodo libero e le prove", "The conflicts, the free time and the evidence"),
        media_type: "application/json",
    }],
    path: "/conflicts",
    run,
};

fn inputs() -> Vec<Input> {
    let mut inputs = place::inputs_at_san_marco();
    let [_, at] = moment();
    inputs.extend([
        wanted("from", Words("Primo giorno del cantiere", "First day of the site"), formatted("date"))
            .needed()
            .such_as("2026-06-01"),
        wanted("to", Words("Ultimo giorno, compreso", "Last day, which counts"), formatted("date"))
            .needed()
            .such_as("2026-06-30"),
        wanted(
            "clearance",
            Words(
                "Metri attorno al cantiere; senza, quelli delle regole",
                "Metres around the site; those of the rules without it",
            ),
            number(),
        ),
        wanted("digs", Words("Se si scava", "Whether the ground is opened"), usually(boolean(), true)),
        wanted(
            "earliest",
            Words(
                "Da quando potrebbe cominciare, per il periodo libero; senza, da «from»",
                "From when on it could begin, for the free time; from `from` on without it",
            ),
            formatted("date"),
        ),
        at,
    ]);
    inputs
}

fn run(call: Call) -> BoxFuture<'static, Result<Vec<Made>, Problem>> {
    async move { Ok(vec![document("conflicts", &answer(&call.app, &call.inputs).await?)]) }.boxed()
}

/// `GET /conflicts`.
pub async fn get(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Answer {
    let params = Params::read(query.as_deref(), &PROCESS.parameters())?;
    let inputs = Inputs::of_query(&params);
    let language = respond::language(&params, &headers)?;
    if respond::format(&params, &headers)? == respond::Format::Json {
        return Ok(sent(&answer(&app, &inputs).await?));
    }
    let base = respond::base_url(&app.config, &headers);
    let asked = pages::Asked::new(&app, language, &base, "conflicts", query.as_deref());
    let outcome = outcome(names_a_place(&inputs), answer(&app, &inputs)).await;
    let rules = Arc::clone(&app.conflict_rules);
    let loaded = tokio::task::spawn_blocking(move || rules.current()).await.map_err(Problem::internal)?;
    Ok(pages::send(&asked, &pages::desk::conflicts(&asked, &loaded, &outcome)))
}

/// Of [`get`].
pub fn about() -> Operation {
    Operation::get("conflicts", "desk", PROCESS.title, PROCESS.about)
        .takes(inputs().into_iter().map(Input::parameter))
        .takes([parameters::lang(), parameters::form(["json", "html"])])
        .gives(
            PROCESS.about,
            [("application/json", reference("ConflictsAnswer")), ("text/html", text())],
            &["Bricola-Seq", "Cache-Control"],
        )
        .fails(FAILURES)
        .fails([Kind::UnknownFeature, Kind::NotAcceptable, Kind::NoRules])
}

async fn answer(app: &Arc<App>, inputs: &Inputs) -> Result<Value, Problem> {
    let asked = asked(inputs)?;
    let when = when::of(app, inputs.text(when::AT)?, None).await?.valid(asked.from);
    let seq = when.seq(app);
    let site = place::site(app, inputs, &when).await?;
    let site = site.ok_or_else(|| Problem::missing("geometry", "say where: geometry, x and y, parcel or feature"))?;
    let rules = Arc::clone(&app.conflict_rules);
    let loaded = tokio::task::spawn_blocking(move || rules.current()).await.map_err(Problem::internal)?;
    let Some(rules) = &loaded.rules else { return Err(no_rules(loaded.faults.len())) };
    // What is missing is told.
    let layers = when.present(app, rules.layer_ids()).await?;
    let (rules, app) = (rules.clone(), Arc::clone(app));
    let work = tokio::task::spawn_blocking(move || {
        let streets = rules.walk.as_ref().and_then(|walk| layers.get(&walk.layer));
        let network = streets.map(|streets| app.networks.of(streets, Some(asked.from)));
        conflicts(&rules, Question { site, asked, layers, network, seq })
    });
    let work = work.await;
    work.map_err(Problem::internal)?.map_err(|error| unmeasurable(&error))
}

fn asked(inputs: &Inputs) -> Result<NewSite, Problem> {
    let needed = |name: &str, reason: &str| -> Result<NaiveDate, Problem> {
        inputs.day(name)?.ok_or_else(|| Problem::missing(name, reason))
    };
    let from = needed("from", "say on which day the site begins, such as 2026-06-01")?;
    let to = needed("to", "say on which day it ends, such as 2026-06-30")?;
    let days = (to - from).num_days() + 1;
    if !(1..=MAX_DAYS).contains(&days) {
        let reason = format!("must be on or after from={from}, and not more than {MAX_DAYS} days later");
        return Err(Problem::parameter("to", &to.to_string(), reason));
    }
    let clearance_m = inputs.exact("clearance")?;
    if let Some(metres) = clearance_m.as_ref().filter(|it| it.is_negative() || **it > Exact::from(MAX_CLEARANCE_M)) {
        let reason = format!("must be metres from 0 to {MAX_CLEARANCE_M}");
        return Err(Problem::parameter("clearance", &metres.to_string(), reason));
    }
    let earliest = inputs.day("earliest")?.unwrap_or(from);
    if earliest > from {
        return Err(Problem::parameter("earliest", &earliest.to_string(), format!("must not be after from={from}")));
    }
    Ok(NewSite { from, to, clearance_m, digs: inputs.flag("digs")?.unwrap_or(true), earliest })
}

fn no_rules(faults: usize) -> Problem {
    let (it, en) = if faults == 0 {
        (
            "l’ente non ha ancora scritto le regole dei conflitti".to_owned(),
            "the office has not written rules of conflicts yet".to_owned(),
        )
    } else {
        (
            format!("le regole dei conflitti hanno errori ({faults})"),
            format!("the rules of conflicts have {faults} faults"),
        )
    };
    Problem::new(Kind::NoRules, format!("There are no rules: {en}; `bricola conflicts` lists them."))
        .with("faults", faults)
        .with("text", serde_json::json!({"it": it, "en": en}))
}
