//! A PostGIS of its own for a test, as the implementation that is not ours.

use std::io::Write as _;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where Debian 12 keeps the programs of the server.
const BIN: &str = "/usr/lib/postgresql/15/bin";

/// A private cluster on a free port of this machine; it ends, and its folder goes, with this value.
pub struct PostGis {
    folder: tempfile::TempDir,
    port: u16,
}

/// A program that a test cannot do without, with the package of Debian that brings it.
fn checked(mut command: Command, package: &str) -> String {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().unwrap_or_else(|error| panic!("{program}: {error}; install {package}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{command:?}\n{}\n{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}

/// The server refuses to run as root.
fn unprivileged(program: &str) -> Command {
    let program = format!("{BIN}/{program}");
    assert!(Path::new(&program).exists(), "no {program}; install postgresql-15-postgis-3");
    let mut command = if is_root() {
        let mut command = Command::new("runuser");
        command.args(["-u", "postgres", "--", &program]);
        command
    } else {
        Command::new(program)
    };
    command.current_dir("/").stdin(Stdio::null());
    command
}

fn is_root() -> bool {
    let mut id = Command::new("id");
    id.arg("-u");
    checked(id, "coreutils").trim() == "0"
}

impl PostGis {
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("bricola-postgis-").tempdir().expect("folder");
        if is_root() {
            let mut chown = Command::new("chown");
            chown.arg("postgres:").arg(folder.path());
            checked(chown, "postgresql-15-postgis-3");
        }
        let port = TcpListener::bind("127.0.0.1:0").and_then(|probe| probe.local_addr()).expect("a free port").port();
        let this = Self { folder, port };
        let mut initdb = unprivileged("initdb");
        initdb.arg("-D").arg(this.data()).args(["-U", "bricola", "-A", "trust", "-E", "UTF8", "--no-sync"]);
        checked(initdb, "postgresql-15-postgis-3");
        let mut start = unprivileged("pg_ctl");
        let options = format!("-p {port} -k '' -h 127.0.0.1 -c fsync=off -c jit=off -c shared_buffers=128MB");
        // A pipe to the server would stay open for as long as it runs.
        start
            .arg("-D")
            .arg(this.data())
            .arg("-l")
            .arg(this.folder.path().join("log"))
            .args(["-o", &options, "-w", "start"]);
        let status = start.stdout(Stdio::null()).stderr(Stdio::null()).status().expect("pg_ctl");
        assert!(status.success(), "{}", std::fs::read_to_string(this.folder.path().join("log")).unwrap_or_default());
        this.sql("CREATE EXTENSION postgis");
        this
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Runs statements; the rows of the last as lines of fields parted by `|`.
    pub fn sql(&self, sql: &str) -> String {
        let mut psql = Command::new("psql");
        let port = self.port.to_string();
        psql.args(["-h", "127.0.0.1", "-p", &port, "-U", "bricola", "-d", "postgres"])
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-f", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = psql.spawn().expect("psql of postgresql-15-postgis-3");
        // The statements come with their data: read while writing would be needed only for large answers to them.
        child.stdin.take().expect("piped").write_all(sql.as_bytes()).expect("takes");
        let output = child.wait_with_output().expect("ends");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    /// Reads a layer of a `GeoPackage` by GDAL; its table gets the columns `fid` and `geom`.
    pub fn import(&self, store: &Path, table: &str) {
        let mut ogr2ogr = Command::new("ogr2ogr");
        let dsn = format!("PG:host=127.0.0.1 port={} user=bricola dbname=postgres", self.port);
        ogr2ogr.args(["-f", "PostgreSQL", &dsn]).arg(store).arg(table);
        ogr2ogr.args([
            "-lco",
            "GEOMETRY_NAME=geom",
            "-lco",
            "FID=fid",
            "-preserve_fid",
            "--config",
            "PG_USE_COPY",
            "YES",
        ]);
        checked(ogr2ogr, "gdal-bin");
    }
}

impl Drop for PostGis {
    fn drop(&mut self) {
        let mut stop = unprivileged("pg_ctl");
        stop.arg("-D").arg(self.data()).args(["-m", "immediate", "-w", "stop"]);
        let _ = stop.stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}
