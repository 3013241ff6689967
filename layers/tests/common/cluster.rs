//! A PostGIS of the tests' own: one cluster for a test binary, one database for a test.
#![allow(dead_code)]

use std::io::Write as _;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// Where the programs of the server are: as Debian 12 keeps them, unless `BRICOLA_TEST_POSTGRES` names the folder of
/// another release.
pub fn programs() -> String {
    std::env::var("BRICOLA_TEST_POSTGRES").unwrap_or_else(|_| "/usr/lib/postgresql/15/bin".to_owned())
}

/// A private cluster on a free port of this machine. A shell holds it: when this process ends, however it ends, the
/// shell reads the end of its input, stops the server and removes the folder.
pub struct Cluster {
    pub port: u16,
    folder: PathBuf,
    keeper: Mutex<Child>,
}

/// The cluster of this test binary.
pub fn cluster() -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| Cluster::start(""))
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().expect("id");
    String::from_utf8_lossy(&output.stdout).trim() == "0"
}

/// The server refuses to run as root.
fn as_postgres() -> &'static str {
    if is_root() { "runuser -u postgres --" } else { "" }
}

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]).current_dir("/").stdin(Stdio::null());
    command
}

fn checked(mut command: Command) {
    let output = command.output().expect("sh");
    assert!(
        output.status.success(),
        "{command:?}\n{}\nis postgresql-15-postgis-3 installed?",
        String::from_utf8_lossy(&output.stderr)
    );
}

impl Cluster {
    /// A new cluster; `settings` are options of the server such as `-c wal_level=logical`.
    pub fn start(settings: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("bricola-postgis-").tempdir().expect("a folder").keep();
        let (user, programs) = (as_postgres(), programs());
        let data = folder.display().to_string();
        if is_root() {
            checked(shell(&format!("chown postgres: {data}")));
        }
        checked(shell(&format!(
            "{user} {programs}/initdb -D {data}/data -U bricola -A trust -E UTF8 --locale C.UTF-8 --no-sync"
        )));
        let port = TcpListener::bind("127.0.0.1:0").and_then(|probe| probe.local_addr()).expect("a free port").port();
        let cluster = Self::keep(folder, port, settings);
        cluster.sql("postgres", "CREATE EXTENSION postgis");
        cluster
    }

    fn keep(folder: PathBuf, port: u16, settings: &str) -> Self {
        let keeper = Self::run(&folder, port, settings);
        let cluster = Self { port, folder, keeper: Mutex::new(keeper) };
        cluster.until_ready();
        cluster
    }

    fn run(folder: &Path, port: u16, settings: &str) -> Child {
        let (user, programs, data) = (as_postgres(), programs(), folder.display());
        // The pid file names the server itself, also behind runuser.
        let script = format!(
            "{user} {programs}/postgres -D {data}/data -p {port} -k '' -h 127.0.0.1 -c fsync=off -c jit=off \
             -c shared_buffers=128MB -c max_connections=200 -c lc_messages=C {settings} >>{data}/log 2>&1 & \
             read end; [ \"$end\" = keep ] && exit; kill -QUIT $(head -1 {data}/data/postmaster.pid) 2>/dev/null; wait; rm -rf {data}"
        );
        Command::new("sh")
            .args(["-c", &script])
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("sh")
    }

    fn until_ready(&self) {
        let started = Instant::now();
        while !self.answers() {
            let log = || std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
            assert!(started.elapsed() < Duration::from_secs(60), "no server after a minute\n{}", log());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn answers(&self) -> bool {
        TcpStream::connect(("127.0.0.1", self.port)).is_ok()
            && self.psql("postgres", "SELECT 1").status().is_ok_and(|status| status.success())
    }

    fn psql(&self, database: &str, sql: &str) -> Command {
        let mut psql = Command::new("psql");
        let port = self.port.to_string();
        psql.args(["-h", "127.0.0.1", "-p", &port, "-U", "bricola", "-d", database])
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", sql])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        psql
    }

    /// Runs statements by `psql` in one session; the rows as lines of fields parted by `|`.
    pub fn sql(&self, database: &str, sql: &str) -> String {
        self.try_sql(database, sql).unwrap_or_else(|error| panic!("{sql}\n{error}"))
    }

    /// As [`Self::sql`], with what `psql` complains of as the error.
    pub fn try_sql(&self, database: &str, sql: &str) -> Result<String, String> {
        let mut psql = Command::new("psql");
        let port = self.port.to_string();
        psql.args(["-h", "127.0.0.1", "-p", &port, "-U", "bricola", "-d", database])
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-f", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = psql.spawn().expect("psql of postgresql-15-postgis-3");
        child.stdin.take().expect("piped").write_all(sql.as_bytes()).expect("takes");
        let output = child.wait_with_output().expect("ends");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
    }

    /// A new empty database with PostGIS; its name.
    pub fn database(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        static TURN: Mutex<()> = Mutex::new(());
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let name = format!("test_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.sql("template1", &format!("CREATE DATABASE {name} TEMPLATE postgres"));
        name
    }

    /// The URL of one.
    pub fn url(&self, database: &str) -> String {
        format!("postgres://bricola@127.0.0.1:{}/{database}", self.port)
    }

    /// Ends every server process at once (SIGQUIT), as a power cut would.
    pub fn crash(&self) {
        checked(shell(&format!("kill -QUIT $(head -1 {}/data/postmaster.pid)", self.folder.display())));
        let started = Instant::now();
        while self.folder.join("data/postmaster.pid").exists() && started.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Starts the server again after [`Self::crash`].
    pub fn restart(&self, settings: &str) {
        let mut keeper = self.keeper.lock().unwrap_or_else(PoisonError::into_inner);
        // The shell before must not take the folder with it.
        if let Some(input) = keeper.stdin.as_mut() {
            let _ = input.write_all(b"keep\n");
        }
        let _ = keeper.wait();
        *keeper = Self::run(&self.folder, self.port, settings);
        drop(keeper);
        self.until_ready();
    }

    /// Kills every server process at once (SIGKILL), as a machine that fails would.
    pub fn kill(&self) {
        let pid = self.folder.join("data/postmaster.pid");
        // One of its processes may have ended by itself between the two looks.
        checked(shell(&format!(
            "id=$(head -1 {}); children=$(cat /proc/$id/task/$id/children); kill -KILL $id && \
             {{ kill -KILL $children 2>/dev/null; true; }}",
            pid.display()
        )));
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_ok() && started.elapsed() < Duration::from_secs(20) {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// A standby that streams from this cluster: `SELECT pg_promote()` makes it one of its own.
    pub fn standby(&self) -> Self {
        let folder = tempfile::Builder::new().prefix("bricola-standby-").tempdir().expect("a folder").keep();
        let (user, programs, data) = (as_postgres(), programs(), folder.display().to_string());
        if is_root() {
            checked(shell(&format!("chown postgres: {data}")));
        }
        checked(shell(&format!(
            "{user} {programs}/pg_basebackup -D {data}/data -h 127.0.0.1 -p {} -U bricola -R -X stream -c fast --no-sync",
            self.port
        )));
        let port = TcpListener::bind("127.0.0.1:0").and_then(|probe| probe.local_addr()).expect("a free port").port();
        Self::keep(folder, port, "")
    }

    /// Where the data are.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }
}
