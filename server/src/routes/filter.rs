//! `filter` and `filter-lang`: CQL2 (OGC API Features part 3).

use std::collections::BTreeMap;
use std::sync::Arc;

use bricola_layers::cache::Snapshot;
use bricola_layers::crs::Crs;
use bricola_layers::definition::LayerDefinition;
use bricola_layers::query::cql2::{BoundFilter, Filter, Refusal, RefusalKind};

use crate::app::App;
use crate::error::{Kind, Problem};
use crate::params::Params;

/// The parameters of a filter, for a path that takes one.
pub const FILTER: &str = "filter";
/// In which of its two forms the filter is written.
pub const FILTER_LANG: &str = "filter-lang";
/// In which CRS its geometries are.
pub const FILTER_CRS: &str = "filter-crs";

#[derive(Debug, Clone, Copy)]
enum Language {
    Text,
    Json,
}

/// The filter of a request.
///
/// # Errors
/// What is no CQL2, or too much of it; `filter-lang` without a filter, or of a language that is none of the two.
pub fn read(params: &Params<'_>) -> Result<Option<Filter>, Problem> {
    let language = params.one_of(FILTER_LANG, &[("cql2-text", Language::Text), ("cql2-json", Language::Json)])?;
    let Some(text) = params.text(FILTER) else {
        return match language {
            None => Ok(None),
            Some(_) => Err(Problem::missing(FILTER, "filter-lang says how the filter is written, and there is none")),
        };
    };
    let filter = match language {
        Some(Language::Json) => Filter::from_json(text),
        _ => Filter::from_text(text),
    };
    filter.map(Some).map_err(|refusal| refused(&refusal, None))
}

/// The filter of a request for one layer; its geometries in the CRS that `filter-crs` names.
///
/// # Errors
/// As [`read`] and [`bind`]; a CRS that is none.
pub fn read_bound(
    app: &App,
    definition: &LayerDefinition,
    params: &Params<'_>,
) -> Result<Option<BoundFilter>, Problem> {
    let crs = super::items::any_crs(params, FILTER_CRS)?;
    let bound = read(params)?.map(|filter| filter.bind_in(definition, app.scope, &crs));
    bound.transpose().map_err(|refusal| refused(&refusal, Some((&definition.id, 1))))
}

/// A filter that is not for one layer alone, with all that its meaning depends on.
#[derive(Debug)]
pub struct Whole {
    filter: Filter,
    crs: Crs,
    /// The same for the same filter; another where a letter differs.
    pub written: String,
}

/// The filter of a request, its geometries in the CRS that `filter-crs` names; to be bound by [`bind_each`].
///
/// # Errors
/// As [`read`]; a CRS that is none.
pub fn read_whole(params: &Params<'_>) -> Result<Option<Whole>, Problem> {
    let crs = super::items::any_crs(params, FILTER_CRS)?;
    Ok(read(params)?.map(|filter| {
        let written = [FILTER, FILTER_LANG, FILTER_CRS].map(|name| params.text(name).unwrap_or_default()).join("\0");
        Whole { filter, crs, written }
    }))
}

/// A filter for each of some layers, in their order, in the words in which each was read.
///
/// # Errors
/// As [`bind`].
pub fn bind_each(app: &App, whole: &Whole, layers: &[Arc<Snapshot>]) -> Result<Vec<BoundFilter>, Problem> {
    let bound = layers.iter().map(|layer| {
        let definition = layer.definition();
        let bound = whole.filter.bind_in(definition, app.scope, &whole.crs);
        bound.map_err(|refusal| refused(&refusal, Some((&definition.id, layers.len()))))
    });
    bound.collect()
}

/// The filter for each of the layers that are asked for.
///
/// # Errors
/// The first layer that the filter does not go with; a field has to be in all of them.
pub fn bind(
    app: &App,
    filter: &Filter,
    layers: &BTreeMap<String, Arc<LayerDefinition>>,
) -> Result<BTreeMap<String, BoundFilter>, Problem> {
    let bound = layers.iter().map(|(id, definition)| match filter.bind(definition, app.scope) {
        Ok(bound) => Ok((id.clone(), bound)),
        Err(refusal) => Err(refused(&refusal, Some((id, layers.len())))),
    });
    bound.collect()
}

/// The answer to a filter that is not taken; `layer` is the one that it does not go with, and of how many.
fn refused(refusal: &Refusal, layer: Option<(&str, usize)>) -> Problem {
    let kind = match refusal.kind {
        RefusalKind::Syntax => Kind::FilterSyntax,
        RefusalKind::UnknownField => Kind::FilterField,
        RefusalKind::WrongType => Kind::FilterType,
        RefusalKind::Unsupported => Kind::FilterUnsupported,
        RefusalKind::TooLarge => Kind::FilterTooLarge,
    };
    let advice = match layer {
        Some((_, count)) if count > 1 => {
            " The filter has to go with every layer that is asked for: name those that are meant (layers=, or collections= of \
             tiles)."
        }
        _ => "",
    };
    let mut problem = Problem::new(kind, format!("filter, {refusal}.{advice}")).with("parameter", FILTER);
    if let Some(place) = &refusal.place {
        problem = problem.with("place", place.to_string());
    }
    if let Some((layer, _)) = layer {
        problem = problem.with("layer", layer);
    }
    if let Some(field) = &refusal.field {
        problem = problem.with("field", &**field);
    }
    if let Some(value) = &refusal.value {
        problem = problem.with("value", &**value);
    }
    if !refusal.allowed.is_empty() {
        problem = problem.with("allowed", refusal.allowed.to_vec());
    }
    if let Some((name, allowed)) = refusal.limit {
        problem = problem.with("limit", name).with("allowed", allowed);
    }
    problem
}
