//! A line between a server and its database that can be cut, held, slowed down and disturbed.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often a held line looks whether it may go on.
const LOOK: Duration = Duration::from_millis(10);

/// What the line does with what it is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Passes it on.
    Pass,
    /// Closes new connections at once.
    Refuse,
    /// Takes connections and passes nothing, in neither direction.
    Stall,
    /// Passes some hundred bytes at a time, with a pause before each.
    Slow,
    /// Alters a bit of one in so many bytes that the database answers, at random.
    Corrupt(u64),
}

/// A TCP proxy on a free port of this machine.
pub struct Proxy {
    pub port: u16,
    line: Arc<Line>,
}

struct Line {
    mode: Mutex<Mode>,
    target: AtomicU16,
    /// Connections so far; each knows its number.
    taken: AtomicU64,
    /// Connections with smaller numbers are closed.
    closed: AtomicU64,
    /// Connections with smaller numbers pass nothing, ever again.
    silent: AtomicU64,
    altered: AtomicU64,
    ended: AtomicBool,
}

impl Line {
    fn mode(&self) -> Mode {
        *self.mode.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_over(&self, number: u64) -> bool {
        self.ended.load(Ordering::Relaxed) || number < self.closed.load(Ordering::Relaxed)
    }

    fn is_held(&self, number: u64) -> bool {
        self.mode() == Mode::Stall || number < self.silent.load(Ordering::Relaxed)
    }
}

impl Proxy {
    /// A line to a port of this machine.
    pub fn before(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        let line = Arc::new(Line {
            mode: Mutex::new(Mode::Pass),
            target: AtomicU16::new(target),
            taken: AtomicU64::new(0),
            closed: AtomicU64::new(0),
            silent: AtomicU64::new(0),
            altered: AtomicU64::new(0),
            ended: AtomicBool::new(false),
        });
        let taking = Arc::clone(&line);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if taking.ended.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let number = taking.taken.fetch_add(1, Ordering::Relaxed);
                if taking.mode() != Mode::Refuse {
                    let line = Arc::clone(&taking);
                    std::thread::spawn(move || carry(&line, number, stream));
                }
            }
        });
        Self { port, line }
    }

    pub fn set(&self, mode: Mode) {
        *self.line.mode.lock().unwrap_or_else(PoisonError::into_inner) = mode;
    }

    /// Where new connections lead from now on.
    pub fn lead_to(&self, target: u16) {
        self.line.target.store(target, Ordering::Relaxed);
    }

    /// Closes every connection that there is.
    pub fn cut(&self) {
        self.line.closed.store(self.line.taken.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Forgets every connection that there is, as a firewall does: nothing passes any more, and nobody is told.
    pub fn forget(&self) {
        self.line.silent.store(self.line.taken.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// Bytes altered so far.
    pub fn altered(&self) -> u64 {
        self.line.altered.load(Ordering::Relaxed)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.line.ended.store(true, Ordering::Relaxed);
        // Wakes the thread that waits for connections.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

/// Carries one connection, in both directions, to its end.
fn carry(line: &Arc<Line>, number: u64, client: TcpStream) {
    while line.is_held(number) {
        if line.is_over(number) {
            return;
        }
        std::thread::sleep(LOOK);
    }
    let Ok(server) = TcpStream::connect(("127.0.0.1", line.target.load(Ordering::Relaxed))) else { return };
    let (Ok(asks), Ok(answers)) = (client.try_clone(), server.try_clone()) else { return };
    let back = std::thread::spawn({
        let line = Arc::clone(line);
        move || pump(&line, number, answers, client, true)
    });
    pump(line, number, asks, server, false);
    // A direction that ended has closed the other one too.
    let _ = back.join();
}

fn pump(line: &Line, number: u64, mut from: TcpStream, mut to: TcpStream, is_answer: bool) {
    let mut bytes = [0_u8; 16 * 1024];
    let mut state = number.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let _ = from.set_read_timeout(Some(LOOK));
    let _ = (from.set_nodelay(true), to.set_nodelay(true));
    while !line.is_over(number) {
        if line.is_held(number) {
            std::thread::sleep(LOOK);
            continue;
        }
        let room = if line.mode() == Mode::Slow { 512 } else { bytes.len() };
        let count = match from.read(&mut bytes[..room]) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => continue,
            Err(_) => break,
        };
        while line.is_held(number) && !line.is_over(number) {
            std::thread::sleep(LOOK);
        }
        match line.mode() {
            Mode::Slow => std::thread::sleep(2 * LOOK),
            Mode::Corrupt(one_in) if is_answer => {
                line.altered.fetch_add(alter(&mut bytes[..count], one_in, &mut state), Ordering::Relaxed);
            }
            _ => {}
        }
        if to.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

/// Alters a bit of about one in so many bytes; of how many.
fn alter(bytes: &mut [u8], one_in: u64, state: &mut u64) -> u64 {
    let mut altered = 0;
    for byte in bytes {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        if (*state).is_multiple_of(one_in) {
            *byte ^= 1 << (*state >> 32 & 7);
            altered += 1;
        }
    }
    altered
}
