//! The shipped layers, their fields, and who makes their rows.

use bricola_layers::definition::{GeometryType, LayerDefinition};
use bricola_layers::feature::{Feature, Value};
use chrono::NaiveDate;
use geo_types::{Geometry, LineString, MultiLineString, MultiPolygon, Polygon};

use crate::district::District;
use crate::plan::Plan;
use crate::rng::Rng;

pub mod boundaries;
pub mod cadastre;
pub mod mobility;
pub mod planning;
pub mod rentals;
pub mod services;
pub mod taxes;
pub mod transit;
pub mod works;

/// How a layer is made: from the plan, and from each chunk.
#[derive(Clone, Copy)]
pub struct Layer {
    /// Identifier.
    pub id: &'static str,
    /// Geometry type.
    pub geometry: GeometryType,
    /// Its fields, in the order in which rows are made.
    pub fields: &'static [&'static str],
    /// Rows of the plan, before those of the chunks.
    pub plan: Option<fn(&Plan, &mut Rows)>,
    /// Rows of a chunk.
    pub district: Option<fn(&District, &mut Rows)>,
}

use GeometryType::{Geometry as Any, MultiLineString as Lines, MultiPolygon as Areas, Point as Points};

/// Every layer, in load order.
pub const LAYERS: &[Layer] = &[
    Layer {
        id: "municipal-boundary",
        geometry: Areas,
        fields: &["belfiore", "istat", "ipa", "name", "area_km2"],
        plan: Some(boundaries::municipality),
        district: None,
    },
    Layer {
        id: "islands",
        geometry: Areas,
        fields: &["code", "name", "kind"],
        plan: Some(boundaries::islands),
        district: None,
    },
    Layer {
        id: "water",
        geometry: Areas,
        fields: &["code", "kind", "name"],
        plan: Some(boundaries::lagoon),
        district: Some(boundaries::canals),
    },
    Layer {
        id: "districts",
        geometry: Areas,
        fields: &["code", "name", "level"],
        plan: Some(boundaries::districts),
        district: Some(boundaries::sestieri),
    },
    Layer {
        id: "census-sections",
        geometry: Areas,
        fields: &["code", "population", "dwellings", "area_m2"],
        plan: Some(boundaries::empty_sections),
        district: Some(boundaries::sections),
    },
    Layer {
        id: "parcel-sheets",
        geometry: Areas,
        fields: &["sheet_ref", "municipality", "section", "sheet", "annex", "development", "scale"],
        plan: None,
        district: Some(cadastre::sheets),
    },
    Layer {
        id: "parcels",
        geometry: Areas,
        fields: &[
            "national_ref",
            "municipality",
            "section",
            "sheet",
            "annex",
            "development",
            "number",
            "kind",
            "area_m2",
            "label",
        ],
        plan: None,
        district: Some(cadastre::parcels),
    },
    Layer {
        id: "buildings",
        geometry: Areas,
        fields: &["code", "kind", "height_m", "floors", "year", "parcel_ref"],
        plan: None,
        district: Some(cadastre::buildings),
    },
    Layer {
        id: "streets",
        geometry: Lines,
        fields: &[
            "code",
            "kind",
            "name",
            "full_name",
            "class",
            "tariff_category",
            "width_m",
            "surface",
            "ground_m",
            "walkway_m",
        ],
        plan: Some(mobility::plan_streets),
        district: Some(mobility::streets),
    },
    Layer {
        id: "addresses",
        geometry: Points,
        fields: &["code", "street_code", "street_name", "number", "suffix", "district", "parcel_ref", "full"],
        plan: None,
        district: Some(cadastre::addresses),
    },
    Layer {
        id: "zoning",
        geometry: Areas,
        fields: &["code", "plan", "zone", "name", "article", "status", "act", "valid_from", "valid_to"],
        plan: Some(planning::open_zones),
        district: Some(planning::zones),
    },
    Layer {
        id: "tariff-zones",
        geometry: Areas,
        fields: &["code", "name", "rank", "coef_annual", "coef_daily", "act", "valid_from", "valid_to"],
        plan: Some(planning::tariff_zones),
        district: None,
    },
    Layer {
        id: "omi-zones",
        geometry: Areas,
        fields: &["code", "municipality", "band", "name", "semester"],
        plan: Some(planning::omi_zones),
        district: None,
    },
    Layer {
        id: "tax-objects",
        geometry: Points,
        fields: &["code", "kind", "category", "parcel_ref", "address", "area_m2", "rate_class"],
        plan: None,
        district: Some(taxes::objects),
    },
    Layer {
        id: "occupations",
        geometry: Areas,
        fields: &["code", "kind", "regime", "area_m2", "from_date", "to_date", "concession", "tariff_zone", "water"],
        plan: None,
        district: Some(taxes::occupations),
    },
    Layer {
        id: "rentals",
        geometry: Points,
        fields: &["code", "cin", "cir", "kind", "units", "beds", "address", "district"],
        plan: None,
        district: Some(rentals::rentals),
    },
    Layer {
        id: "listings",
        geometry: Points,
        fields: &["code", "cin", "kind", "error_m"],
        plan: None,
        district: Some(rentals::listings),
    },
    Layer {
        id: "ztl",
        geometry: Areas,
        fields: &["code", "name", "kind", "schedule", "order_ref", "valid_from", "valid_to"],
        plan: Some(mobility::ztl),
        district: Some(mobility::water_ztl),
    },
    Layer {
        id: "ztl-gates",
        geometry: Points,
        fields: &["code", "ztl_code", "name", "heading_deg", "direction", "camera"],
        plan: Some(mobility::gates),
        district: None,
    },
    Layer {
        id: "cycle-lanes",
        geometry: Lines,
        fields: &["code", "name", "kind", "surface", "status", "length_m"],
        plan: Some(mobility::cycle_lanes),
        district: None,
    },
    Layer {
        id: "transit-lines",
        geometry: Lines,
        fields: &["code", "line", "name", "mode", "colour", "operator"],
        plan: Some(transit::lines),
        district: None,
    },
    Layer {
        id: "stops",
        geometry: Points,
        fields: &[
            "code",
            "name",
            "mode",
            "accessible",
            "lines",
            "departures_weekday",
            "departures_saturday",
            "departures_sunday",
            "first_departure",
            "last_departure",
            "headway_min",
            "departures_by_hour",
            "feed_from",
            "feed_to",
        ],
        plan: Some(transit::stops),
        district: None,
    },
    Layer {
        id: "schools",
        geometry: Points,
        fields: &["code", "name", "level", "management", "address", "capacity"],
        plan: None,
        district: Some(services::schools),
    },
    Layer {
        id: "social-services",
        geometry: Points,
        fields: &["code", "name", "kind", "address", "hours", "website"],
        plan: None,
        district: Some(services::social),
    },
    Layer {
        id: "associations",
        geometry: Points,
        fields: &["code", "name", "field", "address", "website"],
        plan: None,
        district: Some(services::associations),
    },
    Layer {
        id: "parks",
        geometry: Areas,
        fields: &["code", "name", "kind", "area_m2", "hours", "accessible"],
        plan: None,
        district: Some(services::parks),
    },
    Layer {
        id: "toilets",
        geometry: Points,
        fields: &["code", "name", "hours", "fee_eur", "accessible", "changing_table"],
        plan: None,
        district: Some(services::toilets),
    },
    Layer {
        id: "fountains",
        geometry: Points,
        fields: &["code", "name", "address", "status"],
        plan: None,
        district: Some(services::fountains),
    },
    Layer {
        id: "public-works",
        geometry: Any,
        fields: &[
            "cup",
            "title",
            "phase",
            "kind",
            "amount_eur",
            "start_planned",
            "end_planned",
            "end_expected",
            "progress_pct",
            "funding",
            "local_code",
            "cig",
            "contract_eur",
            "paid_eur",
            "start_actual",
            "end_actual",
            "phases",
            "contracts",
            "funds",
            "quality",
        ],
        plan: None,
        district: Some(works::register),
    },
    Layer {
        id: "work-sites",
        geometry: Areas,
        fields: &["code", "cup", "title", "from_date", "to_date", "traffic_effect"],
        plan: None,
        district: Some(works::sites),
    },
];

