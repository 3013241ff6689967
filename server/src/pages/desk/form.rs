//! The parts of forms.

use maud::{Markup, html};

use super::super::Asked;

/// What was asked before stands in the form again.
fn given(asked: &Asked<'_>, name: &str) -> String {
    asked.parameter(name).unwrap_or_default().into_owned()
}

/// A field of text.
pub fn field(asked: &Asked<'_>, name: &str, title: &str, help: &str, kind: &str) -> Markup {
    let hint = format!("{name}-help");
    html! {
        div class="field" {
            label for=(name) { (title) }
            input id=(name) name=(name) type=(kind) value=(given(asked, name)) aria-describedby=[(!help.is_empty()).then_some(&hint)];
            @if !help.is_empty() { p id=(hint) class="help" { (help) } }
        }
    }
}

/// A field for an address, with suggestions while one types where there are scripts.
fn address(asked: &Asked<'_>) -> Markup {
    html! {
        div class="field" {
            label for="address" { (asked.say("oppure indirizzo", "or address")) }
            input id="address" name="address" type="text" value=(given(asked, "address")) autocomplete="off" aria-describedby="address-help"
                list="address-suggestions" data-suggest=(asked.to("search?kind=address&limit=8"));
            datalist id="address-suggestions" {}
            p id="address-help" class="help" { (asked.say("Con il numero civico, come San Marco 1234", "With the house number, such as San Marco 1234")) }
        }
    }
}

/// A choice.
pub fn choice(asked: &Asked<'_>, name: &str, title: &str, options: &[(String, String)]) -> Markup {
    let chosen = given(asked, name);
    html! {
        div class="field" {
            label for=(name) { (title) }
            select id=(name) name=(name) {
                @for (value, title) in options { option value=(value) selected[*value == chosen] { (title) } }
            }
        }
    }
}

/// The place: drawn on the map where there are scripts, or written.
pub fn place(asked: &Asked<'_>) -> Markup {
    html! {
        fieldset class="place" {
            legend { (asked.say("Dove", "Where")) }
            div class="draw" hidden
                data-draw="geometry"
                data-point=(asked.say("Punto", "Point")) data-line=(asked.say("Linea", "Line"))
                data-surface=(asked.say("Superficie", "Surface"))
                data-undo=(asked.say("Togli l’ultimo vertice", "Take back the last vertex"))
                data-clear=(asked.say("Cancella tutto", "Clear all"))
                data-help=(asked.say(
                    "Toccare la mappa, un vertice dopo l’altro. Da tastiera: con le frecce si sposta la mappa, Invio mette un vertice al centro.",
                    "Click on the map, one vertex after the other. By keyboard: arrows move the map, Enter sets a vertex at its centre.",
                ))
                data-style="styles/city" data-label=(asked.say("Che cosa si disegna", "What is drawn")) {}
            (field(asked, "geometry", asked.say("Disegno (WKT o GeoJSON)", "Drawing (WKT or GeoJSON)"),
                asked.say("Come POLYGON ((…)), longitudine prima di latitudine", "Such as POLYGON ((…)), longitude before latitude"), "text"))
            div class="row-fields" {
                (field(asked, "parcel", asked.say("oppure particella", "or parcel"), asked.say("Foglio/numero, come 12/345", "Sheet/number, such as 12/345"), "text"))
                (address(asked))
                (field(asked, "x", asked.say("oppure est o longitudine", "or east or longitude"), "", "text"))
                (field(asked, "y", asked.say("e nord o latitudine", "and north or latitude"), "", "text"))
                (field(asked, "crs", asked.say("in", "in"), asked.say("Vuoto: gradi. Altrimenti come EPSG:7795", "Empty: degrees. Else such as EPSG:7795"), "text"))
            }
            (stretch(asked))
        }
    }
}

/// A stretch of a street.
pub fn stretch(asked: &Asked<'_>) -> Markup {
    html! {
        div class="row-fields" {
            (field(asked, "along", asked.say("oppure lungo la strada", "or along the street"), asked.say("Nome o codice; tutta, se non si dice altro", "Name or code; all of it, if nothing else is said"), "text"))
            (field(asked, "between", asked.say("fra i civici", "between the numbers"), asked.say("Come 12,40", "Such as 12,40"), "text"))
            (field(asked, "from_m", asked.say("o dal metro", "or from metre"), asked.say("Dall’inizio della strada", "From where the street begins"), "text"))
            (field(asked, "to_m", asked.say("al metro", "to metre"), "", "text"))
        }
    }
}

/// A form that asks by its address.
pub fn form(asked: &Asked<'_>, body: &Markup) -> Markup {
    html! {
        form class="question no-print" method="get" {
            input type="hidden" name="f" value="html";
            input type="hidden" name="lang" value=(asked.language.tag());
            (body)
            button class="btn btn-primary" type="submit" { (asked.say("Chiedi", "Ask")) }
        }
    }
}
