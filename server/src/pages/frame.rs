//! What stands around every page: header, breadcrumbs, footer; and how it is sent.

use axum::body::Body;
use axum::response::Response;
use http::header;
use maud::{DOCTYPE, Markup, html};

use super::Asked;
use crate::routes::respond::{self, Language};
use crate::web;

/// A page on its way to its frame.
pub struct Content {
    /// Title of the page.
    pub title: String,
    /// The pages above this one, each with its path.
    pub above: Vec<(String, String)>,
    /// What stands below the title.
    pub body: Markup,
}

/// A page as text.
pub fn written(asked: &Asked<'_>, content: &Content) -> String {
    frame(asked, content).into_string()
}

/// A page as an answer.
pub fn send(asked: &Asked<'_>, content: &Content) -> Response {
    let mut response = Response::new(Body::from(frame(asked, content).into_string()));
    respond::set(&mut response, header::CONTENT_TYPE, "text/html; charset=utf-8");
    respond::set(&mut response, header::CONTENT_LANGUAGE, asked.language.tag());
    respond::set(&mut response, header::CACHE_CONTROL, "no-cache");
    respond::set(&mut response, header::VARY, "accept, accept-language, host, x-forwarded-host");
    response
}

fn frame(asked: &Asked<'_>, content: &Content) -> Markup {
    let files = web::page_files();
    let is_embedded = asked.is_embedded();
    html! {
        (DOCTYPE)
        html lang=(asked.language.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (content.title) " · " (asked.tenant) }
                link rel="icon" href=(asked.to("favicon.svg")) type="image/svg+xml";
                link rel="alternate" hreflang="it" href=(asked.here(&[("lang", "it")]));
                link rel="alternate" hreflang="en" href=(asked.here(&[("lang", "en")]));
                @if asked.has_document() { link rel="alternate" type="application/json" href=(asked.here(&[("f", "json")])); }
                @for style in &files.styles { link rel="stylesheet" href=(asked.to(style)); }
                @if let Some(script) = &files.script { script type="module" src=(asked.to(script)) {} }
            }
            body class=[is_embedded.then_some("embedded")] {
                @if !is_embedded {
                    div class="skiplinks" {
                        a class="visually-hidden-focusable" href="#content" { (asked.say("Vai al contenuto", "Skip to content")) }
                    }
                    (head(asked))
                }
                main id="content" class="container page" tabindex="-1" {
                    @if !is_embedded { (crumbs(asked, content)) }
                    h1 { (content.title) @if is_embedded { " · " (asked.tenant) } }
                    (content.body)
                }
                @if !is_embedded { (foot(asked)) }
            }
        }
    }
}

fn head(asked: &Asked<'_>) -> Markup {
    let sections = [
        ("collections", asked.say("Strati", "Layers")),
        ("processes", asked.say("Servizi", "Services")),
        ("styles", asked.say("Stili", "Styles")),
        ("conformance", asked.say("Conformità", "Conformance")),
    ];
    html! {
        header class="it-header-wrapper" {
            div class="it-header-slim-wrapper" {
                div class="container it-header-slim-wrapper-content" {
                    a class="navbar-brand" href=(asked.root()) { (asked.tenant) }
                    nav class="languages" aria-label=(asked.say("Lingua", "Language")) {
                        (language(asked, Language::Italian, "Italiano"))
                        (language(asked, Language::English, "English"))
                    }
                }
            }
            div class="page-sections" {
                nav class="container" aria-label=(asked.say("Sezioni", "Sections")) {
                    ul {
                        li { a href=(asked.root()) { (asked.say("Mappa", "Map")) } }
                        @for (path, title) in sections {
                            li {
                                a href=(asked.page(path)) aria-current=[asked.path.starts_with(path).then_some("true")] { (title) }
                            }
                        }
                        li { a href=(asked.page("api")) { "API" } }
                    }
                }
            }
        }
    }
}

fn language(asked: &Asked<'_>, language: Language, name: &str) -> Markup {
    let current = (language == asked.language).then_some("true");
    html! {
        a href=(asked.here(&[("lang", language.tag())])) hreflang=(language.tag()) lang=(language.tag()) aria-current=[current] {
            span aria-hidden="true" { (language.tag().to_uppercase()) }
            span class="visually-hidden" { (name) }
        }
    }
}

fn crumbs(asked: &Asked<'_>, content: &Content) -> Markup {
    let separator = html! { span class="separator" aria-hidden="true" { "/" } };
    html! {
        nav class="breadcrumb-container" aria-label=(asked.say("Percorso di navigazione", "Breadcrumb")) {
            ol class="breadcrumb" {
                li class="breadcrumb-item" { a href=(asked.root()) { (asked.say("Mappa", "Map")) } (separator) }
                @for (title, path) in &content.above {
                    li class="breadcrumb-item" { a href=(asked.page(path)) { (title) } (separator) }
                }
                li class="breadcrumb-item active" aria-current="page" { (content.title) }
            }
        }
    }
}

fn foot(asked: &Asked<'_>) -> Markup {
    html! {
        footer class="page-foot" {
            div class="container" {
                @if asked.has_document() { a href=(asked.here(&[("f", "json")])) { (asked.say("Questa pagina in JSON", "This page as JSON")) } }
                a href=(asked.page("api")) { (asked.say("Descrizione dell’API", "Description of the API")) }
            }
        }
    }
}
