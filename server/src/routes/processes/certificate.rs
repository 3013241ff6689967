//! `/certificate`: the certificate of planning destination (*CDU*, DPR 380/2001, art. 30) of parcels.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{RawQuery, Request, State};
use axum::response::Response;
use bricola_layers::cache::Snapshot;
use bricola_layers::definition::Theme;
use bricola_layers::limits::MAX_CERTIFIED;
use bytes::Bytes;
use futures::FutureExt as _;
use futures::future::BoxFuture;
use http::{HeaderMap, header};
use serde_json::Value;

use super::inputs::Inputs;
use super::sheets::{self, Sheet, listed, warned};
use super::zones::{FAILURES, sent, unmeasurable};
use super::{Call, Input, Made, Output, Process, document, moment, place, wanted};
use crate::app::App;
use crate::error::{Answer, Kind, Problem};
use crate::pages;
use crate::params::Params;
use crate::routes::respond::Language;
use crate::routes::when::{self, When};
use crate::routes::{parameters, respond, select};
use crate::services::certificate::{Issued, NotIssued, Question, geopackage, issue, pdf};
use crate::services::jobs::Progress;
use crate::wired::schema::{formatted, list, reference, text};
use crate::wired::{Operation, Words};

const PDF: &str = "application/pdf";
const GEOPACKAGE: &str = "application/geopackage+sqlite3";
/// Files: the word of `f`, the output, the end of the name.
const FILES: [(&str, &str, &str); 2] = [("pdf", "pdf", "pdf"), ("gpkg", "pieces", "gpkg")];

/// See [`super::PROCESSES`].
pub const PROCESS: Process = Process {
    id: "planning-certificate",
    version: "1.0.0",
    title: Words("Destinazione urbanistica di particelle (CDU)", "Planning destination of parcels (CDU)"),
    about: Words(
        "Il contenuto del certificato di destinazione urbanistica (DPR 380/2001, art. 30): per ogni particella le zone di tutti i \
         piani e i vincoli del giorno, approvati e adottati, con m² e quote che chiudono a 100,00, scarti, vuoti e \
         sovrapposizioni, zone entro la tolleranza delle mappe, e le prove.",
        "What a certificate of planning destination says (DPR 380/2001, art. 30): for each parcel the zones of all plans and \
         constraints of the day, approved and adopted, with m² and shares that close to 100.00, slivers, gaps and overlaps, zones \
         within the tolerance of the maps, and the evidence.",
    ),
    inputs,
    outputs: &[
        Output {
            name: "certificate",
            about: Words("Il certificato per i programmi", "The certificate for programs"),
            media_type: "application/json",
        },
        Output {
            name: "page",
            about: Words("Il certificato da leggere e stampare", "The certificate to read and to print"),
            media_type: "text/html; charset=utf-8",
        },
        Output { name: "pdf", about: Words("Il certificato in PDF", "The certificate as a PDF"), media_type: PDF },
        Output {
            name: "pieces",
            about: Words("Le parti in ciascuna zona, come GeoPackage", "The parts in each zone, as a GeoPackage"),
            media_type: GEOPACKAGE,
        },
    ],
    path: "/certificate",
    run,
};

fn inputs() -> Vec<Input> {
    let mut inputs = vec![
        wanted(
            "parcels",
            Words("Le particelle, come 12/345 o L736_001200.345", "The parcels, such as 12/345 or L736_001200.345"),
            list(&text()),
        )
        .needed()
        .such_as("12/1"),
        wanted(
            "layers",
            Words(
                "Gli strati dei piani; senza, tutti quelli di urbanistica",
                "The layers of plans; without it, all of planning",
            ),
            list(&text()),
        ),
    ];
    inputs.extend(moment());
    inputs
}

