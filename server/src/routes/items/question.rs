//! What is asked for of the features of a layer.

use std::sync::Arc;

use bricola_layers::cache::Validity;
use bricola_layers::crs::Crs;
use bricola_layers::definition::{FieldType, LayerDefinition, Scope};
use bricola_layers::feature::Value;
use bricola_layers::limits::{DEFAULT_PAGE, MAX_PAGE};
use bricola_layers::query::{Area, Cursor, Profile, Selection, SortKey};
use bricola_layers::writer::Contents;
use chrono::{DateTime, Utc};
use http::HeaderMap;
use serde_json::json;

use super::form::{self, Form};
use crate::app::App;
use crate::error::Problem;
use crate::params::Params;
use crate::routes::explain::{self, EXPLAIN};
use crate::routes::filter::{self, FILTER, FILTER_CRS, FILTER_LANG};
use crate::routes::respond::{self, Language};
use crate::routes::when::{self, When};
use crate::services::features::Wanted;

/// Parameters of every answer with coordinates.
const OF_ONE: [&str; 7] = ["f", "profile", "lang", "crs", "properties", "skipGeometry", when::AT];
/// And of those that choose.
const OF_MANY: [&str; 10] =
    ["bbox", "bbox-crs", when::DATETIME, FILTER, FILTER_LANG, FILTER_CRS, "sortby", "limit", "cursor", EXPLAIN];
/// CRSs in which every layer is given, beside its own: those of the law and of everyday work in Italy.
const CODES: [u32; 14] = [4326, 4258, 6706, 3857, 7791, 7792, 7794, 7795, 6876, 25832, 25833, 3003, 3004, 3035];

/// A question, read and found sound.
pub struct Question {
    pub form: Form,
    /// Of GeoJSON.
    pub profile: Profile,
    pub language: Language,
    pub when: When,
    pub selection: Arc<Selection>,
    pub order: Vec<SortKey>,
    pub after: Option<Cursor>,
    /// Features at most; all of them without it, in the forms that are files.
    pub limit: Option<usize>,
    pub crs: Crs,
    /// Fields that are wanted, by their positions in the definition.
    pub fields: Option<Vec<usize>>,
    pub skip_geometry: bool,
    /// How the page comes about is wanted instead of it.
    pub explain: bool,
}

impl Question {
    /// For a page of features.
    ///
    /// # Errors
    /// The first parameter that is not what it should be.
    pub async fn read(
        app: &App,
        definition: &LayerDefinition,
        query: Option<&str>,
        headers: &HeaderMap,
    ) -> Result<Self, Problem> {
        let fields: Vec<&str> = app.scope.fields(definition).map(|(_, field)| field.name.as_str()).collect();
        let allowed: Vec<&str> = OF_ONE.into_iter().chain(OF_MANY).chain(fields).collect();
        let params = Params::read(query, &allowed)?;
        let (when, [first, last]) = when::read_during(app, &params).await?;
        let order = order(app, definition, &params)?;
        let (form, profile) = form::read(&params, headers, &form::WORDS)?;
        let limit = params.whole("limit", 1..=i64::MAX)?.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let mut filters = equalities(app, definition, &params)?;
        filters.extend(filter::read_bound(app, definition, &params)?);
        Ok(Self {
            selection: Arc::new(Selection {
                area: area(&params)?,
                filters,
                validity: Validity::between(definition, first, last),
            }),
            after: params.text("cursor").map(|text| cursor(text, definition, &order)).transpose()?,
            limit: if form.is_file() { limit } else { Some(limit.unwrap_or(DEFAULT_PAGE).min(MAX_PAGE)) },
            order,
            form,
            profile,
            explain: explain::is_asked(&params)?,
            ..Self::plain(app, definition, &params, headers, when)?
        })
    }

