//! The description of the API (OpenAPI 3.0.3; OGC API Features 1, clause 9; Italian guidelines on interoperability).

use bricola_layers::definition::Scope;
use serde_json::{Map, Value, json};

use super::operation::{Operation, Parameter, Place, Words};
use super::schema::whole;
use super::{Described, components, described, responses};
use crate::app::App;
use crate::params::MIN_SEQ;
use crate::routes::respond::Language;

/// The groups of operations.
pub const TAGS: [(&str, Words); 8] = [
    (
        "capabilities",
        Words(
            "Che cosa c’è: pagina iniziale, conformità, descrizione",
            "What there is: landing page, conformance, description",
        ),
    ),
    ("features", Words("Strati e oggetti (OGC API Features)", "Layers and features (OGC API Features)")),
    (
        "territory",
        Words(
            "Domande sul territorio: che cosa c’è in un punto, particelle catastali",
            "Questions about the territory: what lies at a point, parcels",
        ),
    ),
    (
        "desk",
        Words(
            "Risposte agli uffici: zone, tariffe, certificati, anche come processi (OGC API Processes)",
            "Answers to the offices: zones, tariffs, certificates, as processes too (OGC API Processes)",
        ),
    ),
    ("maps", Words("Tile vettoriali, stili, caratteri e simboli", "Vector tiles, styles, glyphs and icons")),
    (
        "editing",
        Words(
            "Modificare oggetti, per chi ha un token (OGC API Features 4)",
            "Editing features, for those who have a token (OGC API Features 4)",
        ),
    ),
    ("changes", Words("Che cosa cambia, e quando", "What changes, and when")),
    ("operations", Words("Salute e misure del servizio", "Health and measurements of the service")),
];

/// The name of the scheme by which editors are known.
const EDITORS: &str = "editors";

impl Words {
    /// The text in a language.
    pub const fn of(self, language: Language) -> &'static str {
        match language {
            Language::Italian => self.0,
            Language::English => self.1,
        }
    }
}

/// The document, as the server at `base` answers now.
pub fn document(app: &App, base: &str, language: Language) -> Value {
    let layers = app.territory.layers().into_iter().map(|layer| layer.definition());
    let layers: Vec<String> = layers.filter(|it| app.scope.sees_layer(it)).map(|it| it.id.clone()).collect();
    let takes_edits = app.takes_edits();
    let tags = TAGS.iter().filter(|(name, _)| takes_edits || *name != "editing");
    let tags: Vec<_> = tags.map(|(name, about)| json!({"name": name, "description": about.of(language)})).collect();
    let mut components = json!({"schemas": components::all(&layers)});
    if takes_edits {
        components["securitySchemes"] = json!({EDITORS: {"type": "http", "scheme": "bearer"}});
    }
    json!({
        "openapi": "3.0.3",
        "info": info(app, base, language),
        "servers": [server(app, base, language)],
        "tags": tags,
        "security": [],
        "paths": paths(language, app.quota.is_some(), takes_edits),
        "components": components,
    })
}

fn info(app: &App, base: &str, language: Language) -> Value {
    let tenant = &app.config.tenant;
    let (summary, about) = match language {
        Language::Italian => (
            "Strati territoriali, tile vettoriali e interrogazioni del territorio",
            "Ogni risposta che legge dati dice nell’intestazione Bricola-Seq quale modifica riflette. Ogni errore è un documento \
             RFC 9457 con un codice stabile.",
        ),
        Language::English => (
            "Territorial layers, vector tiles and lookups",
            "Every answer that reads data says by the header Bricola-Seq which change it reflects. Every error is a document of \
             RFC 9457 with a stable code.",
        ),
    };
    let contact = match tenant.contact.as_deref() {
        Some(address) if address.contains('@') => json!({"name": tenant.name, "email": address}),
        Some(url) => json!({"name": tenant.name, "url": url}),
        None => json!({"name": tenant.name, "url": format!("{base}/")}),
    };
    let mut info = json!({
        "title": format!("{} – SIT", tenant.name),
        "version": env!("CARGO_PKG_VERSION"),
        "description": format!("{summary}. {about}"),
        "x-summary": summary,
        "contact": contact,
    });
    if let Some(terms) = &tenant.terms {
        info["termsOfService"] = json!(terms);
    }
    if let Some(ipa) = &tenant.ipa {
        info["x-api-id"] = json!(format!("{ipa}-bricola"));
    }
    info
}

/// Without TLS the guidelines take a server for a trial one.
fn server(app: &App, base: &str, language: Language) -> Value {
    let about = Words("Questo servizio", "This service").of(language);
    let kind = if app.scope == Scope::EVERYTHING {
        Words("tutti gli strati", "every layer").of(language)
    } else {
        Words("strati pubblici", "public layers").of(language)
    };
    let mut server = json!({"url": base, "description": format!("{about}: {kind}")});
    if !base.starts_with("https://") {
        server["x-sandbox"] = json!(true);
    }
    server
}

fn paths(language: Language, has_quota: bool, takes_edits: bool) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for Described { template, operations, .. } in described() {
        for operation in operations.iter().filter(|operation| takes_edits || !operation.edits) {
            let path = paths.entry(*template).or_insert_with(|| json!({}));
            path[operation.method.name()] = describe(operation, language, has_quota);
        }
    }
    Value::Object(paths)
}

fn describe(operation: &Operation, language: Language, has_quota: bool) -> Value {
    let min_seq = Parameter::query(
        MIN_SEQ,
        Words(
            "La modifica che la risposta deve riflettere almeno; anche come intestazione Bricola-Min-Seq",
            "The change that the answer must reflect at least; also as the header Bricola-Min-Seq",
        ),
        whole(0),
    );
    let parameters =
        operation.parameters.iter().chain([&min_seq]).map(|parameter| describe_parameter(parameter, language));
    let mut json = json!({
        "operationId": operation.id,
        "tags": [operation.tag],
        "summary": operation.summary.of(language),
        "description": operation.about.of(language),
        "parameters": parameters.collect::<Vec<_>>(),
        "responses": responses::all(operation, language, has_quota),
    });
    if !operation.body.is_empty() {
        let content = operation.body.iter().map(|(kind, schema)| ((*kind).to_owned(), json!({ "schema": schema })));
        json["requestBody"] = json!({"required": true, "content": content.collect::<Map<_, _>>()});
    }
    if operation.edits {
        json["security"] = json!([{EDITORS: []}]);
    }
    json
}

fn describe_parameter(parameter: &Parameter, language: Language) -> Value {
    let place = match parameter.place {
        Place::Path => "path",
        Place::Query | Place::Fields => "query",
        Place::Header => "header",
    };
    let mut json = json!({
        "name": parameter.name,
        "in": place,
        "required": parameter.required,
        "description": parameter.about.of(language),
        "schema": parameter.schema,
    });
    if place == "query" {
        // Lists are separated by commas; OGC's tests want it said of every parameter.
        json["style"] = json!("form");
        json["explode"] = json!(parameter.place == Place::Fields);
        // One without text counts as not given.
        json["allowEmptyValue"] = json!(parameter.name != MIN_SEQ);
    }
    if let Some(example) = &parameter.example {
        json["example"] = example.clone();
    }
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_names_of_operations_are_known_and_unique() {
        let operations = || described().iter().flat_map(|path| &path.operations);
        for operation in operations() {
            assert!(TAGS.iter().any(|(tag, _)| *tag == operation.tag), "{}", operation.id);
        }
        let mut ids: Vec<_> = operations().map(|operation| operation.id).collect();
        ids.sort_unstable();
        let all = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), all);
    }
}
