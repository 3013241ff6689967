//! The layer that a table or view makes.

use std::collections::{BTreeMap, BTreeSet};

use super::catalogue::{Column, Postgis, Relation};
use super::names::field_name;
use super::source::{Key, Source};
use crate::crs::Crs;
use crate::definition::{
    FieldDefinition, FieldType, GeometryType, Keep, LayerDefinition, Text, Theme, Visibility, ZoomRange, is_personal,
};

/// Columns that are keys where nothing says so, in order.
const LIKELY: &[&str] = &["fid", "gid", "ogc_fid", "objectid", "id"];
/// Columns by which people know a feature, in order.
const LABELS: &[&str] = &["name", "nome", "denominazione", "denominaz", "toponimo", "title", "titolo", "label"];
/// Longest comment that is a title.
const TITLE: usize = 80;
/// WGS 84, which `geography` means where nothing is said.
const WGS84: i32 = 4326;
/// Web Mercator.
const WEB_MERCATOR: i32 = 3857;

/// What a relation makes.
pub(super) struct Described {
    pub definition: LayerDefinition,
    pub source: Source,
    /// Columns that are left out, with reasons.
    pub left_out: Vec<(String, &'static str)>,
}

/// The geometry columns, each a layer: the first bears the name of the table alone.
pub(super) fn geometries(relation: &Relation) -> impl Iterator<Item = &Column> {
    relation.columns.iter().filter(|column| is_geometry(column))
}

fn is_geometry(column: &Column) -> bool {
    matches!(column.kind.as_str(), "geometry" | "geography")
}

/// The reference system that a column declares; `None` when it takes any.
pub(super) fn declared_srid(column: &Column) -> Option<i32> {
    // `postgis_typmod_srid`: 21 bits, with a sign.
    let srid = ((column.modifier & 0x0fff_ff00) - (column.modifier & 0x1000_0000)) >> 8;
    match srid {
        _ if column.modifier < 0 => (column.kind == "geography").then_some(WGS84),
        0 => (column.kind == "geography").then_some(WGS84),
        srid => Some(srid),
    }
}

/// Type of the layer, and whether the column may hold curves.
fn geometry_type(column: &Column) -> Result<(GeometryType, bool), &'static str> {
    // `postgis_typmod_type`: six bits above those for z and m.
    Ok(match if column.modifier < 0 { 0 } else { (column.modifier & 0xfc) >> 2 } {
        0 => (GeometryType::Geometry, column.kind == "geometry"),
        1 => (GeometryType::Point, false),
        2 => (GeometryType::LineString, false),
        3 => (GeometryType::Polygon, false),
        4 => (GeometryType::MultiPoint, false),
        5 => (GeometryType::MultiLineString, false),
        6 => (GeometryType::MultiPolygon, false),
        8 | 9 => (GeometryType::LineString, true),
        10 => (GeometryType::Polygon, true),
        11 => (GeometryType::MultiLineString, true),
        12 => (GeometryType::MultiPolygon, true),
        7 => return Err("collections of geometries cannot be published"),
        _ => return Err("meshes cannot be published"),
    })
}

/// The layer `id` of a relation's geometry column, which is in the reference system `srid`.
///
/// # Errors
/// Why it cannot be one.
pub(super) fn describe(
    relation: &Relation,
    geometry: &Column,
    id: &str,
    srid: i32,
    postgis: &Postgis,
) -> Result<Described, String> {
    let (kind, curves) = geometry_type(geometry)?;
    let crs = crs(srid, postgis)?;
    let key = key(relation);
    let (mut fields, mut columns, mut left_out, mut taken) = (Vec::new(), Vec::new(), Vec::new(), BTreeSet::new());
    let own = match &key {
        Key::Integer(column) | Key::Likely(column) => Some(column.as_str()),
        Key::Hashed(_) | Key::Row => None,
    };
    for column in &relation.columns {
        if is_geometry(column) || own == Some(column.name.as_str()) {
            continue;
        }
        match field_type(column) {
            Ok(kind) => {
                let name = field_name(&column.name, &taken);
                taken.insert(name.clone());
                columns.push(column.name.clone());
                fields.push(field(column, name, kind));
            }
            Err(reason) => left_out.push((column.name.clone(), reason)),
        }
    }
    let named = |columns: &[String], wanted: &str| columns.iter().position(|column| column == wanted);
    let keys = match &key {
        Key::Hashed(of) => of.iter().map(|column| Some(fields[named(&columns, column)?].name.clone())).collect(),
        _ => None,
    };
    let source = Source {
        key,
        geometry: geometry.name.clone(),
        geography: geometry.kind == "geography",
        curves,
        postgis: postgis.schema.clone(),
        versions: matches!(relation.kind, 'r' | 'm') && relation.whole && !relation.inherits,
        columns,
    };
    let label = LABELS.iter().find(|label| fields.iter().any(|field: &FieldDefinition| field.name == **label));
    let label = label.map(|&label| label.to_owned());
    let (title, description) = titles(relation, geometry);
    let definition = LayerDefinition {
        id: id.to_owned(),
        title,
        description,
        theme: Theme::Other,
        geometry: kind,
        crs: Some(format!("EPSG:{srid}")),
        // In Web Mercator one layer may span the world, which millimetres do not.
        resolution: Some(if srid == WEB_MERCATOR { 0.02 } else { crs.default_resolution() }),
        keep: Keep::default(),
        zoom: ZoomRange::default(),
        tile_budget: None,
        visibility: Visibility::default(),
        key: keys.unwrap_or_default(),
        label,
        label_fields: Vec::new(),
        search: None,
        rank: None,
        placeless: true,
        planning: None,
        walk: None,
        licence: None,
        attribution: None,
        contact: None,
        fields,
    };
    Ok(Described { definition, source, left_out })
}

