//! A `PostGIS` for a test: as the implementation that is not ours, and as the store of several servers.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

#[path = "../../../layers/tests/common/cluster.rs"]
mod cluster;

pub use cluster::{Cluster, cluster, programs};

/// An empty database of a test's own.
pub struct PostGis {
    name: String,
    /// Its own cluster; else that of the test binary.
    own: Option<Arc<Cluster>>,
}

impl PostGis {
    pub fn start() -> Self {
        Self { name: cluster().database(), own: None }
    }

    /// In a cluster that may be killed.
    pub fn start_in(own: &Arc<Cluster>) -> Self {
        Self { name: own.database(), own: Some(Arc::clone(own)) }
    }

    /// The same database in a cluster that was copied.
    pub fn moved_to(&self, own: &Arc<Cluster>) -> Self {
        Self { name: self.name.clone(), own: Some(Arc::clone(own)) }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where it is.
    pub fn cluster(&self) -> &Cluster {
        self.own.as_deref().unwrap_or_else(|| cluster())
    }

    /// Runs statements; the rows as lines of fields parted by `|`.
    pub fn sql(&self, sql: &str) -> String {
        self.cluster().sql(&self.name, sql)
    }

    /// As [`Self::sql`], where the database may go away.
    pub fn try_sql(&self, sql: &str) -> Result<String, String> {
        self.cluster().try_sql(&self.name, sql)
    }

    pub fn url(&self) -> String {
        self.cluster().url(&self.name)
    }

    /// Reads a layer of a `GeoPackage` by GDAL; its table gets the columns `fid` and `geom`.
    pub fn import(&self, store: &Path, table: &str) {
        let mut ogr2ogr = Command::new("ogr2ogr");
        let dsn = format!("PG:host=127.0.0.1 port={} user=bricola dbname={}", self.cluster().port, self.name);
        ogr2ogr.args(["-f", "PostgreSQL", &dsn]).arg(store).arg(table);
        ogr2ogr.args(["-lco", "GEOMETRY_NAME=geom", "-lco", "FID=fid", "-preserve_fid"]);
        ogr2ogr.args(["--config", "PG_USE_COPY", "YES"]);
        let output = ogr2ogr.output().expect("ogr2ogr of gdal-bin");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
