//! `/ztl` for people.

use bricola_territory::ztl::{Category, Fuel, Parity};
use maud::{Markup, html};
use serde_json::Value;

use super::super::frame::Content;
use super::super::{Asked, members, text};
use super::timeline::timeline;
use super::{Outcome, evidence_of, form, in_language, number, refused, warnings};
use crate::services::ztl::Loaded;

/// The form, with what the regulations declare, and the answer.
pub fn ztl(asked: &Asked<'_>, loaded: &Loaded, outcome: &Outcome) -> Content {
    let body = html! {
        p class="lead" {
            (asked.say(
                "Se con un veicolo si entra in un luogo, quando e con quale permesso, secondo i regolamenti della ZTL.",
                "Whether a vehicle may enter a place, when and with which permit, by the regulations of its traffic zones.",
            ))
        }
        @if !loaded.faults.is_empty() {
            div class="notice notice-warning" {
                p { (asked.say("Alcuni regolamenti contengono errori e non sono in uso; bricola ztl li elenca: ", "Some regulations have faults and are not in use; bricola ztl lists them: ")) (loaded.faults.len()) "." }
            }
        }
        (form::form(asked, &html! {
            (form::place(asked))
            div class="row-fields" {
                (form::field(asked, "datetime", asked.say("Quando", "When"), asked.say("Ora italiana; vuoto: adesso", "By the clock of Italy; empty: now"), "datetime-local"))
                (form::choice(asked, "vehicle", asked.say("Veicolo", "Vehicle"), &vehicles(asked)))
                (form::field(asked, "euro", asked.say("Classe Euro", "Euro class"), asked.say("Come 4 per Euro 4", "Such as 4 for Euro 4"), "text"))
                (form::choice(asked, "fuel", asked.say("Alimentazione", "Fuel"), &fuels(asked)))
                (form::field(asked, "mass", asked.say("Massa (kg)", "Mass (kg)"), asked.say("A pieno carico", "Fully loaded"), "text"))
                (form::field(asked, "length", asked.say("Lunghezza (m)", "Length (m)"), "", "text"))
                (form::field(asked, "seats", asked.say("Posti", "Seats"), "", "text"))
                (form::choice(asked, "plate", asked.say("Targa", "Plate"), &plates(asked)))
            }
            div class="row-fields" {
                (form::choice(asked, "user", asked.say("Chi entra", "Who enters"), &users(asked, loaded)))
                (form::field(asked, "resident_of", asked.say("Residente nelle zone", "Resident of the zones"), asked.say("Codici separati da virgole", "Codes separated by commas"), "text"))
                (form::choice(asked, "permit", asked.say("Permesso che si ha", "Permit that one has"), &permits(asked, loaded)))
            }
        }))
        @match outcome {
            None => {},
            Some(Err(problem)) => (refused(asked, problem)),
            Some(Ok(answer)) => (told(asked, answer)),
        }
    };
    Content { title: asked.say("Accesso alla ZTL", "Access to traffic zones").to_owned(), above: Vec::new(), body }
}

