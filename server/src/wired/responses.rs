//! How the answers of an operation are described (OpenAPI 3.0.3, 4.7.16).

use std::collections::BTreeMap;

use http::StatusCode;
use serde_json::{Map, Value, json};

use super::operation::{Operation, Reply, Words};
use super::schema::{reference, text, whole};
use crate::error::Kind;
use crate::routes::respond::Language;

type Header = (&'static str, Words, fn() -> Value);

/// The headers of answers.
const HEADERS: [Header; 16] = [
    (
        "Bricola-Seq",
        Words("L’ultima modifica che la risposta riflette", "The last change that the answer reflects"),
        || whole(0),
    ),
    ("Bricola-Dry-Run", Words("true se nulla è stato cambiato", "true if nothing was changed"), text),
    ("Bricola-Next", Words("Da dove si continua", "Where to go on"), || whole(0)),
    (
        "Bricola-Kept",
        Words(
            "Oggetti disegnati e oggetti presenti, se il tile non li contiene tutti",
            "Features drawn and features there are, if the tile does not hold all",
        ),
        text,
    ),
    (
        "Cache-Control",
        Words(
            "Per quanto la risposta vale: no-cache (va riconvalidata), no-store o max-age",
            "How long the answer holds: no-cache (to be revalidated), no-store or max-age",
        ),
        text,
    ),
    (
        "Content-Crs",
        Words(
            "Il sistema di riferimento delle coordinate, tra parentesi angolari",
            "The CRS of the coordinates, in angle brackets",
        ),
        text,
    ),
    ("Content-Disposition", Words("Il nome del file", "The name of the file"), text),
    ("Content-Language", Words("La lingua dei titoli", "The language of titles"), text),
    ("ETag", Words("Riconosce il contenuto", "Tells the content from others"), text),
    ("Location", Words("L’indirizzo del nuovo oggetto", "The address of the new feature"), text),
    ("Preference-Applied", Words("La preferenza di cui si è tenuto conto", "The preference that was heeded"), text),
    ("Retry-After", Words("Secondi dopo i quali riprovare", "Seconds after which to try again"), || whole(0)),
    (
        "X-Correlation-ID",
        Words("Riconosce l’esito che sarà inviato", "Tells the outcome that will be sent from others"),
        text,
    ),
    ("X-RateLimit-Limit", Words("Richieste consentite in un minuto", "Requests that are allowed in a minute"), || {
        whole(1)
    }),
    ("X-RateLimit-Remaining", Words("Richieste che restano", "Requests that are left"), || whole(0)),
    (
        "X-RateLimit-Reset",
        Words("Secondi dopo i quali il conto riparte", "Seconds after which counting begins anew"),
        || whole(0),
    ),
];

/// Of every answer where a quota holds.
const QUOTA: [&str; 3] = ["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"];

/// The answers of an operation by their status; with a quota its headers, and the refusal of what goes over it.
pub fn all(operation: &Operation, language: Language, has_quota: bool) -> Map<String, Value> {
    let quota: &[&str] = if has_quota { &QUOTA } else { &[] };
    let mut all = Map::new();
    for reply in &operation.replies {
        all.insert(reply.status.to_string(), describe_reply(reply, quota, language));
    }
    let mut kinds: Vec<Kind> = operation.kinds().collect();
    if has_quota && !operation.is_free {
        kinds.push(Kind::TooManyRequests);
    }
    let mut problems = BTreeMap::<StatusCode, Vec<Kind>>::new();
    for kind in kinds {
        problems.entry(kind.row().0).or_default().push(kind);
    }
    for (status, kinds) in problems {
        all.insert(status.as_u16().to_string(), describe_problem(status, &kinds, quota, language));
    }
    all
}

fn describe_reply(reply: &Reply, quota: &[&str], language: Language) -> Value {
    let mut json = json!({"description": reply.about.of(language)});
    add_headers(&mut json, &[reply.headers, quota].concat(), language);
    if !reply.content.is_empty() {
        let content = reply.content.iter();
        json["content"] = content.map(|(kind, schema)| ((*kind).to_owned(), json!({ "schema": schema }))).collect();
    }
    json
}

/// The titles of errors are in English, in the answers too. That a browser is shown a page instead is left out: the Italian
/// guidelines want errors to be described as problem documents, and as nothing else.
fn describe_problem(status: StatusCode, kinds: &[Kind], quota: &[&str], language: Language) -> Value {
    let rows = || kinds.iter().map(|kind| kind.row());
    let about: Vec<String> = rows().map(|(_, code, title)| format!("`{code}`: {title}.")).collect();
    let codes: Vec<&str> = rows().map(|(_, code, _)| code).collect();
    let mut json = json!({
        "description": about.join(" "),
        "content": {"application/problem+json": {"schema": reference("Problem")}},
        "x-problem-codes": codes,
    });
    let says_when = [StatusCode::SERVICE_UNAVAILABLE, StatusCode::GATEWAY_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];
    let retry: &[&str] = if says_when.contains(&status) { &["Retry-After"] } else { &[] };
    add_headers(&mut json, &[retry, quota].concat(), language);
    json
}

fn add_headers(json: &mut Value, names: &[&str], language: Language) {
    let of = |(name, about, schema): &Header| {
        ((*name).to_owned(), json!({"description": about.of(language), "schema": schema()}))
    };
    let headers: Map<String, Value> = HEADERS.iter().filter(|(name, ..)| names.contains(name)).map(of).collect();
    if !headers.is_empty() {
        json["headers"] = Value::Object(headers);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_header_is_known() {
        for operation in super::super::described().iter().flat_map(|path| &path.operations) {
            for header in operation.replies.iter().flat_map(|reply| reply.headers).chain(&QUOTA) {
                assert!(HEADERS.iter().any(|(name, ..)| name == header), "{header} of {}", operation.id);
            }
        }
    }
}
