//! What a process is asked, whether it came as JSON or in a query.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bricola_layers::crs::Crs;
use bricola_territory::Exact;
use chrono::NaiveDate;
use geo_types::Geometry;
use geozero::ToGeo as _;
use geozero::geojson::GeoJson;
use geozero::wkt::Wkt;
use serde_json::{Map, Value};

use crate::error::{Kind, Problem};
use crate::params::Params;

/// Members of a value that says of which kind it is (OGC API Processes 1, 7.11.2.3).
const QUALIFIED: [&str; 5] = ["value", "mediaType", "encoding", "schema", "format"];

/// Inputs by name. Numbers and lists may be texts, as queries have them.
#[derive(Debug, Clone, Default)]
pub struct Inputs {
    values: Map<String, Value>,
    /// A geometry that came as one, and its CRS.
    place: Option<(Geometry<f64>, Crs)>,
}

impl Inputs {
    /// Of a query, of which every parameter is known.
    pub fn of_query(params: &Params<'_>) -> Self {
        let values = params.pairs().map(|(name, value)| (name.to_owned(), Value::from(value))).collect();
        Self { values, place: None }
    }

    /// Says another text for an input.
    pub fn put(&mut self, name: &str, text: String) {
        self.values.insert(name.to_owned(), text.into());
    }

    /// Unsays an input.
    pub fn take(&mut self, name: &str) {
        self.values.remove(name);
    }

    /// Says the place by a geometry, east before north.
    pub fn put_place(&mut self, geometry: Geometry<f64>, crs: Crs) {
        self.place = Some((geometry, crs));
    }

    /// Of a JSON object with these names at most.
    ///
    /// # Errors
    /// A name that is not known, or a value by a reference that would have to be fetched.
    pub fn of_json(map: Map<String, Value>, known: &[&str]) -> Result<Self, Problem> {
        let mut inputs = Map::new();
        for (name, value) in map {
            if !known.contains(&name.as_str()) {
                let shown = crate::error::clipped(&name);
                let detail =
                    format!("inputs.{shown} is no input of this process; its inputs are {}.", known.join(", "));
                return Err(Problem::new(Kind::InvalidBody, detail).with("parameter", &*shown).with("allowed", known));
            }
            inputs.insert(name.clone(), unqualified(&name, value)?);
        }
        Ok(Self { values: inputs, place: None })
    }

    /// A text; none where it is not there or empty.
    ///
    /// # Errors
    /// A value that is no text.
    pub fn text(&self, name: &str) -> Result<Option<&str>, Problem> {
        match self.values.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.trim()).filter(|text| !text.is_empty())),
            Some(other) => Err(wrong(name, other, "must be a text")),
        }
    }

    /// A text that has to be there.
    ///
    /// # Errors
    /// As [`Self::text`], and when it is not there.
    pub fn needed(&self, name: &str, reason: &str) -> Result<&str, Problem> {
        self.text(name)?.ok_or_else(|| Problem::missing(name, reason))
    }

    /// A decimal number, exact to its last digit. A comma will do.
    ///
    /// # Errors
    /// A value that is none.
    pub fn exact(&self, name: &str) -> Result<Option<Exact>, Problem> {
        let text = match self.values.get(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Number(number)) => number.to_string(),
            Some(Value::String(text)) if text.trim().is_empty() => return Ok(None),
            Some(Value::String(text)) => text.trim().replace(',', "."),
            Some(other) => return Err(wrong(name, other, "must be a number such as 12.50")),
        };
        text.parse().map(Some).map_err(|error| Problem::parameter(name, &text, error))
    }

    /// A number of the machine's.
    ///
    /// # Errors
    /// A value that is none.
    pub fn number(&self, name: &str) -> Result<Option<f64>, Problem> {
        Ok(self.exact(name)?.map(|number| number.to_f64()))
    }

    /// A whole number, not below zero.
    ///
    /// # Errors
    /// A value that is none.
    pub fn whole(&self, name: &str) -> Result<Option<u64>, Problem> {
        let number = self.exact(name)?;
        number
            .map(|it| it.to_u64().ok_or_else(|| Problem::parameter(name, &it.to_string(), "must be a whole number")))
            .transpose()
    }

    /// A day.
    ///
    /// # Errors
    /// A value that is none.
    pub fn day(&self, name: &str) -> Result<Option<NaiveDate>, Problem> {
        let read =
            |text: &str| text.parse().map_err(|_| Problem::parameter(name, text, "must be a day such as 2026-01-31"));
        self.text(name)?.map(read).transpose()
    }

    /// Yes or no.
    ///
    /// # Errors
    /// A value that is neither.
    pub fn flag(&self, name: &str) -> Result<Option<bool>, Problem> {
        match self.values.get(name) {
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            _ => match self.text(name)? {
                None => Ok(None),
                Some("true") => Ok(Some(true)),
                Some("false") => Ok(Some(false)),
                Some(other) => Err(Problem::parameter(name, other, "must be true or false")),
            },
        }
    }

    /// Texts: a list, or one text with commas.
    ///
    /// # Errors
    /// Something else in it.
    pub fn texts(&self, name: &str) -> Result<Vec<String>, Problem> {
        let one = |value: &Value| {
            value
                .as_str()
                .map(|text| text.trim().to_owned())
                .ok_or_else(|| wrong(name, value, "must be a list of texts"))
        };
        match self.values.get(name) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(values)) => values.iter().map(one).collect(),
            Some(value) => {
                Ok(one(value)?.split(',').map(|part| part.trim().to_owned()).filter(|it| !it.is_empty()).collect())
            }
        }
    }

    /// A geometry as `GeoJSON`, or as WKT where it is a text that begins with a word.
    ///
    /// # Errors
    /// A value that is none.
    pub fn geometry(&self, name: &str) -> Result<Option<Geometry<f64>>, Problem> {
        if let Some((geometry, _)) = &self.place {
            return Ok(Some(geometry.clone()));
        }
        let text = match self.values.get(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::String(text)) if text.trim().is_empty() => return Ok(None),
            Some(Value::String(text)) => text.trim().to_owned(),
            Some(value @ Value::Object(_)) => value.to_string(),
            Some(other) => return Err(wrong(name, other, "must be a GeoJSON geometry")),
        };
        let read = if text.starts_with('{') { GeoJson(&text).to_geo() } else { Wkt(text.as_str()).to_geo() };
        let advice =
            "must be a GeoJSON geometry, such as {\"type\": \"Point\", \"coordinates\": [12.3388, 45.4342]}, or WKT";
        read.map(Some).map_err(|_| Problem::parameter(name, &text, advice))
    }

    /// A CRS; degrees, longitude first, where none is named.
    ///
    /// # Errors
    /// A text that names none.
    pub fn crs(&self, name: &str) -> Result<Crs, Problem> {
        if let Some((_, crs)) = &self.place {
            return Ok(crs.clone());
        }
        self.text(name)?.map_or_else(
            || Ok(Crs::crs84()),
            |text| Crs::parse(text).map_err(|error| Problem::parameter(name, text, error)),
        )
    }
}

