//! Whether what definitions say of one another can be kept true.

use std::collections::{BTreeMap, BTreeSet};

use super::{Bound, By, FieldDefinition, LayerDefinition};
use crate::query::cql2::Filter;

/// Metres within which something is looked for.
const FARTHEST_M: f64 = 10_000.0;

/// What is wrong with a bound field by itself.
pub(super) fn check(definition: &LayerDefinition, field: &FieldDefinition, bound: &Bound) -> Option<String> {
    let Bound { layer, within_m, by, smallest, filter, .. } = bound;
    if *layer == definition.id {
        return Some("bound.layer is the layer itself: that would never come to rest".to_owned());
    }
    if field.required || definition.key.contains(&field.name) || field.derive.is_some() || field.form.is_some() {
        return Some("a bound field is not required, derived, of a form or part of the key".to_owned());
    }
    if within_m.is_some_and(|metres| !(metres > 0.0 && metres <= FARTHEST_M)) {
        return Some(format!("bound.within_m must be metres above 0 and up to {FARTHEST_M}"));
    }
    if *by == By::Share && (within_m.is_some() || *smallest) {
        return Some("bound.by = \"share\" goes with neither within_m nor smallest".to_owned());
    }
    if *by == By::Share && definition.geometry.dimension().is_some_and(|dimension| dimension < 2) {
        return Some("bound.by = \"share\" is for layers of surfaces".to_owned());
    }
    let refusal = filter.as_deref().and_then(|text| Filter::from_text(text).err())?;
    Some(format!("bound.filter: {}", refusal.reason))
}

/// Why a bound field cannot be filled from the other layer, if so.
pub fn misfit(field: &FieldDefinition, bound: &Bound, other: &LayerDefinition) -> Option<String> {
    let Bound { layer, field: name, first_by, within_m, by, filter, .. } = bound;
    let Some((_, theirs)) = other.field(name) else {
        return Some(format!("bound.field: layer \"{layer}\" has no field \"{name}\""));
    };
    if theirs.kind != field.kind {
        return Some(format!(
            "bound.field: \"{name}\" of \"{layer}\" is {:?}, and this is {:?}",
            theirs.kind, field.kind
        ));
    }
    if let Some(first_by) = first_by.as_ref().filter(|first_by| other.field(first_by).is_none()) {
        return Some(format!("bound.first_by: layer \"{layer}\" has no field \"{first_by}\""));
    }
    let covers = other.geometry.dimension().is_none_or(|dimension| dimension == 2);
    if !covers && (within_m.is_none() || *by == By::Share) {
        return Some(format!("layer \"{layer}\" has no surfaces: say within_m, how far away they may be"));
    }
    if let Some(text) = filter {
        let bound = Filter::from_text(text).and_then(|filter| filter.bind(other, super::Scope::EVERYTHING));
        return bound.err().map(|refusal| format!("bound.filter: {}", refusal.reason));
    }
    None
}

/// All that is wrong with how definitions are bound to one another: the layer, the field, the reason. A layer that is not
/// among them may be a table that is attached: what is bound to it waits until it is there.
pub fn faults<'a>(layers: impl IntoIterator<Item = &'a LayerDefinition>) -> Vec<(String, String, String)> {
    let layers: BTreeMap<&str, &LayerDefinition> =
        layers.into_iter().map(|definition| (definition.id.as_str(), definition)).collect();
    let mut faults = Vec::new();
    for definition in layers.values() {
        for (_, field, bound) in definition.bound_fields() {
            let misfit = layers.get(bound.layer.as_str()).and_then(|other| misfit(field, bound, other));
            let cycle = || {
                let way = way(&layers, &bound.layer, &definition.id)?;
                let way = way.join(" → ");
                Some(format!("bound.layer: {} → {way} goes in a circle, which never comes to rest", definition.id))
            };
            let reason = misfit.or_else(cycle);
            faults.extend(reason.map(|reason| (definition.id.clone(), field.name.clone(), reason)));
        }
    }
    faults
}