/// The layer of an id.
pub fn layer(id: &str) -> Option<&'static Layer> {
    LAYERS.iter().find(|layer| layer.id == id)
}

/// Rows under construction, brought into the order of a definition's fields.
#[derive(Debug)]
pub struct Rows {
    order: Vec<Option<usize>>,
    straight: bool,
    /// Finished features.
    pub features: Vec<Feature>,
}

impl Rows {
    /// For a layer and the definition that its features must follow.
    pub fn new(layer: &Layer, definition: &LayerDefinition) -> Self {
        let order: Vec<Option<usize>> =
            definition.fields.iter().map(|field| layer.fields.iter().position(|name| *name == field.name)).collect();
        let straight = order.len() == layer.fields.len() && order.iter().enumerate().all(|(i, from)| *from == Some(i));
        Self { order, straight, features: Vec::new() }
    }

    /// Adds a feature; `values` in the order of the layer's own fields.
    pub fn push(&mut self, geometry: Geometry<f64>, values: Vec<Value>) {
        let properties = if self.straight {
            values
        } else {
            let mut values = values;
            self.order.iter().map(|from| from.map_or(Value::Null, |from| std::mem::take(&mut values[from]))).collect()
        };
        self.features.push(Feature { geometry: Some(geometry), properties });
    }
}

/// A text value.
pub fn text(value: impl Into<String>) -> Value {
    Value::Text(value.into())
}

/// A whole number.
pub fn int(value: impl Into<i64>) -> Value {
    Value::Integer(value.into())
}

/// A decimal number with so many decimals.
pub fn real(value: f64, decimals: i32) -> Value {
    let scale = [1.0, 10.0, 100.0, 1000.0][decimals.clamp(0, 3) as usize];
    Value::Real((value * scale).round() / scale)
}

/// A date.
pub fn date(year: i32, month: u32, day: u32) -> Value {
    NaiveDate::from_ymd_opt(year, month, day).map_or(Value::Null, Value::Date)
}

/// A date some days after 1 January 2024.
pub fn day(days: i64) -> Value {
    NaiveDate::from_ymd_opt(2024, 1, 1)
        .and_then(|start| start.checked_add_signed(chrono::TimeDelta::days(days)))
        .map_or(Value::Null, Value::Date)
}

/// One polygon as a multipolygon.
pub fn area(polygon: Polygon<f64>) -> Geometry<f64> {
    Geometry::MultiPolygon(MultiPolygon(vec![polygon]))
}

/// One line as a multi-line.
pub fn line(line: LineString<f64>) -> Geometry<f64> {
    Geometry::MultiLineString(MultiLineString(vec![line]))
}

/// A stream for one thing of a chunk.
pub fn stream(district: &District, kind: u64, number: u64) -> Rng {
    Rng::new(district.plan.seed, 1000 + kind, u64::from(district.chunk.id) << 32 | number)
}
