//! Layer definitions: what a layer is, before any feature is in it.
//!
//! The shipped definitions are the TOML files of `layers/catalog`, one per layer, compiled into the binary.
//! An office adds its own beside them; a definition of the same id takes the place of the shipped one.

mod bound;
mod catalog;
mod compatible;
mod field;
mod scope;
mod search;

pub use bound::{faults as bound_faults, misfit};
pub use catalog::{Catalog, CatalogError, is_personal, parse};
pub use compatible::compatible;
pub use field::{Appended, Bound, By, CodedValue, Derivation, FieldDefinition, FieldType, Form, Part};
pub use scope::Scope;
pub use search::{SearchDefinition, SearchKind};

use serde::{Deserialize, Serialize};

/// Text in the two languages of the house: Italian first.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// Italian.
    pub it: String,
    /// English.
    pub en: String,
}

/// Geometry type of a layer, by its OGC Simple Features name.
///
/// A `multi*` layer takes single geometries too (they are promoted when they enter), so that every row of a
/// stored table has one type, as QGIS expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GeometryType {
    /// One position.
    Point,
    /// Several positions.
    MultiPoint,
    /// One line.
    LineString,
    /// Several lines.
    MultiLineString,
    /// One surface.
    Polygon,
    /// Several surfaces.
    MultiPolygon,
    /// Any of the six (public works are points, lines and surfaces in one register).
    Geometry,
}

impl GeometryType {
    /// The name that GeoPackage (`gpkg_geometry_columns`) and PostGIS use: `MULTIPOLYGON`.
    pub const fn sql_name(self) -> &'static str {
        match self {
            Self::Point => "POINT",
            Self::MultiPoint => "MULTIPOINT",
            Self::LineString => "LINESTRING",
            Self::MultiLineString => "MULTILINESTRING",
            Self::Polygon => "POLYGON",
            Self::MultiPolygon => "MULTIPOLYGON",
            Self::Geometry => "GEOMETRY",
        }
    }

    /// Topological dimension: 0 points, 1 lines, 2 surfaces; `None` for mixed layers.
    pub const fn dimension(self) -> Option<u8> {
        match self {
            Self::Point | Self::MultiPoint => Some(0),
            Self::LineString | Self::MultiLineString => Some(1),
            Self::Polygon | Self::MultiPolygon => Some(2),
            Self::Geometry => None,
        }
    }
}

/// Who may see a layer or a field. Each level includes those before it only where a scope says so:
/// `tax` and `works` are offices, not ranks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Visibility {
    /// Everybody, without logging in.
    #[default]
    Public,
    /// The ente's staff.
    Staff,
    /// The tax office.
    Tax,
    /// The public-works office.
    Works,
}

/// The groups of the layer tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Theme {
    /// Boundaries, districts, census sections.
    Boundaries,
    /// Parcels, sheets, buildings.
    Cadastre,
    /// Streets and addresses.
    Addresses,
    /// Zoning.
    Planning,
    /// Tariff zones, tax objects, occupations, rentals, OMI zones.
    Taxes,
    /// ZTL, gates, cycle lanes, stops, lines.
    Mobility,
    /// Schools and social services.
    Services,
    /// Parks, play areas, toilets, drinking fountains.
    Green,
    /// Public works and work sites.
    Works,
    /// What an office has besides: tables and views of its database that are published in place.
    Other,
}

/// Zoom levels (of the WebMercatorQuad grid) at which a layer has tiles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ZoomRange {
    /// First zoom with tiles.
    pub min: u8,
    /// Last zoom with tiles of its own; clients overzoom past it.
    pub max: u8,
}

impl Default for ZoomRange {
    fn default() -> Self {
        Self { min: 0, max: 18 }
    }
}

/// Where the features of a layer are answered from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// From memory, in which the layer is mirrored.
    #[default]
    Cached,
    /// From the store, which is asked each time: for a layer that is too large for memory.
    Stored,
}

impl Keep {
    /// Whether it is what nobody has to say.
    pub fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// What a certificate of planning destination has to know of a layer of zones.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Planning {
    /// Whether its zones divide the ground among them, as those of a land-use plan do; else they are constraints that may
    /// lie on each other and cover nothing.
    #[serde(default)]
    pub exclusive: bool,
    /// Metres within which its map is exact; absent = two, about a graphic error at 1:2000 and the cadastre's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerance_m: Option<f64>,
}

