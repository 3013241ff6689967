//! `/rentals` and `/rentals/candidates` for people.

use maud::{Markup, html};
use serde_json::Value;

use super::super::frame::Content;
use super::super::{Asked, count, members, text};
use super::{Outcome, evidence, form, in_language, number, refused, warnings};

/// The form, with the layers of areas that may be chosen, and the report.
pub fn rentals(asked: &Asked<'_>, layers: &[(String, String)], outcome: &Outcome) -> Content {
    let usual = (String::new(), asked.say("quartieri", "districts").to_owned());
    let layers: Vec<(String, String)> = std::iter::once(usual).chain(layers.iter().cloned()).collect();
    let body = html! {
        p class="lead" {
            (asked.say(
                "Gli annunci delle piattaforme a confronto con le strutture registrate, area per area.",
                "Listings of platforms compared with registered structures, area by area.",
            ))
        }
        (form::form(asked, &html! {
            div class="row-fields" {
                (form::choice(asked, "areas", asked.say("Aree", "Areas"), &layers))
                (form::field(asked, "min-count", asked.say("Conteggio più piccolo", "Smallest count"), asked.say("Vuoto: 5", "Empty: 5"), "text"))
                (form::field(asked, "error-m", asked.say("Errore dei punti, in metri", "Error of places, in metres"), asked.say("Vuoto: 150", "Empty: 150"), "text"))
                (form::field(asked, "datetime", asked.say("Alla data", "On the day"), "", "date"))
            }
        }))
        @match outcome {
            None => {},
            Some(Err(problem)) => (refused(asked, problem)),
            Some(Ok(answer)) => (report(asked, answer)),
        }
        p class="no-print" { a href=(asked.page("rentals/candidates")) { (asked.say("Dove può essere un annuncio", "Where a listing may be")) } }
    };
    let title =
        asked.say("Annunci e registro delle locazioni turistiche", "Listings and register of short-term rentals");
    Content { title: title.to_owned(), above: services(asked), body }
}

fn services(asked: &Asked<'_>) -> Vec<(String, String)> {
    vec![(asked.say("Servizi", "Services").to_owned(), "processes".to_owned())]
}

fn report(asked: &Asked<'_>, answer: &Value) -> Markup {
    let kinds: Vec<&Value> = members(answer, "standings").filter(|kind| kind["count"] != 0).collect();
    let shown: Vec<usize> = members(answer, "standings")
        .enumerate()
        .filter(|(_, kind)| kind["count"] != 0)
        .map(|(place, _)| place)
        .collect();
    html! {
        section class="answer" aria-live="polite" {
            (warnings(asked, answer))
            h2 { (asked.say("Per area", "By area")) }
            div class="table-responsive" tabindex="0" role="region" aria-label=(asked.say("Conteggi per area", "Counts by area")) {
                table class="table" {
                    caption class="visually-hidden" { (asked.say("Annunci e strutture per area", "Listings and structures by area")) }
                    thead { tr {
                        th scope="col" { (asked.say("Area", "Area")) }
                        th scope="col" class="number" { (asked.say("Annunci", "Listings")) }
                        th scope="col" class="number" { (asked.say("Incongruenze", "Mismatches")) }
                        @for kind in &kinds { th scope="col" class="number" { (in_language(asked, &kind["title"])) } }
                        th scope="col" class="number" { (asked.say("Strutture registrate", "Registered structures")) }
                        th scope="col" class="number" { (asked.say("Unità", "Units")) }
                    } }
                    tbody {
                        @for row in members(answer, "areas").filter(|row| row["listings"] != 0 || row["registered"]["structures"] != 0) {
                            tr {
                                th scope="row" { (areas(asked, row)) }
                                td class="number" { (whole(asked, &row["listings"])) }
                                td class="number" { (whole(asked, &row["mismatches"])) }
                                @for place in &shown { td class="number" { (whole(asked, &row["standings"][*place])) } }
                                td class="number" { (whole(asked, &row["registered"]["structures"])) }
                                td class="number" { (whole(asked, &row["registered"]["units"])) }
                            }
                        }
                    }
                    tfoot { tr {
                        th scope="row" { (asked.say("In tutto", "In all")) }
                        td class="number" { (whole(asked, &answer["listings"])) }
                        td class="number" { (whole(asked, &answer["mismatches"])) }
                        @for kind in &kinds { td class="number" { (whole(asked, &kind["count"])) } }
                        td class="number" { (whole(asked, &answer["registered"]["structures"])) }
                        td class="number" { (whole(asked, &answer["registered"]["units"])) }
                    } }
                }
            }
            p class="facts" {
                (asked.say(
                    "Il trattino sta per ciò che non si dice, perché indicherebbe pochi o lascerebbe calcolare chi è in pochi: sotto ",
                    "A dash stands for what is not told, since it would point at few or let them be worked out: fewer than ",
                ))
                (answer["least"]) "."
            }
            (evidence(asked, answer))
        }
    }
}