fn run(call: Call) -> BoxFuture<'static, Result<Vec<Made>, Problem>> {
    async move {
        let issued = answer(&call.app, &call.inputs, call.progress.clone()).await?;
        let tenant = call.app.config.tenant.name.clone();
        let work = move || call.wanted.iter().map(|name| made(name, &tenant, &issued)).collect();
        tokio::task::spawn_blocking(work).await.map_err(Problem::internal)?
    }
    .boxed()
}

/// One output.
fn made(name: &str, tenant: &str, issued: &Issued) -> Result<Made, Problem> {
    Ok(match name {
        "page" => {
            let page = pages::desk::printed(tenant, issued, Language::Italian);
            Made { name: "page", media_type: "text/html; charset=utf-8", body: Bytes::from(page) }
        }
        "pdf" => Made { name: "pdf", media_type: PDF, body: Bytes::from(pdf(tenant, issued)) },
        "pieces" => {
            let file = geopackage(&issued.certificates).map_err(Problem::internal)?;
            Made { name: "pieces", media_type: GEOPACKAGE, body: Bytes::from(file) }
        }
        _ => document("certificate", &issued.document),
    })
}

/// See [`post`].
pub static SHEET: Sheet = Sheet {
    process: &PROCESS,
    parcel: "parcels",
    columns: &["certified", "area_m2", "registered_m2", "zones", "warnings", "sha256"],
    answer: |app, inputs| {
        async move {
            let issued = answer(&app, &inputs, Progress::default()).await?;
            let said = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let zone = |zone: &Value| format!("{} {} %", said(&zone["code"]), said(&zone["percent"]));
            let layer = |layer: &Value| format!("{}: {}", said(&layer["id"]), listed(layer, "zones", zone));
            let each = |of: &dyn Fn(&Value) -> String| listed(&issued.document, "certificates", of);
            Ok(vec![
                each(&|it| said(&it["parcel"])),
                each(&|it| said(&it["area_m2"])),
                each(&|it| said(&it["registered_m2"])),
                each(&|it| listed(it, "layers", layer)),
                each(&|it| warned(it)),
                said(&issued.document["evidence"]["sha256"]),
            ])
        }
        .boxed()
    },
};

/// `POST /certificate`.
pub async fn post(State(app): State<Arc<App>>, RawQuery(query): RawQuery, request: Request) -> Response {
    sheets::post(&SHEET, app, query, request).await
}

/// Of [`post`].
pub fn about_table() -> Operation {
    let about = Words(
        "Una tabella (CSV o GeoPackage) di particelle: ogni riga torna com’era, con le zone e l’impronta del suo certificato, o con la          ragione per cui non c’è. Con Prefer: respond-async come lavoro.",
        "A table (CSV or GeoPackage) of parcels: each row comes back as it was, with the zones and the hash of its certificate, or with          the reason why there is none. With Prefer: respond-async as a job.",
    );
    sheets::about(&SHEET, "certificates", Words("Certificati di una tabella", "Certificates of a table"), about)
}

/// `GET /certificate`.
pub async fn get(State(app): State<Arc<App>>, RawQuery(query): RawQuery, headers: HeaderMap) -> Answer {
    let params = Params::read(query.as_deref(), &PROCESS.parameters())?;
    let inputs = Inputs::of_query(&params);
    let language = respond::language(&params, &headers)?;
    // A file is asked for by its name only; browsers are shown the page.
    params.one_of("f", &[("json", ()), ("html", ()), ("pdf", ()), ("gpkg", ())])?;
    let file = params.text("f").and_then(|f| FILES.into_iter().find(|(name, ..)| *name == f));
    if let Some((_, output, ending)) = file {
        let issued = answer(&app, &inputs, Progress::default()).await?;
        let tenant = app.config.tenant.name.clone();
        let work = move || made(output, &tenant, &issued);
        let made = tokio::task::spawn_blocking(work).await.map_err(Problem::internal)??;
        let mut response = Response::new(Body::from(made.body));
        respond::set(&mut response, header::CONTENT_TYPE, made.media_type);
        respond::set(&mut response, header::CONTENT_DISPOSITION, &format!("attachment; filename=\"cdu.{ending}\""));
        respond::set(&mut response, header::CACHE_CONTROL, "no-cache");
        return Ok(response);
    }
    if respond::format(&params, &headers)? == respond::Format::Json {
        return Ok(sent(&answer(&app, &inputs, Progress::default()).await?.document));
    }
    let base = respond::base_url(&app.config, &headers);
    let asked = pages::Asked::new(&app, language, &base, "certificate", query.as_deref());
    let outcome =
        if inputs.texts("parcels")?.is_empty() { None } else { Some(answer(&app, &inputs, Progress::default()).await) };
    Ok(pages::send(&asked, &pages::desk::certificate(&asked, outcome.as_ref())))
}