    /// For one feature.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub async fn of_one(
        app: &App,
        definition: &LayerDefinition,
        query: Option<&str>,
        headers: &HeaderMap,
    ) -> Result<Self, Problem> {
        let params = Params::read(query, &OF_ONE)?;
        let (form, profile) = form::read(&params, headers, &form::WORDS_OF_ONE)?;
        let when = when::read(app, &params).await?;
        Ok(Self { form, profile, ..Self::plain(app, definition, &params, headers, when)? })
    }

    /// What is asked of the layer.
    pub fn wanted(&self) -> Wanted<'_> {
        Wanted {
            selection: &self.selection,
            order: &self.order,
            after: self.after.as_ref(),
            limit: self.limit.unwrap_or(usize::MAX - 1),
        }
    }

    /// The fields that are wanted and that a scope may see, by their positions in the definition.
    pub fn columns(&self, definition: &LayerDefinition, scope: Scope) -> Vec<usize> {
        let seen = scope.fields(definition).map(|(field, _)| field);
        seen.filter(|field| self.fields.as_ref().is_none_or(|wanted| wanted.contains(field))).collect()
    }

    /// What a file of the features holds.
    pub fn contents(&self, definition: &LayerDefinition, scope: Scope) -> Contents {
        Contents { fields: self.columns(definition, scope), crs: self.crs.clone(), geometry: !self.skip_geometry }
    }

    /// What does not choose.
    fn plain(
        app: &App,
        definition: &LayerDefinition,
        params: &Params<'_>,
        headers: &HeaderMap,
        when: When,
    ) -> Result<Self, Problem> {
        Ok(Self {
            form: Form::GeoJson,
            profile: Profile::default(),
            language: respond::language(params, headers)?,
            when,
            selection: Arc::default(),
            order: Vec::new(),
            after: None,
            limit: None,
            crs: offered(definition, params, "crs")?,
            fields: fields(app, definition, params)?,
            skip_geometry: params.one_of("skipGeometry", &[("true", true), ("false", false)])?.unwrap_or(false),
            explain: false,
        })
    }
}

/// The URIs of the CRSs in which a layer is given: CRS84, its own, and those of [`CODES`].
pub fn crs_uris(definition: &LayerDefinition) -> Vec<String> {
    let own = definition.crs.as_deref().and_then(|crs| Crs::parse(crs).ok());
    let mut uris = vec![Crs::crs84().uri()];
    uris.extend(own.map(|crs| crs.uri()));
    uris.extend(CODES.map(|code| format!("http://www.opengis.net/def/crs/EPSG/0/{code}")));
    let mut seen = std::collections::BTreeSet::new();
    uris.retain(|uri| seen.insert(uri.clone()));
    uris
}

/// The CRS that a parameter names, which has to be one of [`crs_uris`]; CRS84 when nobody says.
pub(super) fn offered(definition: &LayerDefinition, params: &Params<'_>, name: &str) -> Result<Crs, Problem> {
    let Some(text) = params.text(name) else { return Ok(Crs::crs84()) };
    let allowed = crs_uris(definition);
    let known = Crs::parse(text).ok().filter(|crs| allowed.contains(&crs.uri()));
    known.ok_or_else(|| {
        let reason = "must be the URI of a CRS that the collection lists";
        Problem::parameter(name, text, reason).with("allowed", allowed)
    })
}

/// Any CRS that a parameter names; CRS84 when nobody says.
pub(in crate::routes) fn any_crs(params: &Params<'_>, name: &str) -> Result<Crs, Problem> {
    let Some(text) = params.text(name) else { return Ok(Crs::crs84()) };
    Crs::parse(text).map_err(|error| Problem::parameter(name, text, error))
}

/// `bbox` and `bbox-crs`; heights are not looked at.
pub fn area(params: &Params<'_>) -> Result<Option<Area>, Problem> {
    let crs = any_crs(params, "bbox-crs")?;
    let Some(text) = params.text("bbox") else {
        return match params.text("bbox-crs") {
            None => Ok(None),
            Some(_) => Err(Problem::missing("bbox", "bbox-crs says in which CRS it is, and there is none")),
        };
    };
    let wrong = |reason: String| Problem::parameter("bbox", text, reason);
    let numbers: Option<Vec<f64>> = text.split(',').map(|number| number.trim().parse().ok()).collect();
    let numbers = match numbers.as_deref() {
        Some([a, b, c, d] | [a, b, _, c, d, _]) => [*a, *b, *c, *d],
        _ => return Err(wrong("must be four numbers, lower left and upper right corner, or six with heights".into())),
    };
    let [a, b, c, d] = numbers;
    let corners = if crs.north_first() { [b, a, d, c] } else { numbers };
    Area::new(crs, corners).map(Some).map_err(|error| wrong(error.to_string()))
}

