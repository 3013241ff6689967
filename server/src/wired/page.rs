//! The description for people: one page without scripts, that asks nobody but this server for anything.

use std::fmt::Write as _;

use serde_json::Value;

use super::Words;
use crate::routes::respond::Language;

/// How it looks.
pub const STYLE: &str = include_str!("page.css");

/// The page of a document of [`super::openapi`].
pub fn write(document: &Value, language: Language) -> String {
    let mut out = String::with_capacity(128 * 1024);
    let info = &document["info"];
    let title = escaped(text(&info["title"]));
    let other = match language {
        Language::Italian => "<a href=\"?f=html&amp;lang=en\" lang=\"en\" hreflang=\"en\">English</a>",
        Language::English => "<a href=\"?f=html&amp;lang=it\" lang=\"it\" hreflang=\"it\">Italiano</a>",
    };
    let contact = contact(&info["contact"], language);
    let words = |words: Words| words.of(language);
    // Writing to a string cannot fail, here and below.
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"{}\">\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <link rel=\"stylesheet\" href=\"api/style.css\">\n<header>\n<h1>{title}</h1>\n<p>{}</p>\n\
         <p>{} {} · <a href=\"?f=json\">OpenAPI 3.0</a> · <a href=\"./?f=html\">{}</a> · {contact} · {other}</p>\n</header>\n<main>\n",
        language.tag(),
        escaped(text(&info["description"])),
        words(Words("Versione", "Version")),
        escaped(text(&info["version"])),
        words(Words("Geoportale", "Geoportal")),
    );
    for tag in members(&document["tags"]) {
        write_group(&mut out, document, tag, language);
    }
    write_schemas(&mut out, document, language);
    out.push_str("</main>\n</html>\n");
    out
}

fn contact(contact: &Value, language: Language) -> String {
    let word = Words("Contatti", "Contact").of(language);
    match (contact["email"].as_str(), contact["url"].as_str()) {
        (Some(email), _) => format!("<a href=\"mailto:{}\">{word}</a>", escaped(email)),
        (None, Some(url)) => format!("<a href=\"{}\">{word}</a>", escaped(url)),
        (None, None) => String::new(),
    }
}

/// The operations of a tag.
fn write_group(out: &mut String, document: &Value, tag: &Value, language: Language) {
    let name = text(&tag["name"]);
    let _ = writeln!(out, "<section id=\"{name}\">\n<h2>{}</h2>", escaped(text(&tag["description"])));
    for (path, item) in document["paths"].as_object().into_iter().flatten() {
        for (method, operation) in item.as_object().into_iter().flatten() {
            if operation["tags"][0] == tag["name"] {
                write_operation(out, path, method, operation, language);
            }
        }
    }
    out.push_str("</section>\n");
}

fn write_operation(out: &mut String, path: &str, method: &str, operation: &Value, language: Language) {
    let _ = write!(
        out,
        "<article id=\"{}\">\n<h3>{}</h3>\n<p><code><b>{}</b> {}</code></p>\n<p>{}</p>\n",
        text(&operation["operationId"]),
        escaped(text(&operation["summary"])),
        method.to_uppercase(),
        escaped(path),
        escaped(text(&operation["description"])),
    );
    let words = |it, en| Words(it, en).of(language);
    let _ = write!(
        out,
        "<details>\n<summary>{}</summary>\n<table>\n<thead><tr><th scope=\"col\">{}</th><th scope=\"col\">{}</th>\
         <th scope=\"col\">{}</th></tr></thead>\n",
        words("Parametri e risposte", "Parameters and answers"),
        words("Nome", "Name"),
        words("Valori", "Values"),
        words("Significato", "Meaning"),
    );
    for parameter in members(&operation["parameters"]) {
        let needed = if parameter["required"] == true { words(" (necessario)", " (required)") } else { "" };
        let _ = writeln!(
            out,
            "<tr><th scope=\"row\"><code>{}</code>{needed}</th><td>{}</td><td>{}</td></tr>",
            escaped(text(&parameter["name"])),
            values(&parameter["schema"]),
            escaped(text(&parameter["description"])),
        );
    }
    if let Some(body) = operation.get("requestBody") {
        let schema = values(&body["content"]["application/json"]["schema"]);
        let _ = writeln!(out, "<tr><th scope=\"row\">{}</th><td>{schema}</td><td></td></tr>", words("corpo", "body"));
    }
    out.push_str("</table>\n<dl>\n");
    for (status, response) in operation["responses"].as_object().into_iter().flatten() {
        let _ = write!(out, "<dt>{status}</dt><dd>{}", escaped(text(&response["description"])));
        for (kind, content) in response["content"].as_object().into_iter().flatten() {
            let _ = write!(out, " <code>{}</code> {}", escaped(kind), values(&content["schema"]));
        }
        out.push_str("</dd>\n");
    }
    out.push_str("</dl>\n</details>\n</article>\n");
}

fn write_schemas(out: &mut String, document: &Value, language: Language) {
    let _ = writeln!(out, "<section id=\"schemas\">\n<h2>{}</h2>", Words("Schemi", "Schemas").of(language));
    for (name, schema) in document["components"]["schemas"].as_object().into_iter().flatten() {
        let json = serde_json::to_string_pretty(schema).unwrap_or_default();
        let _ = writeln!(
            out,
            "<details id=\"{name}\">\n<summary><code>{name}</code></summary>\n<pre>{}</pre>\n</details>",
            escaped(&json)
        );
    }
    out.push_str("</section>\n");
}

/// A schema in few words.
fn values(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return format!("<a href=\"#{name}\">{name}</a>");
    }
    if let Some(words) = schema["enum"].as_array() {
        return words.iter().map(|word| format!("<code>{}</code>", escaped(text(word)))).collect::<Vec<_>>().join(", ");
    }
    let mut parts = vec![match text(&schema["type"]) {
        "array" => format!("[{}]", values(&schema["items"])),
        kind => escaped(kind),
    }];
    match (schema["minimum"].as_f64(), schema["maximum"].as_f64()) {
        (Some(least), Some(most)) => parts.push(format!("{least}–{most}")),
        (Some(least), None) => parts.push(format!("≥ {least}")),
        _ => {}
    }
    parts.extend(schema.get("default").map(|usual| format!("= <code>{}</code>", escaped(&usual.to_string()))));
    parts.join(" ")
}

fn members(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