/// The layers on the way from one to another, along what they are bound to.
fn way<'a>(layers: &BTreeMap<&'a str, &'a LayerDefinition>, from: &'a str, to: &str) -> Option<Vec<&'a str>> {
    let mut seen = BTreeSet::from([from]);
    let mut ways = vec![vec![from]];
    while let Some(way) = ways.pop() {
        let end = way.last().copied()?;
        if end == to {
            return Some(way);
        }
        let bound = layers.get(end).into_iter().flat_map(|definition| definition.bound_fields());
        for (_, _, next) in bound {
            if seen.insert(next.layer.as_str()) {
                ways.push(way.iter().copied().chain([next.layer.as_str()]).collect());
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    fn layer(id: &str, geometry: &str, bound: &str) -> Result<LayerDefinition, String> {
        let text = format!(
            "id = \"{id}\"\ntitle = {{ it = \"t\", en = \"t\" }}\ndescription = {{ it = \"t\", en = \"t\" }}\ntheme = \"taxes\"\n\
             geometry = \"{geometry}\"\n[[field]]\nname = \"code\"\ntype = \"text\"\ntitle = {{ it = \"t\", en = \"t\" }}\n\
             [[field]]\nname = \"size\"\ntype = \"real\"\ntitle = {{ it = \"t\", en = \"t\" }}\n\
             [[field]]\nname = \"other\"\ntype = \"text\"\ntitle = {{ it = \"t\", en = \"t\" }}\n{bound}"
        );
        parse("test.toml", &text).map_err(|error| error.to_string())
    }

    fn to(layer: &str, more: &str) -> String {
        format!("bound = {{ layer = \"{layer}\", field = \"code\"{more} }}")
    }

    #[test]
    fn what_cannot_be_kept_true_is_refused_with_its_reason() {
        for (geometry, bound, reason) in [
            ("point", to("a", ""), "the layer itself"),
            ("point", to("b", ", within_m = -1.0"), "within_m"),
            ("point", to("b", ", within_m = nan"), "within_m"),
            ("point", to("b", ", by = \"share\""), "layers of surfaces"),
            ("polygon", to("b", ", by = \"share\", smallest = true"), "goes with neither"),
            ("point", to("b", ", filter = \"code = \""), "bound.filter"),
            ("point", to("b", ", nearest = 3"), "nearest"),
            ("point", format!("required = true\n{}", to("b", "")), "not required"),
        ] {
            let error = layer("a", geometry, &bound).expect_err(&bound);
            assert!(error.contains("test.toml") && error.contains(reason), "{error}");
        }
    }

    #[test]
    fn what_definitions_say_of_one_another_must_fit() {
        let reasons = |bound: &str, geometry: &str| {
            let layers = [layer("a", "point", bound).expect("by itself"), layer("b", geometry, "").expect("sound")];
            faults(&layers).into_iter().map(|(_, _, reason)| reason).collect::<Vec<_>>()
        };
        let whole = reasons(&to("b", ", first_by = \"size\", filter = \"size > 3\""), "multipolygon");
        assert_eq!(whole, Vec::<String>::new());
        assert_eq!(reasons(&to("elsewhere", ""), "point"), Vec::<String>::new(), "it may be attached later");
        for (bound, geometry, reason) in [
            (to("b", "").replace("\"code\"", "\"name\""), "polygon", "no field \"name\""),
            (to("b", "").replace("\"code\"", "\"size\""), "polygon", "Real"),
            (to("b", ", first_by = \"rank\""), "polygon", "no field \"rank\""),
            (to("b", ", filter = \"rank > 3\""), "polygon", "bound.filter"),
            (to("b", ""), "linestring", "within_m"),
        ] {
            let found = reasons(&bound, geometry);
            assert!(found.len() == 1 && found[0].contains(reason), "{found:?}");
        }
    }

    #[test]
    fn chains_are_sound_and_circles_are_not() {
        let chain = |last: &str| {
            let layers = [("a", to("b", "")), ("b", to("c", "")), ("c", last.to_owned())];
            let layers = layers.map(|(id, bound)| layer(id, "polygon", &bound).expect("by itself"));
            faults(&layers)
        };
        assert_eq!(chain(""), []);
        let circle = chain(&to("a", ""));
        assert_eq!(circle.len(), 3, "{circle:?}");
        assert!(circle[0].2.contains("a → b → c → a"), "{circle:?}");
    }
}