/// Of [`get`].
pub fn about() -> Operation {
    Operation::get("certificate", "desk", PROCESS.title, PROCESS.about)
        .takes(inputs().into_iter().map(Input::parameter))
        .takes([parameters::lang(), parameters::form(["json", "html", "pdf", "gpkg"])])
        .gives(
            PROCESS.about,
            [
                ("application/json", reference("CertificateAnswer")),
                ("text/html", text()),
                (PDF, formatted("binary")),
                (GEOPACKAGE, formatted("binary")),
            ],
            &["Bricola-Seq", "Cache-Control"],
        )
        .fails(FAILURES)
        .fails([Kind::UnknownFeature, Kind::NotAcceptable])
}

async fn answer(app: &App, inputs: &Inputs, progress: Progress) -> Result<Issued, Problem> {
    let asked = inputs.texts("parcels")?;
    if asked.is_empty() {
        return Err(Problem::missing("parcels", "name the parcels, such as 12/345"));
    }
    if asked.len() > MAX_CERTIFIED {
        let detail = format!("{} parcels; at most {MAX_CERTIFIED} in one certificate.", asked.len());
        return Err(Problem::new(Kind::InvalidParameter, detail)
            .with("parameter", "parcels")
            .with("limit", "MAX_CERTIFIED")
            .with("allowed", MAX_CERTIFIED));
    }
    let when = when::of(app, inputs.text(when::AT)?, inputs.text(when::DATETIME)?).await?;
    let day = when.valid_on.unwrap_or_else(when::today);
    let when = when.valid(day);
    let seq = when.seq(app);
    let mut parcels = Vec::new();
    for reference in &asked {
        parcels.push(place::one_parcel(app, &when, reference).await?);
    }
    let layers = plans(app, &inputs.texts("layers")?, &when).await?;
    let question = Question { parcels, layers, day, seq, progress };
    let work = tokio::task::spawn_blocking(move || issue(&question)).await.map_err(Problem::internal)?;
    work.map_err(|error| match &error {
        NotIssued::Unmeasurable(_, why) => unmeasurable(why),
        NotIssued::Dismissed => Problem::new(Kind::JobFailed, "The job was dismissed."),
        NotIssued::NoSurface(_) => Problem::new(Kind::Unmeasurable, format!("{error}.")).with("parameter", "parcels"),
    })
}

/// The layers of plans and constraints: those that are named, or all of the theme.
async fn plans(app: &App, named: &[String], when: &When) -> Result<Vec<Arc<Snapshot>>, Problem> {
    let list = if named.is_empty() {
        let is_plan = |definition: &bricola_layers::definition::LayerDefinition| {
            definition.planning.is_some() || definition.theme == Theme::Planning
        };
        let all: Vec<String> = select::visible(app)
            .filter(|(_, it)| is_plan(it) && it.geometry.dimension() == Some(2))
            .map(|(_, it)| it.id.clone())
            .collect();
        if all.is_empty() {
            return Ok(Vec::new());
        }
        let layers = all.iter().map(|id| select::one(app, id)).collect::<Result<Vec<_>, _>>()?;
        return when.snapshots(app, &layers).await;
    } else {
        named.join(",")
    };
    when.snapshots(app, &select::named(app, &list)?).await
}