fn unqualified(name: &str, value: Value) -> Result<Value, Problem> {
    match value {
        Value::Object(mut members) if members.contains_key("href") => {
            let href = members.remove("href").unwrap_or_default();
            href.as_str().and_then(referred).ok_or_else(|| {
                let reason = "nothing is fetched for others; send the value itself, or a reference that holds it (data:, RFC 2397)";
                wrong(name, &href, reason)
            })
        }
        Value::Object(mut members)
            if members.contains_key("value") && members.keys().all(|key| QUALIFIED.contains(&key.as_str())) =>
        {
            Ok(members.remove("value").unwrap_or_default())
        }
        value => Ok(value),
    }
}

/// What a `data:` URI (RFC 2397) holds: JSON where it says so, else a text.
fn referred(href: &str) -> Option<Value> {
    let (head, data) = href.strip_prefix("data:")?.split_once(',')?;
    let plain: Vec<u8> = percent_encoding::percent_decode_str(data).collect();
    let (media_type, bytes) = match head.strip_suffix(";base64") {
        Some(media_type) => (media_type, STANDARD.decode(plain).ok()?),
        None => (head, plain),
    };
    let essence = media_type.split(';').next().unwrap_or_default();
    if essence.ends_with("json") {
        return serde_json::from_slice(&bytes).ok();
    }
    String::from_utf8(bytes).ok().map(Value::from)
}

fn wrong(name: &str, value: &Value, reason: &str) -> Problem {
    Problem::parameter(name, &value.to_string(), reason)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn inputs(value: &Value) -> Result<Inputs, Problem> {
        Inputs::of_json(value.as_object().cloned().unwrap_or_default(), &["a", "b"])
    }

    #[test]
    fn values_come_plain_qualified_or_as_texts() {
        let it = inputs(&json!({"a": {"value": 12.5, "mediaType": "text/plain"}, "b": ["x", "y"]})).unwrap();
        assert_eq!(it.exact("a").unwrap().unwrap().to_string(), "12.5");
        assert_eq!(it.texts("b").unwrap(), ["x", "y"]);
        let it = inputs(&json!({"a": "12,50", "b": "x, y"})).unwrap();
        assert_eq!(it.exact("a").unwrap().unwrap().to_string(), "12.5");
        assert_eq!(it.texts("b").unwrap(), ["x", "y"]);
        let it = inputs(&json!({"a": "POINT (12 45)", "b": {"type": "Point", "coordinates": [12, 45]}})).unwrap();
        assert_eq!(it.geometry("a").unwrap(), it.geometry("b").unwrap());
    }

    #[test]
    fn references_that_hold_their_value_are_read_and_others_are_not_fetched() {
        let it = inputs(&json!({
            "a": {"href": "data:application/json,%7B%22type%22%3A%22Point%22%2C%22coordinates%22%3A%5B12%2C45%5D%7D"},
            "b": {"href": "data:text/plain;base64,MTIvNTc="},
        }));
        let it = it.unwrap();
        assert!(it.geometry("a").unwrap().is_some());
        assert_eq!(it.text("b").unwrap(), Some("12/57"));
        for href in
            ["http://127.0.0.1/", "file:///etc/passwd", "data:text/plain", "data:;base64,%", "data:application/json,x"]
        {
            assert!(inputs(&json!({"a": {"href": href}})).is_err(), "{href}");
        }
    }

    #[test]
    fn what_is_no_input_is_refused_by_name() {
        for (value, named) in [(json!({"c": 1}), "c"), (json!({"a": {"href": "http://127.0.0.1/"}}), "a")] {
            assert!(inputs(&value).unwrap_err().detail().contains(named));
        }
        let it = inputs(&json!({"a": true, "b": "12,5,0"})).unwrap();
        assert!(it.text("a").is_err() && it.geometry("a").is_err() && it.day("a").is_err() && it.exact("b").is_err());
    }
}
