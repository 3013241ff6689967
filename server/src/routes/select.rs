//! Which layers a request means, and whether the caller may see them.

use std::sync::Arc;

use bricola_layers::binding::{BindingStatus, State};
use bricola_layers::cache::{Layer, Snapshot};
use bricola_layers::definition::{LayerDefinition, Scope};
use bricola_layers::limits::MAX_COMPOSITE_LAYERS;
use bricola_layers::log::Cause;
use bricola_layers::store::Unreadable;
use bricola_layers::tile::{LABEL_SUFFIX, Part};

use crate::app::App;
use crate::error::{Kind, Problem};

/// Seconds after which a layer that is being read is worth another try.
const LOADING_RETRY_SECONDS: u32 = 1;

/// The layers of a list such as `parcels,ztl`. A layer that the caller may not see does not exist.
///
/// # Errors
/// An unknown name, a name that is there twice, too many, or none.
pub fn named(app: &App, list: &str) -> Result<Vec<Arc<Layer>>, Problem> {
    let whole = |id: &str| known(app, id).map(|layer| (layer, Part::Features));
    Ok(each(app, list, "layers", whole)?.0)
}

/// As [`named`], where `parcels_label` means the label points of `parcels`.
///
/// # Errors
/// As [`named`].
pub fn drawn(app: &App, list: &str) -> Result<(Vec<Arc<Layer>>, Vec<Part>), Problem> {
    each(app, list, "layers", |id| part(app, id))
}

/// As [`drawn`], where the list is the parameter `collections`, which a wrong name makes invalid.
///
/// # Errors
/// As [`named`].
pub fn chosen(app: &App, list: &str) -> Result<(Vec<Arc<Layer>>, Vec<Part>), Problem> {
    each(app, list, "collections", |id| part(app, id)).map_err(|problem| match problem.kind() {
        Kind::UnknownLayer => {
            let known: Vec<String> = visible(app).map(|(_, definition)| definition.id.clone()).collect();
            Problem::parameter("collections", list, "names a layer that is not there").with("allowed", known)
        }
        _ => problem,
    })
}

/// How the bindings stand of those layers that the caller may see, with those of their fields that he may see.
pub fn bindings(app: &App) -> Vec<(String, BindingStatus)> {
    let all = app.bindings.all().into_iter();
    let seen = all.filter_map(|(layer, mut status)| {
        let definition = known(app, &layer)?.definition();
        let is_seen = |name: &str| app.scope.fields(&definition).any(|(_, field)| field.name == name);
        status.fields.retain(|field| is_seen(&field.field) && is_visible(app, &field.target));
        Some((layer, status))
    });
    seen.collect()
}

/// How many layers have bindings that are not true, those included that the caller may not see.
pub fn untrue(app: &App) -> usize {
    app.bindings.all().values().filter(|status| status.state != State::True).count()
}

/// The causes of a change of a layer of which the caller may hear.
pub fn visible_causes(app: &App, layer: &str, causes: &[Cause]) -> Vec<Cause> {
    let Some(definition) = known(app, layer).map(|layer| layer.definition()).filter(|_| !causes.is_empty()) else {
        return Vec::new();
    };
    let is_seen = |name: &String| app.scope.fields(&definition).any(|(_, field)| field.name == *name);
    let heard = causes.iter().filter(|cause| is_visible(app, &cause.layer)).map(|cause| {
        let fields = cause.fields.iter().filter(|name| is_seen(name)).cloned().collect();
        Cause { fields, ..cause.clone() }
    });
    heard.filter(|cause| !cause.fields.is_empty()).collect()
}

/// Whether there is a layer that the caller may see.
fn is_visible(app: &App, id: &str) -> bool {
    known(app, id).is_some()
}

/// What stands for all layers where nobody names some: those that are ready, in order of id, as a list and as layers. One
/// tile holds no more than [`MAX_COMPOSITE_LAYERS`].
///
/// # Errors
/// When none is ready.
pub fn whole(app: &App) -> Result<(String, Vec<Arc<Layer>>), Problem> {
    let ready = visible(app).filter(|(layer, _)| layer.is_ready()).take(MAX_COMPOSITE_LAYERS);
    let (layers, ids): (Vec<_>, Vec<_>) = ready.map(|(layer, definition)| (layer, definition.id.clone())).unzip();
    if ids.is_empty() {
        let first = visible(app).next().map(|(_, definition)| definition.id.clone());
        return Err(first.map_or_else(|| Problem::new(Kind::UnknownLayer, "There are no layers."), |id| loading(&id)));
    }
    Ok((ids.join(","), layers))
}

fn part(app: &App, id: &str) -> Option<(Arc<Layer>, Part)> {
    match id.strip_suffix(LABEL_SUFFIX) {
        None => known(app, id).map(|layer| (layer, Part::Features)),
        Some(id) => {
            let layer = known(app, id).filter(|layer| layer.definition().has_label_points());
            layer.map(|layer| (layer, Part::Labels))
        }
    }
}