/// What ways on foot have to know of a layer of streets.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Walk {
    /// Field with a street's lowest ground: metres above `datum`, as tide levels are.
    pub ground: String,
    /// Field with the highest tide (metres above `datum`) at which a raised walkway is laid along a street.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub walkway: Option<String>,
    /// From where heights and tide levels count.
    pub datum: Text,
}

/// What a layer is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LayerDefinition {
    /// Identifier in URLs, tiles and tables: lower-case letters, digits and hyphens, starting with a letter.
    pub id: String,
    /// Title for people.
    pub title: Text,
    /// One or two sentences on what is in it.
    pub description: Text,
    /// Group in the layer tree.
    pub theme: Theme,
    /// Geometry type.
    pub geometry: GeometryType,
    /// Storage CRS as `EPSG:n`; absent = the tenant's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub crs: Option<String>,
    /// Coordinate resolution in units of the storage CRS; absent = 1 mm (projected) or 1e-8° (geographic).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolution: Option<f64>,
    /// Whether it is mirrored in memory (`cached`), or questions go to the store (`stored`).
    #[serde(default, skip_serializing_if = "Keep::is_usual")]
    pub keep: Keep,
    /// Zoom levels with tiles.
    #[serde(default)]
    pub zoom: ZoomRange,
    /// Byte budget of the layer in one tile, uncompressed; absent = [`crate::limits::TILE_BUDGET_BYTES`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tile_budget: Option<usize>,
    /// Who may see the layer at all.
    #[serde(default)]
    pub visibility: Visibility,
    /// Fields that together identify a feature for people and other systems (a cadastral reference, a school
    /// code). Empty = no such key; duplicates are then allowed.
    #[serde(default)]
    pub key: Vec<String>,
    /// Field that names a feature on the map and in answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Fields that the label points of surfaces carry in tiles beside `label`: what a style needs to choose among them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub label_fields: Vec<String>,
    /// By what its features are found; absent = by `label`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<SearchDefinition>,
    /// Integer field by which features are kept when a tile is over budget: larger stays longer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank: Option<String>,
    /// Whether features without a geometry are accepted.
    #[serde(default)]
    pub placeless: bool,
    /// What certificates of planning destination have to know; layers of the theme `planning` are looked at in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub planning: Option<Planning>,
    /// Where its streets are under water.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub walk: Option<Walk>,
    /// SPDX identifier or URL of the licence of the data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    /// Attribution line shown on maps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribution: Option<String>,
    /// Office that answers for the data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// Its fields, in order.
    #[serde(default, rename = "field")]
    pub fields: Vec<FieldDefinition>,
}

impl LayerDefinition {
    /// Position and definition of a field by name.
    pub fn field(&self, name: &str) -> Option<(usize, &FieldDefinition)> {
        self.fields.iter().enumerate().find(|(_, field)| field.name == name)
    }

    /// The fields whose values come from other layers, with their positions.
    pub fn bound_fields(&self) -> impl Iterator<Item = (usize, &FieldDefinition, &Bound)> {
        let fields = self.fields.iter().enumerate();
        fields.filter_map(|(position, field)| Some((position, field, field.bound.as_ref()?)))
    }

    /// The fields that files and editors fill, with their positions: all but the bound ones.
    pub fn own_fields(&self) -> impl Iterator<Item = (usize, &FieldDefinition)> {
        self.fields.iter().enumerate().filter(|(_, field)| field.bound.is_none())
    }

    /// The fields that tiles carry, with their positions. Tiles are the same for everybody who may see the layer:
    /// they never carry a field that is not public.
    pub fn tile_fields(&self) -> impl Iterator<Item = (usize, &FieldDefinition)> {
        Scope::PUBLIC.fields(self).filter(|(_, field)| field.tile)
    }

    /// Whether the layer has label points in tiles: it may hold surfaces, and tiles carry what is written at them.
    pub fn has_label_points(&self) -> bool {
        self.geometry.dimension().is_none_or(|dimension| dimension == 2) && self.label_point_fields().next().is_some()
    }

    /// The fields that label points carry, with their positions.
    pub fn label_point_fields(&self) -> impl Iterator<Item = (usize, &FieldDefinition)> {
        let named = |name: &String| self.label.as_ref() == Some(name) || self.label_fields.contains(name);
        self.tile_fields().filter(move |(_, field)| named(&field.name))
    }

    /// Byte budget of the layer in one uncompressed tile.
    pub fn tile_budget(&self) -> usize {
        self.tile_budget.unwrap_or(crate::limits::TILE_BUDGET_BYTES)
    }
}
