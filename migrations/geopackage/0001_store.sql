-- The embedded store is one file that is also a valid GeoPackage 1.3 (OGC 12-128r17), so that QGIS, GDAL and any
-- SQLite tool open and edit it beside a running server. This first migration makes the tables that the standard
-- asks for and the four of our own: which layers there are, the log of all changes (the one order that every
-- follower reads), which replacement brought which ids (from it the history knows since when a row stood), and
-- the replacements now under way. The tables of a layer, its history and the triggers that feed the log are made
-- when the layer is defined. There is no R-tree: its standard triggers call ST_MinX and its kin, which plain
-- SQLite lacks, so that a row could not be written without GDAL; the map is served from memory, not from here.
-- The log is registered as an "attributes" table: GDAL then lists it and leaves our other tables (and the
-- migrator's _sqlx_migrations) alone.

PRAGMA application_id = 1196444487; -- "GPKG"
PRAGMA user_version = 10300;

CREATE TABLE gpkg_spatial_ref_sys (
    srs_name TEXT NOT NULL,
    srs_id INTEGER NOT NULL PRIMARY KEY,
    organization TEXT NOT NULL,
    organization_coordsys_id INTEGER NOT NULL,
    definition TEXT NOT NULL,
    description TEXT,
    definition_12_063 TEXT NOT NULL DEFAULT 'undefined'
);

INSERT INTO gpkg_spatial_ref_sys VALUES
    ('Undefined Cartesian SRS', -1, 'NONE', -1, 'undefined', 'undefined Cartesian coordinate reference system', 'undefined'),
    ('Undefined geographic SRS', 0, 'NONE', 0, 'undefined', 'undefined geographic coordinate reference system', 'undefined'),
    ('WGS 84 geodetic', 4326, 'EPSG', 4326,
     'GEOGCS["WGS 84",DATUM["WGS_1984",SPHEROID["WGS 84",6378137,298.257223563,AUTHORITY["EPSG","7030"]],AUTHORITY["EPSG","6326"]],PRIMEM["Greenwich",0,AUTHORITY["EPSG","8901"]],UNIT["degree",0.0174532925199433,AUTHORITY["EPSG","9122"]],AXIS["Latitude",NORTH],AXIS["Longitude",EAST],AUTHORITY["EPSG","4326"]]',
     'longitude/latitude coordinates in decimal degrees on the WGS 84 spheroid',
     'GEODCRS["WGS 84",DATUM["World Geodetic System 1984",ELLIPSOID["WGS 84",6378137,298.257223563,LENGTHUNIT["metre",1]]],PRIMEM["Greenwich",0,ANGLEUNIT["degree",0.0174532925199433]],CS[ellipsoidal,2],AXIS["geodetic latitude (Lat)",north,ORDER[1],ANGLEUNIT["degree",0.0174532925199433]],AXIS["geodetic longitude (Lon)",east,ORDER[2],ANGLEUNIT["degree",0.0174532925199433]],ID["EPSG",4326]]');

CREATE TABLE gpkg_extensions (
    table_name TEXT,
    column_name TEXT,
    extension_name TEXT NOT NULL,
    definition TEXT NOT NULL,
    scope TEXT NOT NULL,
    CONSTRAINT ge_tce UNIQUE (table_name, column_name, extension_name)
);

-- Definitions of reference systems as WKT 2, in definition_12_063 (annex F.10).
INSERT INTO gpkg_extensions VALUES
    ('gpkg_spatial_ref_sys', 'definition_12_063', 'gpkg_crs_wkt', 'http://www.geopackage.org/spec120/#extension_crs_wkt', 'read-write');

CREATE TABLE gpkg_contents (
    table_name TEXT NOT NULL PRIMARY KEY,
    data_type TEXT NOT NULL,
    identifier TEXT UNIQUE,
    description TEXT DEFAULT '',
    last_change DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')),
    min_x DOUBLE,
    min_y DOUBLE,
    max_x DOUBLE,
    max_y DOUBLE,
    srs_id INTEGER,
    CONSTRAINT fk_gc_r_srs_id FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys (srs_id)
);

CREATE TABLE gpkg_geometry_columns (
    table_name TEXT NOT NULL,
    column_name TEXT NOT NULL,
    geometry_type_name TEXT NOT NULL,
    srs_id INTEGER NOT NULL,
    z TINYINT NOT NULL,
    m TINYINT NOT NULL,
    CONSTRAINT pk_geom_cols PRIMARY KEY (table_name, column_name),
    CONSTRAINT uk_gc_table_name UNIQUE (table_name),
    CONSTRAINT fk_gc_tn FOREIGN KEY (table_name) REFERENCES gpkg_contents (table_name),
    CONSTRAINT fk_gc_srs FOREIGN KEY (srs_id) REFERENCES gpkg_spatial_ref_sys (srs_id)
);

-- definition: the layer definition as JSON.
CREATE TABLE bricola_layers (
    layer TEXT NOT NULL PRIMARY KEY,
    table_name TEXT NOT NULL UNIQUE,
    definition TEXT NOT NULL
);

-- fid is null when the layer as a whole was replaced or redefined.
CREATE TABLE bricola_changes (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    layer TEXT NOT NULL,
    fid INTEGER,
    operation TEXT NOT NULL,
    at DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);

CREATE INDEX bricola_changes_of_layer ON bricola_changes (layer);

CREATE INDEX bricola_changes_of_feature ON bricola_changes (layer, fid) WHERE operation = 'insert';

-- The features first_fid to last_fid of a layer came with the replacement seq.
CREATE TABLE bricola_replacements (
    seq INTEGER PRIMARY KEY REFERENCES bricola_changes (seq),
    layer TEXT NOT NULL,
    first_fid INTEGER NOT NULL,
    last_fid INTEGER NOT NULL
);

CREATE INDEX bricola_replacements_of_layer ON bricola_replacements (layer, last_fid);

-- Replacements under way; each holds a lock on a file beside this one for as long as its process lives.
CREATE TABLE bricola_staging (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    layer TEXT NOT NULL,
    started_at DATETIME NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now'))
);

INSERT INTO gpkg_contents (table_name, data_type, identifier, description, srs_id)
VALUES ('bricola_changes', 'attributes', 'bricola_changes', 'Log of all changes, kept by triggers; do not edit', 0);
