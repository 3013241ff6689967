//! Schemas in few words (OpenAPI 3.0.3, 4.7.24). Every number has a format, as the Italian guidelines ask.

use serde_json::{Map, Value, json};

/// A schema of [`super::components`].
pub fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// Any text.
pub fn text() -> Value {
    json!({"type": "string"})
}

/// A text of a format that JSON Schema knows, such as `date-time`.
pub fn formatted(format: &str) -> Value {
    json!({"type": "string", "format": format})
}

/// A text that a regular expression matches.
pub fn pattern(pattern: &str) -> Value {
    json!({"type": "string", "pattern": pattern})
}

/// One of a few words.
pub fn word<'a>(words: impl IntoIterator<Item = &'a str>) -> Value {
    json!({"type": "string", "enum": words.into_iter().collect::<Vec<_>>()})
}

/// True or false.
pub fn boolean() -> Value {
    json!({"type": "boolean"})
}

/// A whole number from `least` on.
pub fn whole(least: i64) -> Value {
    json!({"type": "integer", "format": "int64", "minimum": least})
}

/// A whole number in a range.
pub fn between(least: i64, most: i64) -> Value {
    json!({"type": "integer", "format": "int64", "minimum": least, "maximum": most})
}

/// A decimal number.
pub fn number() -> Value {
    json!({"type": "number", "format": "double"})
}

/// Some of the same kind.
pub fn list(items: &Value) -> Value {
    json!({"type": "array", "items": items})
}

/// West, south, east, north in degrees.
pub fn envelope() -> Value {
    json!({"type": "array", "items": number(), "minItems": 4, "maxItems": 4})
}

/// An object with these members and no others said; a name that ends in `?` need not be there.
pub fn object<'a>(members: impl IntoIterator<Item = (&'a str, Value)>) -> Value {
    let (mut properties, mut required) = (Map::new(), Vec::new());
    for (name, schema) in members {
        let known = name.strip_suffix('?');
        if known.is_none() {
            required.push(name);
        }
        properties.insert(known.unwrap_or(name).to_owned(), schema);
    }
    let mut object = json!({"type": "object", "properties": properties});
    if !required.is_empty() {
        object["required"] = json!(required);
    }
    object
}

/// Any object.
pub fn any_object() -> Value {
    json!({"type": "object", "additionalProperties": true})
}

/// Or null.
pub fn nullable(mut schema: Value) -> Value {
    schema["nullable"] = json!(true);
    schema
}

/// With the value that holds when nobody says.
pub fn usually(mut schema: Value, usual: impl Into<Value>) -> Value {
    schema["default"] = usual.into();
    schema
}
