//! The operations, as `/api` describes them.

use super::fetch::{LONGEST_WAIT, MOST};
use crate::error::Kind;
use crate::wired::schema::{between, pattern, reference, text, usually, whole};
use crate::wired::{Method, Operation, Parameter, Words};

const JSON: &str = "application/json";

fn operation(method: Method, id: &'static str, summary: Words, about: Words) -> Operation {
    let mut operation = Operation::of(method, id, "changes", summary, about);
    operation.edits = true;
    let operation = operation.fails([Kind::Unauthorized, Kind::MethodNotAllowed, Kind::StoreUnavailable]);
    if method == Method::Get { operation } else { operation.fails([Kind::DigestMismatch, Kind::Integrity]) }
}

fn of_one(method: Method, id: &'static str, summary: Words, about: Words) -> Operation {
    let name = Words("Il nome dell’abbonamento", "The name of the subscription");
    operation(method, id, summary, about)
        .takes([Parameter::path("subscriptionId", name, pattern("^[a-z0-9][a-z0-9._-]*$"), "example")])
        .fails([Kind::UnknownSubscription])
}

/// Of [`super::list`].
pub fn about_list() -> Operation {
    let about = Words(
        "Gli abbonamenti e come stanno: a quale modifica sono arrivati, che cosa li ostacola, quanti eventi sono rimasti da parte.",
        "The subscriptions and how they fare: which change they have come to, what hinders them, how many events lie aside.",
    );
    operation(Method::Get, "subscriptions", Words("Gli abbonamenti", "The subscriptions"), about).gives(
        about,
        [(JSON, reference("SubscriptionList"))],
        &["Cache-Control"],
    )
}

/// Of [`super::create`].
pub fn about_create() -> Operation {
    let about = Words(
        "Un altro programma si abbona a ciò che cambia in alcuni strati: con un filtro, un’area, alcuni campi; gli eventi \
         (CloudEvents 1.0) gli sono mandati firmati, o li prende. Con start \"copy\" comincia con una copia di ciò che c’è. Il \
         segreto è detto solo qui.",
        "Another program subscribes to what changes in some layers: with a filter, an area, some fields; the events \
         (CloudEvents 1.0) are sent to it signed, or it fetches them. With start \"copy\" it begins with a copy of what there \
         is. The secret is told here only.",
    );
    operation(Method::Post, "new-subscription", Words("Abbonarsi", "Subscribe"), about)
        .sent([(JSON, reference("NewSubscription"))])
        .replies(201, about, [(JSON, reference("Subscription"))], &["Location", "Cache-Control"])
        .fails([Kind::InvalidSubscription, Kind::SubscriptionExists, Kind::Pruned])
}

/// Of [`super::one`].
pub fn about_one() -> Operation {
    let about = Words("Un abbonamento e come sta.", "A subscription and how it fares.");
    of_one(Method::Get, "subscription", Words("Un abbonamento", "A subscription"), about).gives(
        about,
        [(JSON, reference("Subscription"))],
        &["Cache-Control"],
    )
}

/// Of [`super::replace`].
pub fn about_replace() -> Operation {
    let about = Words(
        "Cambia un abbonamento. Continua da dove è, salvo che start sia un altro; ciò che lo ostacolava è ritentato subito.",
        "Changes a subscription. It goes on where it is, unless start is another; what hindered it is tried again at once.",
    );
    of_one(Method::Put, "changed-subscription", Words("Cambiare un abbonamento", "Change a subscription"), about)
        .sent([(JSON, reference("NewSubscription"))])
        .gives(about, [(JSON, reference("Subscription"))], &["Cache-Control"])
        .fails([Kind::InvalidSubscription, Kind::PreconditionFailed, Kind::Pruned])
}

/// Of [`super::remove`].
pub fn about_remove() -> Operation {
    let about = Words(
        "Toglie un abbonamento, con gli eventi rimasti da parte; il registro non è più conservato per lui.",
        "Takes a subscription away, with the events that lie aside; the log is no longer kept for it.",
    );
    of_one(Method::Delete, "removed-subscription", Words("Togliere un abbonamento", "Take a subscription away"), about)
        .replies(204, about, [], &["Cache-Control"])
        .fails([Kind::PreconditionFailed])
}

fn after() -> Parameter {
    let about = Words(
        "Il next di una risposta, o il numero di una modifica: ciò che viene prima è preso per confermato. Senza, da dove si è",
        "The next of an answer, or the number of a change: what is before is taken as confirmed. Without it, from where it is",
    );
    Parameter::query("after", about, pattern("^[0-9]+(~.*)?$"))
}

