//! A `PostGIS` for a test: as the implementation that is not ours, and as the store of several servers.

use std::path::Path;
use std::process::Command;

#[path = "../../../layers/tests/common/cluster.rs"]
mod cluster;

pub use cluster::{Cluster, cluster};

/// An empty database of a test's own.
pub struct PostGis {
    name: String,
}

impl PostGis {
    pub fn start() -> Self {
        Self { name: cluster().database() }
    }

    /// Runs statements; the rows as lines of fields parted by `|`.
    pub fn sql(&self, sql: &str) -> String {
        cluster().sql(&self.name, sql)
    }

    pub fn url(&self) -> String {
        cluster().url(&self.name)
    }

    /// Reads a layer of a `GeoPackage` by GDAL; its table gets the columns `fid` and `geom`.
    pub fn import(&self, store: &Path, table: &str) {
        let mut ogr2ogr = Command::new("ogr2ogr");
        let dsn = format!("PG:host=127.0.0.1 port={} user=bricola dbname={}", cluster().port, self.name);
        ogr2ogr.args(["-f", "PostgreSQL", &dsn]).arg(store).arg(table);
        ogr2ogr.args(["-lco", "GEOMETRY_NAME=geom", "-lco", "FID=fid", "-preserve_fid"]);
        ogr2ogr.args(["--config", "PG_USE_COPY", "YES"]);
        let output = ogr2ogr.output().expect("ogr2ogr of gdal-bin");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
