//! The pieces of certificates as a GeoPackage, for who wants to see them on a map.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::sync::Arc;

use bricola_layers::cache::BuildError;
use bricola_layers::crs::{Crs, CrsError};
use bricola_layers::definition::{LayerDefinition, Text};
use bricola_layers::feature::{Feature, StoredFeature, Value};
use bricola_layers::query::gathered;
use bricola_layers::store::export;
use bricola_layers::writer::{Contents, Stop, WriteError};
use bricola_territory::cdu::Certificate;
use geo_types::Geometry;
use thiserror::Error;

/// What the layer of pieces is: coordinates in RDN2008, to a millimetre.
const DEFINITION: &str = include_str!("pieces.toml");

/// Why there is no file.
#[derive(Debug, Error)]
pub enum NoFile {
    /// Our own definition.
    #[error(transparent)]
    Definition(#[from] toml::de::Error),
    /// The pieces cannot be mirrored.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The file cannot be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// Nor read.
    #[error(transparent)]
    Read(#[from] std::io::Error),
    /// There is no such CRS.
    #[error(transparent)]
    Crs(#[from] CrsError),
}

/// The bytes of the file.
///
/// # Errors
/// When it cannot be written.
pub fn geopackage(certificates: &[Certificate]) -> Result<Vec<u8>, NoFile> {
    let definition: Arc<LayerDefinition> = Arc::new(toml::from_str(DEFINITION)?);
    let (snapshot, rows) = gathered(&definition, 0, &features(certificates))?;
    let contents = Contents { fields: (0..definition.fields.len()).collect(), crs: Crs::epsg(6706)?, geometry: true };
    let (_waiting, stop) = Stop::new();
    let Text { it: title, .. } = &definition.title;
    let mut file: File = export(&snapshot, &rows, &contents, title, &stop)?;
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))?;
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn features(certificates: &[Certificate]) -> Vec<StoredFeature> {
    let mut features = Vec::new();
    for certificate in certificates {
        for layer in &certificate.layers {
            let main = layer.zones.iter().map(|piece| (piece, false));
            for (piece, accessory) in main.chain(layer.accessory.iter().map(|piece| (piece, true))) {
                let text = |text: &str| Value::Text(text.to_owned());
                let number = |text: &str| text.parse().map_or(Value::Null, Value::Real);
                let maybe = |value: &Option<String>| value.as_deref().map_or(Value::Null, text);
                let properties = vec![
                    text(&certificate.parcel),
                    text(&layer.id),
                    maybe(&piece.plan),
                    text(&piece.code),
                    text(&piece.name),
                    maybe(&piece.article),
                    number(&piece.m2),
                    number(&piece.percent),
                    Value::Boolean(accessory),
                ];
                let geometry = Some(Geometry::MultiPolygon(piece.geometry.clone()));
                let id = features.len() as i64 + 1;
                features.push(StoredFeature { id, version: 1, feature: Feature { geometry, properties } });
            }
        }
    }
    features
}
