//! Which definitions can take over the rows of another.

use super::{FieldDefinition, LayerDefinition};

/// The fields that a new definition adds to an old one.
///
/// # Errors
/// All the differences for which the stored rows would have to be made anew.
pub fn compatible<'a>(old: &LayerDefinition, new: &'a LayerDefinition) -> Result<Vec<&'a FieldDefinition>, String> {
    let mut differences = Vec::new();
    if old.geometry != new.geometry {
        differences.push(format!("geometry {} instead of {}", new.geometry.sql_name(), old.geometry.sql_name()));
    }
    if old.crs != new.crs {
        let name = |crs: &Option<String>| crs.clone().unwrap_or_default();
        differences.push(format!("CRS {} instead of {}", name(&new.crs), name(&old.crs)));
    }
    if old.resolution != new.resolution {
        let name = |resolution: Option<f64>| resolution.map_or("the default".to_owned(), |value| value.to_string());
        differences.push(format!("resolution {} instead of {}", name(new.resolution), name(old.resolution)));
    }
    for field in &old.fields {
        match new.field(&field.name) {
            None => differences.push(format!("no field \"{}\"", field.name)),
            Some((_, now)) if now.kind != field.kind => {
                differences.push(format!("field \"{}\" is {:?} instead of {:?}", field.name, now.kind, field.kind));
            }
            Some(_) => {}
        }
    }
    if differences.is_empty() {
        return Ok(new.fields.iter().filter(|field| old.field(&field.name).is_none()).collect());
    }
    Err(format!(
        "layer \"{}\" is stored under another definition: the new one has {}; drop the layer and load it again",
        old.id,
        differences.join(", ")
    ))
}