fn known(app: &App, id: &str) -> Option<Arc<Layer>> {
    app.territory.layer(id).filter(|layer| app.scope.sees_layer(&layer.definition()))
}

/// A layer that the caller may see.
///
/// # Errors
/// When there is none of this name.
pub fn one(app: &App, id: &str) -> Result<Arc<Layer>, Problem> {
    known(app, id).ok_or_else(|| unknown(app, id))
}

fn each(
    app: &App,
    list: &str,
    parameter: &str,
    find: impl Fn(&str) -> Option<(Arc<Layer>, Part)>,
) -> Result<(Vec<Arc<Layer>>, Vec<Part>), Problem> {
    let (mut layers, mut parts): (Vec<Arc<Layer>>, Vec<Part>) = (Vec::new(), Vec::new());
    for (position, id) in list.split(',').enumerate() {
        if position >= MAX_COMPOSITE_LAYERS {
            return Err(Problem::parameter(parameter, list, format!("names more than {MAX_COMPOSITE_LAYERS} layers"))
                .with("limit", "MAX_COMPOSITE_LAYERS")
                .with("allowed", MAX_COMPOSITE_LAYERS));
        }
        let (layer, part) = find(id).ok_or_else(|| unknown(app, id))?;
        if layers.iter().zip(&parts).any(|(other, of)| Arc::ptr_eq(other, &layer) && *of == part) {
            return Err(Problem::parameter(parameter, list, format!("names {id} twice")));
        }
        layers.push(layer);
        parts.push(part);
    }
    Ok((layers, parts))
}

/// The answer to a layer that is not there, or that this version cannot read.
pub fn unknown(app: &App, id: &str) -> Problem {
    if let Some(unreadable) = unreadable(app).into_iter().find(|unreadable| unreadable.id == id) {
        return Problem::unreadable(&unreadable.id);
    }
    let shown = crate::error::clipped(id);
    let known: Vec<String> = visible(app).map(|(_, definition)| definition.id.clone()).collect();
    let nearest = known.iter().max_by(|a, b| strsim::jaro(a, id).total_cmp(&strsim::jaro(b, id)));
    let hint = match nearest.filter(|nearest| strsim::jaro(nearest, id) > 0.8) {
        Some(nearest) => format!(" Did you mean \"{nearest}\"?"),
        None => " /collections lists the layers.".to_owned(),
    };
    Problem::new(Kind::UnknownLayer, format!("There is no layer \"{shown}\".{hint}"))
        .with("parameter", "layers")
        .with("value", &*shown)
        .with("allowed", known)
}

/// Every layer that the caller may see, with its definition, in order of id.
pub fn visible(app: &App) -> impl Iterator<Item = (Arc<Layer>, Arc<LayerDefinition>)> {
    let scope = app.scope;
    let layers = app.territory.layers().into_iter().map(|layer| {
        let definition = layer.definition();
        (layer, definition)
    });
    layers.filter(move |(_, definition)| scope.sees_layer(definition))
}

/// The layers that this version cannot read and the caller may know of, in order of id.
pub fn unreadable(app: &App) -> Vec<Unreadable> {
    let sees_all = app.scope == Scope::EVERYTHING;
    let may_know = |layer: &&Unreadable| layer.visibility.map_or(sees_all, |visibility| app.scope.sees(visibility));
    app.territory.unreadable().iter().filter(may_know).cloned().collect()
}

/// Where the tenant lies: as configured, or as far as its layers reach; west, south, east, north in degrees.
pub fn envelope(app: &App) -> Option<[f64; 4]> {
    let extents = || visible(app).filter_map(|(layer, _)| layer.extent_lonlat()).reduce(union);
    app.config.tenant.envelope.or_else(extents)
}

/// The box around two boxes.
pub fn union(a: [f64; 4], b: [f64; 4]) -> [f64; 4] {
    [a[0].min(b[0]), a[1].min(b[1]), a[2].max(b[2]), a[3].max(b[3])]
}

/// The features of the layers as of now.
///
/// # Errors
/// The first layer that is still being read.
pub fn ready(layers: &[Arc<Layer>]) -> Result<Vec<Arc<Snapshot>>, Problem> {
    layers.iter().map(|layer| layer.snapshot().ok_or_else(|| away(layer))).collect()
}

/// The answer for a layer that is not in memory: not yet, or not at all.
pub fn away(layer: &Layer) -> Problem {
    let id = &layer.definition().id;
    if !layer.is_stored() {
        return loading(id);
    }
    let detail = format!(
        "Layer \"{id}\" is too large for memory and is kept in the store only; this path answers from memory. Its features are \
         at /collections/{id}/items, its tiles under /collections/{id}/tiles."
    );
    Problem::new(Kind::LayerStored, detail).with("layer", &**id)
}

/// The answer for a layer that is still being read.
pub fn loading(id: &str) -> Problem {
    Problem::new(Kind::LayerLoading, format!("Layer \"{id}\" is still being read; try again in a second."))
        .with("layer", id)
        .retry_after(LOADING_RETRY_SECONDS)
}
