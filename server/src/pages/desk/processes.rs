//! `/processes` for people.

use maud::html;
use serde_json::Value;

use super::super::frame::Content;
use super::super::{Asked, members, text};

/// The list.
pub fn processes(asked: &Asked<'_>, document: &Value) -> Content {
    let body = html! {
        p class="lead" { (asked.say("Le risposte agli uffici: qui da chiedere, e per i programmi come processi.", "Answers to the offices: to be asked here, and for programs as processes.")) }
        ul class="cards" {
            @for process in members(document, "processes") {
                li class="layer-card" {
                    h2 class="h3" { a href=(form_of(asked, process)) { (text(process, "title")) } }
                    p { (text(process, "description")) }
                    p class="facts" { a href=(asked.page(&format!("processes/{}", text(process, "id")))) { (asked.say("Per i programmi", "For programs")) span class="visually-hidden" { ": " (text(process, "title")) } } }
                }
            }
        }
    };
    Content { title: asked.say("Servizi", "Services").to_owned(), above: Vec::new(), body }
}

fn form_of(asked: &Asked<'_>, process: &Value) -> String {
    let related = members(process, "links").find(|link| text(link, "rel") == "related").map(|link| text(link, "href"));
    let path = related.unwrap_or_default().trim_start_matches(asked.base).trim_start_matches('/');
    asked.page(path.split('?').next().unwrap_or_default())
}

/// One of them.
pub fn process(asked: &Asked<'_>, document: &Value) -> Content {
    let id = text(document, "id");
    let table = |name: &str, title: &'static str| {
        html! {
            h2 { (title) }
            table class="table" {
                caption class="visually-hidden" { (title) }
                thead { tr { th scope="col" { (asked.say("Nome", "Name")) } th scope="col" { (asked.say("Che cosa è", "What it is")) } } }
                tbody {
                    @for (name, it) in document[name].as_object().into_iter().flatten() {
                        tr { td { code { (name) } @if it["minOccurs"] == 1 { " *" } } td { (text(it, "title")) } }
                    }
                }
            }
        }
    };
    let body = html! {
        p class="lead" { (text(document, "description")) }
        p { a class="btn btn-primary" href=(form_of(asked, document)) { (asked.say("Chiedi", "Ask")) } }
        (table("inputs", asked.say("Che cosa chiede", "What it takes")))
        (table("outputs", asked.say("Che cosa dà", "What it gives")))
        h2 { (asked.say("Da un programma", "From a program")) }
        pre tabindex="0" { code {
            "curl -H 'Content-Type: application/json' \\\n  -d '{\"inputs\": {…}}' " (asked.base) "/processes/" (id) "/execution"
        } }
    };
    let above = vec![(asked.say("Servizi", "Services").to_owned(), "processes".to_owned())];
    Content { title: text(document, "title").to_owned(), above, body }
}