fn crs(srid: i32, postgis: &Postgis) -> Result<Crs, String> {
    let code = u32::try_from(srid).ok().filter(|&code| code > 0).ok_or("the reference system is not given")?;
    if postgis.foreign.contains(&srid) {
        return Err(format!("the reference system {srid} is not one of EPSG"));
    }
    Crs::epsg(code).map_err(|error| error.to_string())
}

fn titles(relation: &Relation, geometry: &Column) -> (Text, Text) {
    let both = |text: &str| Text { it: text.to_owned(), en: text.to_owned() };
    let comment = relation.comment.as_deref().map(str::trim).filter(|comment| !comment.is_empty());
    let line = comment.and_then(|comment| comment.lines().next()).filter(|line| line.chars().count() <= TITLE);
    let name = relation.name.replace('_', " ");
    let origin = format!("{}.{}", relation.schema, relation.name);
    let (title, description) = (line.unwrap_or(&name), comment.unwrap_or(&origin));
    if geometries(relation).next().is_some_and(|first| first.name == geometry.name) {
        return (both(title), both(description));
    }
    let part = said_of(geometry);
    (both(&format!("{title}: {part}")), both(&format!("{description}\n{part}")))
}

/// What people call a column.
fn said_of(column: &Column) -> String {
    let comment = column.comment.as_deref().and_then(|comment| comment.trim().lines().next());
    comment.filter(|comment| !comment.is_empty()).map_or_else(|| column.name.replace('_', " "), str::to_owned)
}

fn field(column: &Column, name: String, kind: FieldType) -> FieldDefinition {
    let title = said_of(column);
    FieldDefinition {
        name,
        kind,
        title: Text { it: title.clone(), en: title },
        required: false,
        visibility: Visibility::default(),
        tile: true,
        unit: None,
        aliases: Vec::new(),
        values: Vec::new(),
        blank: Vec::new(),
        elsewhere: BTreeMap::new(),
        append: None,
        form: None,
        derive: None,
        bound: None,
    }
}

/// The type of a field, or why a column makes none.
fn field_type(column: &Column) -> Result<FieldType, &'static str> {
    if is_personal(&column.name) {
        return Err("its name is that of personal data");
    }
    Ok(match column.kind.as_str() {
        "int2" | "int4" | "int8" | "oid" => FieldType::Integer,
        "float4" | "float8" | "numeric" => FieldType::Real,
        "bool" => FieldType::Boolean,
        "date" => FieldType::Date,
        "timestamp" | "timestamptz" => FieldType::DateTime,
        "uuid" | "json" | "jsonb" | "time" | "timetz" | "money" | "xml" => FieldType::Text,
        _ => match column.category {
            // Texts, enumerations, network addresses, spans of time.
            'S' | 'E' | 'I' | 'T' => FieldType::Text,
            'A' => return Err("lists are not published"),
            _ => return Err("its type is not published"),
        },
    })
}

/// What tells the features apart.
fn key(relation: &Relation) -> Key {
    let column = |name: &String| relation.columns.iter().find(|column| column.name == *name);
    let integer = |column: &Column| matches!(column.kind.as_str(), "int2" | "int4" | "int8");
    // A view has no promises; children may repeat what their parents have.
    if matches!(relation.kind, 'r' | 'p') && !relation.inherits {
        let sound = || {
            let whole = relation.uniques.iter().filter_map(|unique| {
                let columns: Vec<&Column> = unique.columns.iter().filter_map(column).collect();
                (columns.len() == unique.columns.len() && !columns.is_empty()).then_some((unique, columns))
            });
            whole.filter(|(unique, columns)| unique.primary || columns.iter().all(|column| column.required))
        };
        let one = sound().find(|(_, columns)| columns.len() == 1 && integer(columns[0]));
        if let Some((_, columns)) = one {
            return Key::Integer(columns[0].name.clone());
        }
        if let Some((unique, _)) = sound().find(|(_, columns)| columns.iter().all(|column| is_hashable(column))) {
            return Key::Hashed(unique.columns.clone());
        }
    }
    let unique = relation
        .uniques
        .iter()
        .filter(|unique| unique.columns.len() == 1)
        .filter_map(|unique| column(&unique.columns[0]));
    let named =
        LIKELY.iter().filter_map(|name| relation.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name)));
    unique.chain(named).find(|column| integer(column)).map_or(Key::Row, |column| Key::Likely(column.name.clone()))
}

/// Whether ids can be made of a column: its text is always the same (what types that somebody made say is that
/// somebody's), and no one who tries all tax codes finds a person behind a number.
fn is_hashable(column: &Column) -> bool {
    const TYPES: &[&str] = &[
        "text",
        "varchar",
        "bpchar",
        "name",
        "uuid",
        "int2",
        "int4",
        "int8",
        "numeric",
        "bool",
        "date",
        "timestamp",
        "timestamptz",
    ];
    column.builtin && TYPES.contains(&column.kind.as_str()) && !is_personal(&column.name)
}