/// What an access is called.
pub fn access_of(asked: &Asked<'_>, access: &str) -> &'static str {
    match access {
        "yes" => asked.say("sì", "yes"),
        "with_fee" => asked.say("a pagamento", "after paying"),
        "with_permit" => asked.say("solo con permesso", "with a permit only"),
        "depends" => asked.say("dipende", "it depends"),
        "no" => asked.say("no", "no"),
        _ => asked.say("non si sa", "nobody can say"),
    }
}

fn told(asked: &Asked<'_>, answer: &Value) -> Markup {
    let access = text(answer, "access");
    html! {
        section class="answer" aria-live="polite" {
            p class="fee" {
                span { (asked.say("Si entra?", "May one enter?")) } " "
                strong { (access_of(asked, access)) }
            }
            p { (when(asked, &answer["instant"])) ". " (change(asked, answer)) }
            @if access == "depends" { (needs(asked, answer)) }
            (warnings(asked, answer))
            (zones(asked, answer))
            (wanted_permits(asked, answer))
            (timeline(asked, answer))
            (gates(asked, answer))
            (regulations(asked, answer))
            (evidence_of(asked, answer, &[("datetime", text(&answer["instant"], "local"))]))
        }
    }
}

/// A moment by the clock of Italy: 18.07.2026, 19:00.
fn when(asked: &Asked<'_>, moment: &Value) -> String {
    let local = text(moment, "local");
    let (day, clock) = (local.get(..10).unwrap_or_default(), local.get(11..16).unwrap_or_default());
    let parts: Vec<&str> = day.split('-').collect();
    match (parts.as_slice(), asked.language.tag()) {
        ([year, month, day], "it") => format!("{day}/{month}/{year}, {clock}"),
        _ => format!("{day} {clock}"),
    }
}

fn change(asked: &Asked<'_>, answer: &Value) -> Markup {
    let change = &answer["next_change"];
    html! {
        @if change.is_object() {
            (asked.say("Cambia il ", "This changes on ")) time datetime=(text(&change["at"], "local")) { (when(asked, &change["at"])) }
            ": " strong { (access_of(asked, text(change, "access"))) } "."
        } @else {
            (asked.say("Non cambia almeno fino al ", "This does not change before ")) (when(asked, &answer["searched_until"])) "."
        }
    }
}

fn needs(asked: &Asked<'_>, answer: &Value) -> Markup {
    let needs: Vec<&str> = members(answer, "needs").filter_map(Value::as_str).map(|name| wanted(asked, name)).collect();
    html! {
        p class="notice notice-warning" { (asked.say("Per rispondere manca: ", "To answer, say: ")) (needs.join(", ")) "." }
    }
}

fn wanted(asked: &Asked<'_>, name: &str) -> &'static str {
    match name {
        "vehicle" => asked.say("il veicolo", "the vehicle"),
        "euro" => asked.say("la classe Euro", "the Euro class"),
        "fuel" => asked.say("l’alimentazione", "the fuel"),
        "mass" => asked.say("la massa", "the mass"),
        "length" => asked.say("la lunghezza", "the length"),
        "seats" => asked.say("i posti", "the seats"),
        "plate" => asked.say("se la targa è pari o dispari", "whether the plate is even or odd"),
        _ => asked.say("di quale zona si è residenti", "of which zone one is a resident"),
    }
}

fn zones(asked: &Asked<'_>, answer: &Value) -> Markup {
    let mut zones = members(answer, "zones").peekable();
    html! {
        h2 { (asked.say("Zone in vigore", "Zones in force")) }
        @if zones.peek().is_none() {
            p { (asked.say("Nessuna in questo luogo e momento.", "None at this place and moment.")) }
        } @else {
            table class="table" {
                caption class="visually-hidden" { (asked.say("Zone e regola che decide", "Zones and the rule that decides")) }
                thead { tr {
                    th scope="col" { (asked.say("Zona", "Zone")) } th scope="col" { (asked.say("Accesso", "Access")) }
                    th scope="col" { (asked.say("Regola che decide", "Rule that decides")) } th scope="col" { (asked.say("Atto", "Act")) }
                } }
                tbody { @for zone in zones { (zone_row(asked, zone)) } }
            }
        }
    }
}

fn zone_row(asked: &Asked<'_>, zone: &Value) -> Markup {
    let (feature, decisive) = (&zone["feature"], &zone["decisive"]);
    html! {
        tr {
            td {
                a href=(asked.page(&format!("collections/{}/items/{}", text(feature, "layer"), text(feature, "id")))) { (text(zone, "name")) }
                " " span class="code" { "(" (text(zone, "code")) ")" }
                @if zone["kind"].is_object() { br; (in_language(asked, &zone["kind"])) }
            }
            td { strong { (access_of(asked, text(zone, "access"))) } }
            td {
                @if decisive.is_object() {
                    @if decisive["title"].is_object() { (in_language(asked, &decisive["title"])) br; }
                    code { (text(decisive, "exception")) @if !decisive["exception"].is_string() { (text(decisive, "rule")) } }
                    @if let Some(schedule) = decisive["schedule"].as_str() { " – " code { (schedule) } }
                    @if decisive["from"].is_object() || decisive["to"].is_object() {
                        br; (asked.say("in vigore ora: ", "holds now: "))
                        @if decisive["from"].is_object() { (asked.say("dal ", "from ")) (when(asked, &decisive["from"])) " " }
                        @if decisive["to"].is_object() { (asked.say("al ", "to ")) (when(asked, &decisive["to"])) }
                    }
                } @else if text(zone, "access") == "yes" {
                    (asked.say("nessuna regola in questo momento", "no rule at this moment"))
                }
            }
            td { (text(decisive, "order")) }
        }
    }
}

fn wanted_permits(asked: &Asked<'_>, answer: &Value) -> Markup {
    let mut permits = members(answer, "permits").peekable();
    html! {
        @if permits.peek().is_some() {
            h2 { (asked.say("Con quale permesso si entra", "Permits that would do")) }
            ul {
                @for permit in permits {
                    li {
                        @match permit["url"].as_str() {
                            Some(url) => a href=(url) rel="external" { (in_language(asked, &permit["title"])) },
                            None => (in_language(asked, &permit["title"])),
                        }
                        @if let Some(cost) = permit["cost_eur"].as_str() { ", " (number(asked, cost)) " €" }
                        @if let Some(days) = permit["max_days"].as_u64() { (asked.say(", giorni: ", ", days: ")) (days) }
                    }
                }
            }
        }
    }
}

fn gates(asked: &Asked<'_>, answer: &Value) -> Markup {
    let mut gates = members(answer, "gates").peekable();
    html! {
        @if gates.peek().is_some() {
            h2 { (asked.say("Varchi vicini", "Gates nearby")) }
            table class="table" {
                caption class="visually-hidden" { (asked.say("Varchi delle zone", "Gates of the zones")) }
                thead { tr {
                    th scope="col" { (asked.say("Varco", "Gate")) } th scope="col" { (asked.say("Zona", "Zone")) }
                    th scope="col" class="number" { (asked.say("Distanza", "Distance")) }
                } }
                tbody {
                    @for gate in gates {
                        tr {
                            td { (text(gate, "name")) }
                            td { (text(gate, "zone")) }
                            td class="number" { (text(gate, "distance_m")) " m" }
                        }
                    }
                }
            }
        }
    }
}

fn regulations(asked: &Asked<'_>, answer: &Value) -> Markup {
    html! {
        @for regulation in members(&answer["rules"], "regulations") {
            p class="facts" {
                (asked.say("Secondo ", "By ")) (text(regulation, "act")) " (" code { (text(regulation, "id")) } ")."
            }
        }
        p class="facts" {
            (asked.say("Targhe e titolari di permessi non si chiedono e non si conoscono.", "Plates and holders of permits are neither asked for nor known."))
        }
    }
}

fn pairs(none: &str, words: impl Iterator<Item = (&'static str, &'static str)>) -> Vec<(String, String)> {
    let words = words.map(|(code, title)| (code.to_owned(), title.to_owned()));
    std::iter::once((String::new(), none.to_owned())).chain(words).collect()
}

fn vehicles(asked: &Asked<'_>) -> Vec<(String, String)> {
    let title = |category| match category {
        Category::Car => asked.say("Automobile", "Car"),
        Category::Moped => asked.say("Ciclomotore", "Moped"),
        Category::Motorcycle => asked.say("Motociclo", "Motorcycle"),
        Category::Van => asked.say("Furgone", "Van"),
        Category::Lorry => asked.say("Autocarro", "Lorry"),
        Category::Bus => asked.say("Autobus di linea", "Bus in service"),
        Category::Coach => asked.say("Pullman turistico", "Tourist coach"),
        Category::Taxi => "Taxi",
        Category::Ncc => asked.say("Noleggio con conducente", "Hire car with driver"),
        Category::Bicycle => asked.say("Bicicletta", "Bicycle"),
        Category::Boat => asked.say("Barca", "Boat"),
        Category::Pedestrian => asked.say("A piedi", "On foot"),
    };
    let words = Category::WORDS.into_iter().map(|(word, category)| (word, title(category)));
    pairs(asked.say("non detto", "not said"), words)
}

fn fuels(asked: &Asked<'_>) -> Vec<(String, String)> {
    let title = |fuel| match fuel {
        Fuel::Petrol => asked.say("Benzina", "Petrol"),
        Fuel::Diesel => asked.say("Gasolio", "Diesel"),
        Fuel::Lpg => "GPL",
        Fuel::Methane => asked.say("Metano", "Methane"),
        Fuel::Hybrid => asked.say("Ibrida", "Hybrid"),
        Fuel::Electric => asked.say("Elettrica", "Electric"),
        Fuel::Hydrogen => asked.say("Idrogeno", "Hydrogen"),
    };
    pairs(asked.say("non detta", "not said"), Fuel::WORDS.into_iter().map(|(word, fuel)| (word, title(fuel))))
}

fn plates(asked: &Asked<'_>) -> Vec<(String, String)> {
    let title = |parity| match parity {
        Parity::Even => asked.say("pari", "even"),
        Parity::Odd => asked.say("dispari", "odd"),
    };
    pairs(asked.say("non detta", "not said"), Parity::WORDS.into_iter().map(|(word, parity)| (word, title(parity))))
}

fn users(asked: &Asked<'_>, loaded: &Loaded) -> Vec<(String, String)> {
    let all = loaded.regulations.users().into_iter();
    let known = all.map(|(code, title)| (code.to_owned(), super::tariff::say(asked, title).to_owned()));
    std::iter::once((String::new(), asked.say("chiunque", "anybody").to_owned())).chain(known).collect()
}

fn permits(asked: &Asked<'_>, loaded: &Loaded) -> Vec<(String, String)> {
    let all = loaded.regulations.permits().into_iter();
    let known = all.map(|(code, permit)| (code.to_owned(), super::tariff::say(asked, &permit.title).to_owned()));
    std::iter::once((String::new(), asked.say("nessuno", "none").to_owned())).chain(known).collect()
}
