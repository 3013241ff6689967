//! Which address and which street is at a place.

use bricola_layers::cache::{Territory, Validity};
use bricola_layers::crs::CrsError;
use bricola_layers::definition::{Scope, SearchKind};
use bricola_layers::query::{Place, at_when};
use bricola_search::{Kind, Quality};

use super::hits::{Desk, Hit, address};
use super::read::{Plan, spot};

/// Metres within which it is looked first, then farther.
const STEPS_M: [f64; 4] = [20.0, 80.0, 320.0, 1_280.0];

/// What is near a place.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reverse {
    /// The nearest address.
    pub address: Option<Hit>,
    /// The nearest street.
    pub street: Option<Hit>,
}

/// The nearest address and the nearest street of a place, no farther than `radius_m` metres.
///
/// # Errors
/// When the place has no coordinates in the CRS of a layer.
pub fn reverse(
    territory: &Territory,
    scope: Scope,
    place: &Place,
    radius_m: f64,
    english: bool,
) -> Result<Reverse, CrsError> {
    let desk = Desk::new(territory, scope, english);
    let address = nearest(territory, scope, place, radius_m, SearchKind::Address, &desk)?;
    let street = nearest(territory, scope, place, radius_m, SearchKind::Street, &desk)?;
    Ok(Reverse { address, street })
}

fn nearest(
    territory: &Territory,
    scope: Scope,
    place: &Place,
    radius_m: f64,
    wanted: SearchKind,
    desk: &Desk<'_>,
) -> Result<Option<Hit>, CrsError> {
    let mut best: Option<Hit> = None;
    for layer in territory.layers() {
        let Some(snapshot) = layer.snapshot() else { continue };
        let definition = snapshot.definition();
        let is_wanted = definition.searched().is_some_and(|search| search.kind == wanted);
        let Some(plan) = Plan::of(definition).filter(|_| is_wanted && scope.sees_layer(definition)) else { continue };
        let closer = STEPS_M.into_iter().filter(|step| *step < radius_m).chain([radius_m]);
        for step in closer {
            let always = Validity::of(definition, None);
            let Some(hit) = at_when(&snapshot, place, step, 1, &always)?.into_iter().next() else { continue };
            if best.as_ref().and_then(|best| best.distance_m).is_some_and(|known| known <= hit.distance_m) {
                break;
            }
            let Some(spot) = spot(hit.row) else { break };
            let (label, context) = if wanted == SearchKind::Address {
                address(&plan, hit.row)
            } else {
                let name = plan.name(hit.row).unwrap_or_default().to_owned();
                let context = desk.district(place.lonlat(), &name).unwrap_or_default();
                (name, context)
            };
            best = Some(Hit {
                kind: if wanted == SearchKind::Address { Kind::Address } else { Kind::Street },
                label,
                context,
                spot,
                score: 1.0,
                quality: Quality::Exact,
                layer: definition.id.clone(),
                id: Some(hit.row.id()),
                chosen_by: None,
                distance_m: Some((hit.distance_m * 1000.0).round() / 1000.0),
            });
            break;
        }
    }
    Ok(best)
}
