//! `/jobs` and `/jobs/{jobId}` for people.

use maud::{Markup, html};
use serde_json::Value;

use super::super::frame::Content;
use super::super::{Asked, members, text};

/// The list.
pub fn jobs(asked: &Asked<'_>, document: &Value) -> Content {
    let body = html! {
        p class="lead" { (asked.say("Le risposte lunghe: a che punto sono.", "Long answers: how far they are.")) }
        @if members(document, "jobs").next().is_none() { p { (asked.say("Nessun lavoro.", "No job.")) } }
        @else {
            table class="table" {
                caption class="visually-hidden" { (asked.say("I lavori", "The jobs")) }
                thead { tr {
                    th scope="col" { (asked.say("Lavoro", "Job")) } th scope="col" { (asked.say("Processo", "Process")) }
                    th scope="col" { (asked.say("Stato", "Status")) } th scope="col" class="number" { "%" }
                    th scope="col" { (asked.say("Chiesto", "Asked for")) }
                } }
                tbody { @for job in members(document, "jobs") { tr {
                    td { a href=(asked.page(&format!("jobs/{}", text(job, "jobID")))) { code { (text(job, "jobID")) } } }
                    td { (text(job, "processID")) } td { (status(asked, job)) } td class="number" { (job["progress"]) }
                    td { (text(job, "created")) }
                } } }
            }
        }
    };
    Content { title: asked.say("Lavori", "Jobs").to_owned(), above: above(asked), body }
}

/// One of them.
pub fn job(asked: &Asked<'_>, job: &Value) -> Content {
    let is_done = text(job, "status") == "successful";
    let results = format!("jobs/{}/results", text(job, "jobID"));
    let body = html! {
        p class="lead" { (status(asked, job)) ", " (job["progress"]) " %" }
        @if let Some(message) = job["message"].as_str() { p class="notice notice-danger" lang="en" { (message) } }
        dl class="facts" {
            dt { (asked.say("Processo", "Process")) } dd { (text(job, "processID")) }
            @for (name, it, en) in [("created", "Chiesto", "Asked for"), ("started", "Cominciato", "Begun"), ("finished", "Finito", "Ended")] {
                @if let Some(moment) = job[name].as_str() { dt { (asked.say(it, en)) } dd { (moment) } }
            }
        }
        @if is_done { p { a class="btn btn-primary" href=(asked.to(&results)) { (asked.say("I risultati", "The results")) } } }
    };
    Content { title: asked.say("Lavoro", "Job").to_owned(), above: above(asked), body }
}

fn above(asked: &Asked<'_>) -> Vec<(String, String)> {
    vec![(asked.say("Servizi", "Services").to_owned(), "processes".to_owned())]
}

fn status(asked: &Asked<'_>, job: &Value) -> Markup {
    let told = match text(job, "status") {
        "accepted" => asked.say("in attesa", "waiting"),
        "running" => asked.say("in corso", "running"),
        "successful" => asked.say("finito", "done"),
        "failed" => asked.say("non riuscito", "failed"),
        _ => asked.say("annullato", "dismissed"),
    };
    html! { (told) }
}
