//! Reference systems as a `GeoPackage` lists them (OGC 12-128r18, clause 1.1.2 and annex F.10).
//!
//! Their definitions are WKT 2, in the column of the standard's extension for it; the older WKT 1, which the crate
//! `proj` cannot be asked for, stays "undefined". GDAL, and with it QGIS, goes by the EPSG code first anyway.

use proj::Proj;
use rusqlite::{Connection, OptionalExtension};

use super::failure;
use crate::store::StoreError;

/// Makes sure that an EPSG code is in `gpkg_spatial_ref_sys`, with its definition.
pub(super) fn ensure(connection: &Connection, code: i32) -> Result<(), StoreError> {
    let known = connection
        .query_row("SELECT 1 FROM gpkg_spatial_ref_sys WHERE srs_id = ?1", [code], |_| Ok(()))
        .optional()
        .map_err(|e| failure(&e))?;
    if known.is_some() {
        return Ok(());
    }
    let wkt = wkt(code)?;
    // The name is the first string of the definition: PROJCRS["name",…
    let name = wkt.split('"').nth(1).unwrap_or("unnamed").to_owned();
    connection
        .execute("INSERT INTO gpkg_spatial_ref_sys VALUES (?1, ?2, 'EPSG', ?2, 'undefined', NULL, ?3)", (name, code, wkt))
        .map_err(|e| failure(&e))?;
    Ok(())
}

fn wkt(code: i32) -> Result<String, StoreError> {
    let unknown = |reason: String| StoreError::Unusable(format!("EPSG:{code} is no CRS that layers can have: {reason}"));
    let crs = Proj::new(&format!("EPSG:{code}")).map_err(|error| unknown(error.to_string()))?;
    crs.as_wkt(None, None).map_err(|error| unknown(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definitions_name_the_reference_systems_of_italy() {
        for (code, name) in [(7795, "Zone 12"), (3003, "Monte Mario / Italy zone 1"), (6706, "RDN2008")] {
            let wkt = wkt(code).expect("known");
            assert!(wkt.contains(name) && wkt.contains(&format!("ID[\"EPSG\",{code}]")), "{wkt}");
        }
    }

    #[test]
    fn an_unknown_code_is_refused_by_number() {
        assert!(wkt(999_999).expect_err("refused").to_string().contains("999999"));
    }
}