fn areas(asked: &Asked<'_>, row: &Value) -> String {
    let outside = asked.say("fuori da ogni area", "outside of all areas");
    let names: Vec<&str> = members(row, "areas").map(|area| area["name"].as_str().unwrap_or(outside)).collect();
    names.join(", ")
}

fn whole(asked: &Asked<'_>, value: &Value) -> String {
    value.as_u64().map_or_else(|| "–".to_owned(), |value| count(value, asked.language))
}

/// The form, and the addresses.
pub fn candidates(asked: &Asked<'_>, outcome: &Outcome) -> Content {
    let body = html! {
        p class="lead" {
            (asked.say(
                "I civici che il punto approssimato di un annuncio può indicare, ciascuno con la sua probabilità.",
                "The addresses that the blurred place of a listing may mean, each with its probability.",
            ))
        }
        (form::form(asked, &html! {
            (form::place(asked))
            div class="row-fields" {
                (form::field(asked, "error-m", asked.say("Errore del punto, in metri", "Error of the place, in metres"), asked.say("Vuoto: 150", "Empty: 150"), "text"))
                (form::field(asked, "datetime", asked.say("Alla data", "On the day"), "", "date"))
            }
        }))
        @match outcome {
            None => {},
            Some(Err(problem)) => (refused(asked, problem)),
            Some(Ok(answer)) => {
                section class="answer" aria-live="polite" {
                    (warnings(asked, answer))
                    p {
                        (whole(asked, &answer["count"])) " " (asked.say("civici possibili, abitazioni: ", "possible addresses, dwellings: "))
                        (whole(asked, &answer["dwellings"])) "; "
                        (asked.say("strutture registrate nel cerchio: ", "structures registered in the circle: "))
                        (whole(asked, &answer["registered"])) "."
                    }
                    table class="table" {
                        caption class="visually-hidden" { (asked.say("Civici possibili", "Possible addresses")) }
                        thead { tr {
                            th scope="col" { (asked.say("Civico", "Address")) } th scope="col" { (asked.say("Particella", "Parcel")) }
                            th scope="col" class="number" { (asked.say("Abitazioni", "Dwellings")) }
                            th scope="col" class="number" { "m" } th scope="col" class="number" { "%" }
                        } }
                        tbody {
                            @for candidate in members(answer, "candidates") {
                                tr {
                                    td { (text(candidate, "address")) } td { (text(candidate, "parcel")) }
                                    td class="number" { (whole(asked, &candidate["dwellings"])) }
                                    td class="number" { (text(candidate, "distance_m")) }
                                    td class="number" { (number(asked, text(candidate, "percent"))) }
                                }
                            }
                        }
                    }
                    (evidence(asked, answer))
                }
            },
        }
    };
    let above = services(asked);
    Content { title: asked.say("Dove può essere un annuncio", "Where a listing may be").to_owned(), above, body }
}
