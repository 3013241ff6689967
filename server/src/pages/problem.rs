//! An error for people: what the problem document says.

use maud::html;
use serde_json::{Map, Value};

use super::Asked;
use super::frame::Content;

/// Members that stand in the sentence above, or mean nothing to people.
const TOLD: [&str; 5] = ["type", "title", "status", "detail", "instance"];

/// The page of a problem.
pub fn problem(asked: &Asked<'_>, members: &Map<String, Value>) -> Content {
    let of = |name: &str| members.get(name).and_then(Value::as_str).unwrap_or_default();
    let status = members.get("status").map(Value::to_string).unwrap_or_default();
    let rest = members.iter().filter(|(name, _)| !TOLD.contains(&name.as_str()));
    let shown = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let body = html! {
        p class="lead" lang="en" { (of("detail")) }
        dl class="facts" {
            @for (name, value) in rest {
                dt { (name) }
                dd lang="en" { code { (shown(value)) } }
            }
        }
        p { a href=(asked.page("collections")) { (asked.say("Agli strati", "To the layers")) } }
    };
    let (wrong, title) = (asked.say("Errore", "Error"), of("title"));
    Content { title: format!("{wrong} {status}: {title}"), above: Vec::new(), body }
}
