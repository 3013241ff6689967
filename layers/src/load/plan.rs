//! The plan of a load: everything that is decided once, on the first rows of the file.

use crate::check::derive::Derivations;
use crate::check::geometry::GeometryCheck;
use crate::check::mapping::{self, Mapping};
use crate::check::place::{self, Fence, Placing, SAMPLE};
use crate::check::value::{FieldReader, NumberStyle};
use crate::crs::{Crs, Operation, with_transformer};
use crate::definition::{FieldType, LayerDefinition};
use crate::feature::Value;
use crate::reader::{ReadError, SourceFeature, SourceSchema};

use super::{LoadError, LoadOptions};

/// Rows as a reader gives them.
pub type Rows = Vec<Result<SourceFeature, ReadError>>;

/// Everything that is decided once.
pub struct Plan {
    pub definition: LayerDefinition,
    pub schema: SourceSchema,
    pub mapping: Mapping,
    /// For each field its reader, the position of its column, and what is appended to that.
    pub fields: Vec<(FieldReader, Option<usize>, Option<Tail>)>,
    pub derivations: Derivations,
    /// Positions of the key fields.
    pub key: Vec<usize>,
    pub placing: Placing,
    pub storage: Crs,
    /// From the file's CRS to the storage CRS.
    pub operation: Operation,
    pub geometry: GeometryCheck,
    pub fence: Option<Fence>,
    pub keep_outside: bool,
}

/// A column that is written after another one.
pub struct Tail {
    pub column: usize,
    pub separator: String,
}

impl Plan {
    /// Whether the layer has a key, and the file a column for it.
    pub fn keyed_source(&self) -> bool {
        self.key.iter().any(|at| self.fields[*at].1.is_some())
    }

    /// Decides on the first rows of a file. `definition.crs` and `definition.resolution` are set.
    pub fn new(
        schema: SourceSchema,
        sample: &Rows,
        definition: LayerDefinition,
        options: &LoadOptions,
    ) -> Result<Self, LoadError> {
        if schema.tabular && !definition.placeless {
            return Err(LoadError::Tabular { layer: definition.id.clone(), geometry: definition.geometry });
        }
        let mapping = mapping::map(&schema.fields, &definition, &options.map)?;
        let storage = Crs::parse(definition.crs.as_deref().unwrap_or_default()).map_err(LoadError::StorageCrs)?;
        let resolution = definition.resolution.unwrap_or_else(|| storage.default_resolution());
        let points: Vec<[f64; 2]> = points(sample);
        let mut placing = place::decide(&schema.crs, options.crs.as_deref(), &points, options.envelope)?;
        if points.is_empty() && options.crs.is_none() && schema.crs == crate::reader::SourceCrs::Undeclared {
            placing.crs = storage.clone();
        }
        let operation = with_transformer(&placing.crs, &storage, |transformer| {
            let here = points.iter().map(|&[x, y]| if placing.swapped { [y, x] } else { [x, y] });
            let used = here.take(20).find_map(|point| transformer.operation_at(point).ok());
            used.unwrap_or_else(|| transformer.operation().clone())
        });
        let operation = operation.map_err(place::PlaceError::NoWay)?;
        placing.remarks.extend(place::abroad(&placing, &storage, &points));
        let columns = mapping.columns.iter().zip(&mapping.appended);
        let fields = definition.fields.iter().zip(columns).map(|(field, (column, appended))| {
            let style = style(field.kind, *column, sample);
            let separator = field.append.as_ref().map(|append| append.separator.clone()).unwrap_or_default();
            let tail = appended.map(|column| Tail { column, separator });
            (FieldReader::new(field, definition.key.contains(&field.name), style), *column, tail)
        });
        let fields = fields.collect();
        let derivations = Derivations::of(&definition);
        let key = definition.key.iter().filter_map(|name| definition.field(name)).map(|(at, _)| at).collect();
        let fence = options.envelope.map(|envelope| Fence::new(envelope, &storage));
        let geometry = GeometryCheck::new(definition.geometry, resolution);
        let keep_outside = options.keep_outside;
        Ok(Self {
            definition,
            schema,
            mapping,
            fields,
            derivations,
            key,
            placing,
            storage,
            operation,
            geometry,
            fence,
            keep_outside,
        })
    }
}

/// One point of each sampled row.
fn points(sample: &Rows) -> Vec<[f64; 2]> {
    use geo::CoordsIter;
    let rows = sample.iter().flatten().take(SAMPLE);
    let first = rows.filter_map(|row| row.geometry.as_ref()?.coords_iter().next());
    first.map(|at| [at.x, at.y]).filter(|at| at.iter().all(|value| value.is_finite())).collect()
}

/// How the numbers of a text column are written.
fn style(kind: FieldType, column: Option<usize>, sample: &Rows) -> NumberStyle {
    let Some(column) = column.filter(|_| matches!(kind, FieldType::Integer | FieldType::Real)) else {
        return NumberStyle::default();
    };
    NumberStyle::of(sample.iter().flatten().filter_map(|row| row.values.get(column).and_then(Value::as_text)))
}