/// Of [`super::fetch`].
pub fn about_fetch() -> Operation {
    let about = Words(
        "I prossimi eventi di un abbonamento che si prende (delivery.kind \"pull\"). Per continuare: after con il valore di \
         next, quando i propri dati sono al sicuro. Si autentica con il segreto dell’abbonamento.",
        "The next events of a subscription that is fetched (delivery.kind \"pull\"). To go on: after with the value of next, \
         once one’s own data are safe. The subscription’s secret authenticates.",
    );
    of_one(Method::Get, "subscription-changes", Words("I prossimi eventi", "The next events"), about)
        .takes([
            after(),
            Parameter::query("limit", Words("Quanti eventi al più", "How many events at most"), between(1, MOST)),
            Parameter::query(
                "wait",
                Words("Secondi di attesa al più", "Seconds to wait at most"),
                usually(between(0, LONGEST_WAIT), 0),
            ),
        ])
        .gives(about, [(JSON, reference("EventPage"))], &["Bricola-Next", "Bricola-Seq", "Cache-Control"])
        .fails([Kind::CursorAhead, Kind::Pruned, Kind::InvalidSubscription, Kind::LayerLoading])
}

/// Of [`super::stream`].
pub fn about_stream() -> Operation {
    let about = Words(
        "Gli eventi di un abbonamento mentre accadono (server-sent events), ripresi con Last-Event-ID.",
        "The events of a subscription as they happen (server-sent events), resumed by Last-Event-ID.",
    );
    let resumed = Words("Da dove riprendere, come after", "Where to go on, as after");
    of_one(Method::Get, "subscription-events", Words("Gli eventi mentre accadono", "Events as they happen"), about)
        .takes([after(), Parameter::header("Last-Event-ID", resumed, text())])
        .gives(about, [("text/event-stream", text())], &["Bricola-Seq", "Cache-Control"])
        .fails([Kind::CursorAhead, Kind::Pruned, Kind::TooManyStreams])
}

/// Of [`super::digest`].
pub fn about_digest() -> Operation {
    let about = Words(
        "Che cosa dovrebbe essere la copia di un abbonato: quanti oggetti e quale impronta, per strato e per tile. L’impronta di \
         un oggetto sono i primi 16 byte dello SHA-256 di strato/id/versione; quella di più, il loro XOR.",
        "What a subscriber’s copy should be: how many features and which digest, by layer and by tile. The digest of a feature \
         is the first 16 bytes of SHA-256 of layer/id/version; that of several, their exclusive or.",
    );
    of_one(Method::Get, "subscription-digest", Words("L’impronta della copia", "The digest of the copy"), about)
        .gives(about, [(JSON, reference("CopyDigest"))], &["Bricola-Seq", "Cache-Control"])
        .fails([
            Kind::InvalidSubscription,
            Kind::LayerLoading,
            Kind::LayerStored,
            Kind::UnknownLayer,
            Kind::LayerUnreadable,
        ])
}

/// Of [`super::letters`].
pub fn about_letters() -> Operation {
    let about = Words(
        "Gli eventi che l’abbonato ha rifiutato, e quelli che aspettano dietro a loro per lo stesso oggetto.",
        "The events that the subscriber has refused, and those that wait behind them for the same feature.",
    );
    of_one(Method::Get, "letters", Words("Gli eventi da parte", "The events that lie aside"), about)
        .takes([
            Parameter::query("after", Words("Dopo questo numero", "Behind this number"), whole(0)),
            Parameter::query("limit", Words("Quanti al massimo", "How many at most"), between(1, 1_000)),
        ])
        .gives(about, [(JSON, reference("LetterList"))], &["Cache-Control"])
}

/// Of [`super::put_aside`].
pub fn about_put_aside() -> Operation {
    let about = Words(
        "Un evento da parte non è più mandato; quelli che aspettavano dietro di lui lo sono.",
        "An event that lies aside is not sent any more; those that waited behind it are.",
    );
    of_one(Method::Delete, "dropped-letter", Words("Lasciar perdere un evento", "Drop an event"), about)
        .takes([Parameter::path("number", Words("Il suo numero", "Its number"), whole(0), 1)])
        .replies(204, about, [], &["Cache-Control"])
}

/// Of [`super::replay`].
pub fn about_replay() -> Operation {
    let about = Words(
        "Gli eventi da parte sono mandati di nuovo, nel loro ordine.",
        "The events that lie aside are sent again, in their order.",
    );
    of_one(Method::Post, "replay", Words("Mandare di nuovo", "Send again"), about).gives(
        about,
        [(JSON, reference("Replay"))],
        &["Cache-Control"],
    )
}
