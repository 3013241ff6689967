//! The place that a process is asked about: by coordinates, a geometry, a parcel, a feature, an address or a stretch of a street.

use std::sync::Arc;

use bricola_layers::cache::{RowAt, Snapshot, Validity};
use bricola_layers::cadastre::ParcelSearch;
use bricola_layers::feature::FeatureId;
use bricola_layers::query::Positions;
use geo_types::{Geometry, Point};
use serde_json::json;

use super::inputs::Inputs;
use super::{Input, wanted};
use crate::app::App;
use crate::error::{Kind, Problem};
use crate::routes::select;
use crate::routes::when::When;
use crate::services::parcels::{self, LAYER};
use crate::services::site::{NoSite, Site, reference, words};
use crate::wired::Words;
use crate::wired::schema::{list, number, reference as schema, text};

/// Parcels that are named where a reference means several.
const NAMED: usize = 10;

/// The inputs by which a place is given.
pub fn inputs() -> Vec<Input> {
    vec![
        wanted("geometry", Words("Il luogo, in GeoJSON (o WKT)", "The place, as GeoJSON (or WKT)"), schema("Geometry")),
        wanted(
            "x",
            Words("Al posto della geometria: est o longitudine", "Instead of a geometry: east or longitude"),
            number(),
        ),
        wanted("y", Words("Nord o latitudine", "North or latitude"), number()),
        wanted(
            "crs",
            Words(
                "Sistema di riferimento delle coordinate, come EPSG:7795; senza, gradi, longitudine prima",
                "CRS of the coordinates, such as EPSG:7795; without it degrees, longitude first",
            ),
            text(),
        ),
        wanted(
            "parcel",
            Words(
                "Al posto delle coordinate: una particella, come 12/345",
                "Instead of coordinates: a parcel, such as 12/345",
            ),
            text(),
        ),
        wanted(
            "feature",
            Words(
                "Al posto delle coordinate: un oggetto, come strato/7",
                "Instead of coordinates: a feature, such as layer/7",
            ),
            text(),
        ),
        wanted(
            "address",
            Words(
                "Al posto delle coordinate: un indirizzo con il numero civico, come San Marco 1234",
                "Instead of coordinates: an address with its house number, such as San Marco 1234",
            ),
            text(),
        ),
        wanted(
            "along",
            Words(
                "Al posto delle coordinate: una strada, per nome o codice; tutta, o il tratto di from_m e to_m o di between",
                "Instead of coordinates: a street, by name or code; all of it, or the stretch of from_m and to_m or of between",
            ),
            text(),
        ),
        wanted(
            "between",
            Words(
                "Il tratto della strada fra due civici, come 12,40",
                "The stretch of the street between two house numbers, such as 12,40",
            ),
            list(&text()),
        ),
        wanted(
            "from_m",
            Words(
                "Il tratto da questi metri, dall’inizio della strada com’è disegnata",
                "The stretch from these metres, from where the street as it is drawn begins",
            ),
            number(),
        ),
        wanted("to_m", Words("Il tratto fino a questi metri", "The stretch up to these metres"), number()),
    ]
}

/// Refuses wrong numbers, whoever asks.
///
/// # Errors
/// A coordinate that is no number.
pub fn checked(inputs: &Inputs) -> Result<(), Problem> {
    for name in ["x", "y", "from_m", "to_m"] {
        inputs.number(name)?;
    }
    Ok(())
}

/// As [`inputs`], with a point in the Piazza San Marco as the example.
pub fn inputs_at_san_marco() -> Vec<Input> {
    let example = |name| match name {
        "x" => Some("12.3388"),
        "y" => Some("45.4342"),
        _ => None,
    };
    inputs().into_iter().map(|input| Input { example: example(input.name), ..input }).collect()
}

/// The place that is meant, if one is.
///
/// # Errors
/// A place that is given twice, or is none.
pub async fn site(app: &App, inputs: &Inputs, when: &When) -> Result<Option<Site>, Problem> {
    let drawn = inputs.geometry("geometry")?;
    let point = match (inputs.number("x")?, inputs.number("y")?) {
        (Some(x), Some(y)) => Some(Geometry::Point(Point::new(x, y))),
        (None, None) => None,
        (Some(_), None) => return Err(Problem::missing("y", "x without y is no place")),
        (None, Some(_)) => return Err(Problem::missing("x", "y without x is no place")),
    };
    let (parcel, feature, address) = (inputs.text("parcel")?, inputs.text("feature")?, inputs.text("address")?);
    let along = inputs.text("along")?;
    let named = [parcel, feature, address, along].iter().flatten().count();
    if named + usize::from(drawn.is_some()) + usize::from(point.is_some()) > 1 {
        let detail =
            "The place is given more than once; give one of geometry, x and y, parcel, feature, address, along.";
        let names = "geometry, x, y, parcel, feature, address, along";
        return Err(Problem::new(Kind::InvalidParameter, detail).with("parameter", names));
    }
    if let Some(text) = along {
        return Ok(Some(super::street::stretch(app, inputs, when, text).await?));
    }
    super::street::without_street(inputs)?;
    if let Some(text) = address {
        let feature = super::address::feature(app, text).await?;
        return Ok(Some(of_feature(app, when, &feature).await?));
    }
    if let Some(text) = parcel {
        return Ok(Some(of_parcel(app, when, text).await?));
    }
    if let Some(text) = feature {
        return Ok(Some(of_feature(app, when, text).await?));
    }
    let Some(geometry) = drawn.or(point) else { return Ok(None) };
    let crs = inputs.crs("crs")?;
    Site::new(geometry, &crs, select::envelope(app)).map(Some).map_err(|error| unplaced(&error))
}

