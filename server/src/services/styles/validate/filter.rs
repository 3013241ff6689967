//! Filters in the form that expressions have replaced (`MapLibre` Style Specification, Other, deprecated filters).

use serde_json::{Value as Json, json};

use crate::services::styles::fault::Reason;

/// Whether a filter is written in the old form.
pub fn must_be_modernised(filter: &Json) -> bool {
    form(filter) == Form::Old
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Only expressions are written so.
    New,
    /// Only old filters are.
    Old,
    /// Both are, and mean the same.
    Either,
}

fn form(filter: &Json) -> Form {
    let items = match filter {
        Json::Bool(_) => return Form::Either,
        Json::Array(items) if !items.is_empty() => items,
        _ => return Form::Old,
    };
    let is_list = |index: usize| items.get(index).is_some_and(Json::is_array);
    match items[0].as_str().unwrap_or_default() {
        "has" if items.len() < 2 || items[1] == "$id" || items[1] == "$type" => Form::Old,
        "has" if items.len() == 2 => Form::Either,
        "in" if items.len() >= 3 && (!items[1].is_string() || is_list(2)) => Form::New,
        "in" | "!in" | "!has" | "none" => Form::Old,
        "==" | "!=" | ">" | ">=" | "<" | "<=" if items.len() == 3 && !is_list(1) && !is_list(2) => Form::Old,
        "any" | "all" => {
            let forms: Vec<Form> = items[1..].iter().map(form).collect();
            let has = |form: Form| forms.contains(&form);
            if has(Form::New) {
                Form::New
            } else if has(Form::Old) {
                Form::Old
            } else {
                Form::Either
            }
        }
        _ => Form::New,
    }
}

/// An old filter as an expression.
///
/// # Errors
/// Why it is no filter.
pub fn modern(filter: &Json) -> Result<Json, Reason> {
    let wrong = |it: &str, en: &str| Err(Reason::new(it, en));
    let items = match filter {
        Json::Bool(_) => return Ok(filter.clone()),
        Json::Array(items) if !items.is_empty() => items,
        _ => {
            return wrong(
                "un filtro è un elenco con almeno un operatore",
                "a filter is a list with an operator at least",
            );
        }
    };
    let name = items[0].as_str().unwrap_or_default();
    let field = |needed: usize| match items.get(1).and_then(Json::as_str) {
        Some(field) if items.len() >= needed => Ok(match field {
            "$type" => json!(["geometry-type"]),
            "$id" => json!(["id"]),
            field => json!(["get", field]),
        }),
        _ => Err(Reason::new(
            format!("\"{name}\" vuole il nome di un campo e i valori"),
            format!("\"{name}\" takes the name of a field and values"),
        )),
    };
    let is_value = |value: &Json| value.is_string() || value.is_number() || value.is_boolean();
    if matches!(name, "==" | "!=" | "<" | "<=" | ">" | ">=" | "in" | "!in") {
        let values = items.get(2..).unwrap_or_default();
        if !values.iter().all(is_value) {
            return wrong("i valori sono testi, numeri o true e false", "values are texts, numbers or true and false");
        }
        let types = ["Point", "LineString", "Polygon"];
        if items.get(1).is_some_and(|field| field == "$type")
            && !values.iter().all(|value| value.as_str().is_some_and(|text| types.contains(&text)))
        {
            return wrong("$type è Point, LineString o Polygon", "$type is Point, LineString or Polygon");
        }
    }
    match name {
        "==" | "!=" | "<" | "<=" | ">" | ">=" if items.len() == 3 => {
            if items[1] == "$type" && !matches!(name, "==" | "!=") {
                return wrong("$type non ha un ordine", "$type has no order");
            }
            Ok(json!([name, field(3)?, items[2]]))
        }
        "in" => Ok(json!(["in", field(2)?, ["literal", items[2..]]])),
        "!in" => Ok(json!(["!", ["in", field(2)?, ["literal", items[2..]]]])),
        "has" | "!has" if items.len() == 2 && items[1].is_string() => {
            let has = match items[1].as_str() {
                Some("$type") => json!(true),
                Some("$id") => json!(["!=", ["id"], null]),
                _ => json!(["has", items[1]]),
            };
            Ok(if name == "has" { has } else { json!(["!", has]) })
        }
        "any" | "all" | "none" => {
            let mut all = vec![json!(if name == "all" { "all" } else { "any" })];
            for item in &items[1..] {
                all.push(modern(item)?);
            }
            let all = Json::Array(all);
            Ok(if name == "none" { json!(["!", all]) } else { all })
        }
        _ => {
            let shown = items[0].to_string();
            Err(Reason::new(
                format!("{} con {} argomenti non è un filtro", crate::error::clipped(&shown), items.len() - 1),
                format!("{} with {} arguments is no filter", crate::error::clipped(&shown), items.len() - 1),
            ))
        }
    }
}