/// The position of a field that the caller may see.
fn field(app: &App, definition: &LayerDefinition, parameter: &str, name: &str) -> Result<usize, Problem> {
    let visible = || app.scope.fields(definition);
    visible().find(|(_, field)| field.name == name).map(|(position, _)| position).ok_or_else(|| {
        let allowed: Vec<&str> = visible().map(|(_, field)| field.name.as_str()).collect();
        Problem::parameter(parameter, name, format!("is no field of layer \"{}\"", definition.id))
            .with("allowed", allowed)
    })
}

/// `properties`.
fn fields(app: &App, definition: &LayerDefinition, params: &Params<'_>) -> Result<Option<Vec<usize>>, Problem> {
    let Some(text) = params.text("properties") else { return Ok(None) };
    text.split(',').map(|name| field(app, definition, "properties", name.trim())).collect::<Result<_, _>>().map(Some)
}

/// `sortby`: fields, each after `-` for the greatest first; `+`, which arrives as a space, may stand for the least.
fn order(app: &App, definition: &LayerDefinition, params: &Params<'_>) -> Result<Vec<SortKey>, Problem> {
    let keys = params.text("sortby").into_iter().flat_map(|text| text.split(',')).map(|key| {
        let key = key.trim().trim_start_matches('+');
        let (name, descending) = key.strip_prefix('-').map_or((key, false), |name| (name, true));
        let field = if name == "id" { None } else { Some(field(app, definition, "sortby", name)?) };
        Ok(SortKey { field, descending })
    });
    keys.collect()
}

/// Parameters that have the name of a field: its value is this one.
fn equalities(
    app: &App,
    definition: &LayerDefinition,
    params: &Params<'_>,
) -> Result<Vec<bricola_layers::query::cql2::BoundFilter>, Problem> {
    let mut filters = Vec::new();
    for (_, field) in app.scope.fields(definition) {
        let name = field.name.as_str();
        let Some(text) = params.text(name).filter(|_| !OF_ONE.contains(&name) && !OF_MANY.contains(&name)) else {
            continue;
        };
        let wrong = |what: &str| Problem::parameter(name, text, format!("the field holds {what}"));
        let value = match field.kind {
            FieldType::Text | FieldType::Date | FieldType::DateTime => json!(text),
            FieldType::Integer => json!(text.parse::<i64>().map_err(|_| wrong("a whole number"))?),
            FieldType::Real => json!(text.parse::<f64>().map_err(|_| wrong("a number"))?),
            FieldType::Boolean => json!(text.parse::<bool>().map_err(|_| wrong("true or false"))?),
        };
        let equation = json!({"op": "=", "args": [{"property": name}, value]});
        let bound = bricola_layers::query::cql2::Filter::from_json(&equation.to_string())
            .and_then(|filter| filter.bind(definition, app.scope));
        filters.push(bound.map_err(|refusal| Problem::parameter(name, text, refusal.reason))?);
    }
    Ok(filters)
}

/// `cursor`, as the link to the next page has it: an array of the values of the sort keys, and the id.
fn cursor(text: &str, definition: &LayerDefinition, order: &[SortKey]) -> Result<Cursor, Problem> {
    let wrong = || Problem::parameter("cursor", text, "is none that a link \"next\" with this sortby has given");
    let parts: Vec<serde_json::Value> = serde_json::from_str(text).map_err(|_| wrong())?;
    let (id, values) = parts.split_last().filter(|(_, values)| values.len() == order.len()).ok_or_else(wrong)?;
    let value = |(key, json): (&SortKey, &serde_json::Value)| {
        let kind = key.field.map_or(FieldType::Integer, |field| definition.fields[field].kind);
        typed(kind, json)
    };
    let values = order.iter().zip(values).map(value).collect::<Option<_>>().ok_or_else(wrong)?;
    Ok(Cursor { values, id: id.as_i64().ok_or_else(wrong)? })
}

/// A value of a field as JSON has it.
fn typed(kind: FieldType, json: &serde_json::Value) -> Option<Value> {
    if json.is_null() {
        return Some(Value::Null);
    }
    let text = || json.as_str();
    Some(match kind {
        FieldType::Text => Value::Text(text()?.to_owned()),
        FieldType::Integer => Value::Integer(json.as_i64()?),
        FieldType::Real => Value::Real(json.as_f64()?),
        FieldType::Boolean => Value::Boolean(json.as_bool()?),
        FieldType::Date => Value::Date(text()?.parse().ok()?),
        FieldType::DateTime => Value::DateTime(text()?.parse::<DateTime<Utc>>().ok()?),
    })
}