/// The refusal of what is no place.
pub fn unplaced(error: &NoSite) -> Problem {
    Problem::new(Kind::InvalidParameter, error.to_string()).with("parameter", "geometry, x, y, crs")
}

/// A parcel and where its row is.
pub struct Found {
    /// The layer of parcels as of the moment.
    pub snapshot: Arc<Snapshot>,
    /// Its rows, in order of id.
    pub rows: Vec<RowAt>,
}

/// All parcels that a reference may mean, valid on the day.
///
/// # Errors
/// A text that is no reference, or a layer that is not there or not ready.
pub async fn parcels_of(app: &App, when: &When, text: &str) -> Result<Found, Problem> {
    let search = ParcelSearch::parse(text).map_err(|error| Problem::parameter("parcel", text, error))?;
    let layer = select::one(app, LAYER)?;
    let snapshot = when.snapshots(app, &[layer]).await?.swap_remove(0);
    let validity = Validity::of(snapshot.definition(), when.valid_on);
    let found = parcels::find(&search, &snapshot, usize::MAX).into_iter().filter(|row| validity.holds(*row));
    let rows = found.filter_map(|row| snapshot.place_of(row.id())).collect();
    Ok(Found { snapshot, rows })
}

/// The one parcel that a reference means.
///
/// # Errors
/// As [`parcels_of`], and when it means none, or several: which they are.
pub async fn one_parcel(app: &App, when: &When, text: &str) -> Result<(Arc<Snapshot>, RowAt), Problem> {
    let Found { snapshot, rows } = parcels_of(app, when, text).await?;
    match rows.as_slice() {
        [row] => Ok((snapshot, *row)),
        [] => {
            let detail = format!("There is no parcel {} at that time.", crate::error::clipped(text));
            Err(Problem::new(Kind::UnknownFeature, detail).with("parameter", "parcel").with("value", text))
        }
        several => {
            let named = several.iter().take(NAMED).map(|at| words(&snapshot, snapshot.row_at(*at), "national_ref"));
            let named: Vec<String> = named.map(|name| name.unwrap_or_else(|| "?".to_owned())).collect();
            let reason = format!("means {} parcels; say which one: {}", several.len(), named.join(", "));
            Err(Problem::parameter("parcel", text, reason).with("allowed", json!(named)))
        }
    }
}

/// The street of an address, by its code, and its number, where the place is one: for rules that ask for streets.
///
/// # Errors
/// A layer that is not there or not ready.
pub async fn street_of(app: &App, when: &When, site: &Site) -> Result<Option<(String, Option<u64>)>, Problem> {
    let Some(feature) = &site.feature else { return Ok(None) };
    let snapshot = when.snapshots(app, &[select::one(app, &feature.layer)?]).await?.swap_remove(0);
    let at = feature.id.parse().ok().and_then(|id: FeatureId| snapshot.place_of(id));
    let row = at.map(|at| snapshot.row_at(at));
    let said = |name: &str| row.and_then(|row| words(&snapshot, row, name));
    Ok(said("street_code").map(|code| (code, said("number").and_then(|number| number.parse().ok()))))
}

async fn of_parcel(app: &App, when: &When, text: &str) -> Result<Site, Problem> {
    let (snapshot, at) = one_parcel(app, when, text).await?;
    of_row(&snapshot, at)
}

async fn of_feature(app: &App, when: &When, text: &str) -> Result<Site, Problem> {
    let (snapshot, at) = row_named(app, when, text).await?;
    of_row(&snapshot, at)
}

/// The feature that a parameter `feature` names, as layer/id.
///
/// # Errors
/// What names none, or one that is not there.
pub async fn row_named(app: &App, when: &When, text: &str) -> Result<(Arc<Snapshot>, RowAt), Problem> {
    let wrong = |reason: &str| Problem::parameter("feature", text, reason);
    let (id, number) = text.split_once('/').ok_or_else(|| wrong("must be layer/id, such as occupations/7"))?;
    let layer = select::one(app, id)?;
    let number = number.parse::<FeatureId>().map_err(|_| wrong("must be layer/id, where id is a number"))?;
    let snapshot = when.snapshots(app, &[layer]).await?.swap_remove(0);
    let at = snapshot.place_of(number).ok_or_else(|| {
        Problem::new(Kind::UnknownFeature, format!("Layer \"{id}\" has no feature {number} at that time."))
            .with("parameter", "feature")
    })?;
    Ok((snapshot, at))
}

/// The place of a row.
///
/// # Errors
/// A row without a geometry.
pub fn of_row(snapshot: &Snapshot, at: RowAt) -> Result<Site, Problem> {
    let row = snapshot.row_at(at);
    let geometry = Positions::LonLat.geometry(row).ok_or_else(|| unplaced(&NoSite::Empty))?;
    Site::of_feature(geometry, reference(snapshot, row)).map_err(|error| unplaced(&error))
}
