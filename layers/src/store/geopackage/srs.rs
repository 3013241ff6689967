//! Reference systems as a `GeoPackage` lists them (OGC 12-128r18, clause 1.1.2 and annex F.10).
//!
//! Their definitions are WKT 2, in the column of the standard's extension for it; the older WKT 1, which the crate
//! `proj` cannot be asked for, stays "undefined". GDAL, and with it QGIS, goes by the EPSG code first anyway.

use rusqlite::{Connection, OptionalExtension};

use super::failure;
use crate::crs::{Crs, CrsError};
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
    let (name, wkt) = describe(code).map_err(|error| {
        StoreError::Unusable(format!("EPSG:{code} is no CRS that a layer can be stored in: {error}"))
    })?;
    connection
        .execute(
            "INSERT INTO gpkg_spatial_ref_sys VALUES (?1, ?2, 'EPSG', ?2, 'undefined', NULL, ?3)",
            (name, code, wkt),
        )
        .map_err(|e| failure(&e))?;
    Ok(())
}

fn describe(code: i32) -> Result<(String, String), CrsError> {
    let crs = Crs::epsg(code.unsigned_abs())?;
    Ok((crs.name().to_owned(), crs.wkt()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definitions_name_the_reference_systems_of_italy() {
        for (code, named) in
            [(7795, "RDN2008 / Zone 12 (E-N)"), (3003, "Monte Mario / Italy zone 1"), (6706, "RDN2008")]
        {
            let (name, wkt) = describe(code).expect("known");
            assert_eq!(name, named);
            assert!(wkt.contains(named) && wkt.contains(&format!("ID[\"EPSG\",{code}]")), "{wkt}");
        }
    }

    #[test]
    fn an_unknown_code_is_refused_by_number() {
        assert!(describe(99_998).expect_err("refused").to_string().contains("99998"));
    }
}
