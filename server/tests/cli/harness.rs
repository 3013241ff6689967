//! Runs the binary in a folder of its own.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A folder for one test.
pub struct Folder(tempfile::TempDir);

/// What a run came to.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Folder {
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("folder"))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).expect("written");
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path().join(name)).expect("read")
    }

    /// The binary in this folder, with nothing of this environment's configuration.
    pub fn command(&self, arguments: &[&str]) -> Command {
        // Long versions of the tests may want a release build.
        let other = std::env::var_os("BRICOLA_TEST_BINARY").filter(|path| !path.is_empty());
        let mut command = Command::new(other.unwrap_or_else(|| env!("CARGO_BIN_EXE_bricola").into()));
        command.args(arguments).current_dir(self.path());
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("BRICOLA_")) {
            command.env_remove(name);
        }
        command
    }

    /// Runs to the end.
    pub fn run(&self, arguments: &[&str]) -> Run {
        let output = self.command(arguments).output().expect("runs");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
        Run { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Starts a server and waits until it says where it listens.
    pub fn start(&self, arguments: &[&str]) -> Process {
        self.start_on("127.0.0.1:0", arguments)
    }

    /// As [`Self::start`], at an address.
    pub fn start_on(&self, listen: &str, arguments: &[&str]) -> Process {
        let mut arguments = arguments.to_vec();
        arguments.extend(["--listen", listen]);
        Process::of(self.command(&arguments))
    }
}

impl Process {
    /// Starts a server and waits until it says where it listens.
    pub fn of(mut command: Command) -> Self {
        let started = Instant::now();
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("starts");
        let mut line = String::new();
        BufReader::new(child.stdout.take().expect("stdout")).read_line(&mut line).expect("line");
        let stderr = child.stderr.take();
        let url = line.trim_end_matches(['\n', '/']).to_owned();
        let mut process = Self { child, url, stderr, started: started.elapsed() };
        let listens = process.url.starts_with("http://127.0.0.1:");
        assert!(listens, "no address but {line:?}: {}", process.rest_of_log());
        process
    }
}

/// A running server.
pub struct Process {
    pub child: Child,
    pub url: String,
    stderr: Option<ChildStderr>,
    /// Time until it listened.
    pub started: Duration,
}

impl Process {
    /// Sends a signal by its number.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().expect("kill").success());
    }

    /// Waits for the end; exit code and log.
    pub fn end(mut self) -> (Option<i32>, String) {
        let log = self.rest_of_log();
        (self.child.wait().expect("ended").code(), log)
    }

    fn rest_of_log(&mut self) -> String {
        let mut log = String::new();
        if let Some(mut stderr) = self.stderr.take() {
            stderr.read_to_string(&mut log).expect("log");
        }
        log
    }

    pub fn get(&self, path: &str) -> (u16, String) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
        runtime.block_on(async {
            let response = reqwest::get(format!("{}{path}", self.url)).await.expect("answer");
            (response.status().as_u16(), response.text().await.expect("text"))
        })
    }

    /// The status of an answer that may not be text.
    pub fn status(&self, path: &str) -> u16 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
        runtime.block_on(async { reqwest::get(format!("{}{path}", self.url)).await.expect("answer").status().as_u16() })
    }

    /// What `/events` tells after a change, until it is enough.
    pub fn events(&self, after: i64, is_enough: impl Fn(&str) -> bool) -> String {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
        let reading = async {
            let mut response = reqwest::get(format!("{}/events?after={after}", self.url)).await.expect("answer");
            let mut text = String::new();
            while !is_enough(&text) {
                let piece = response.chunk().await.expect("reads").expect("more");
                text.push_str(&String::from_utf8_lossy(&piece));
            }
            text
        };
        let told = runtime.block_on(async { tokio::time::timeout(Duration::from_secs(20), reading).await });
        told.expect("in time")
    }

    /// Posts JSON and reads the JSON that comes back.
    pub fn post(&self, path: &str, body: &serde_json::Value) -> serde_json::Value {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
        runtime.block_on(async {
            let request = reqwest::Client::new().post(format!("{}{path}", self.url)).json(body);
            let response = request.send().await.expect("answer");
            assert_eq!(response.status(), 200);
            response.json().await.expect("JSON")
        })
    }

    pub fn json(&self, path: &str) -> serde_json::Value {
        serde_json::from_str(&self.get(path).1).expect("JSON")
    }

    /// Waits until `/status` says that every layer is ready.
    pub fn wait_until_ready(&self) {
        let started = Instant::now();
        while self.get("/status").0 != 200 {
            assert!(started.elapsed() < Duration::from_secs(120), "{}", self.get("/status").1);
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A test that failed must not leave a server behind.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Lines of a log that say more than that all is well.
pub fn complaints(log: &str) -> Vec<&str> {
    log.lines().filter(|line| line.contains("WARN") || line.contains("ERROR") || line.contains("panicked")).collect()
}

/// Waits for the turn of a test that measures time or keeps every core busy.
pub fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    // A test that failed in its turn is no hindrance to the next.
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the `sqlite3` program answers.
pub fn sqlite3(file: &Path, sql: &str) -> String {
    let output = Command::new("sqlite3").args(["-bail", "-cmd", ".timeout 20000"]).arg(file).arg(sql).output();
    let output = output.unwrap_or_else(|error| panic!("sqlite3: {error}; install sqlite3"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("UTF-8")
}
