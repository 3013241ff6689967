//! The threads on which connections live.
//!
//! Each has a runtime of its own, and a connection stays on the thread that it was given to. For a request that
//! [`crate::front`] answers, which are most of them, no other thread has to be woken: on few cores that, and the stealing
//! of work that goes with it, takes longer than a tile that is found. What takes longer goes on beside, on the runtime of
//! the server.

use std::io;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::net::TcpStream;
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;
use tracing::debug;

/// Threads for connections. When this is dropped they end, and the connections with them.
pub struct Lanes(Vec<Lane>);

struct Lane {
    runtime: Handle,
    /// How many connections it has.
    connections: Arc<AtomicUsize>,
    /// Its end is that this is dropped.
    _end: oneshot::Sender<()>,
}

/// A connection of a lane, for as long as it is there.
struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Lanes {
    /// As many as the machine has cores.
    ///
    /// # Errors
    /// When the system gives no threads.
    pub fn start() -> io::Result<Self> {
        let cores = std::thread::available_parallelism().map_or(1, NonZeroUsize::get);
        Ok(Self((0..cores).map(Lane::start).collect::<io::Result<_>>()?))
    }

    /// Has a connection served on the lane with the fewest.
    ///
    /// # Errors
    /// When the connection cannot be handed over.
    pub fn spawn<F>(&self, stream: TcpStream, serve: impl FnOnce(TcpStream) -> F + Send + 'static) -> io::Result<()>
    where
        F: Future<Output = ()> + Send,
    {
        let stream = stream.into_std()?;
        let Some(lane) = self.0.iter().min_by_key(|lane| lane.connections.load(Ordering::Relaxed)) else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        lane.connections.fetch_add(1, Ordering::Relaxed);
        let counted = Counted(Arc::clone(&lane.connections));
        lane.runtime.spawn(async move {
            let _counted = counted;
            match TcpStream::from_std(stream) {
                Ok(stream) => serve(stream).await,
                Err(error) => debug!(%error, "a connection could not be taken over"),
            }
        });
        Ok(())
    }
}

impl Lane {
    fn start(number: usize) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let handle = runtime.handle().clone();
        let (end, ended) = oneshot::channel::<()>();
        std::thread::Builder::new().name(format!("lane-{number}")).spawn(move || {
            // An error: the other end was dropped, which is what is waited for.
            let _ = runtime.block_on(ended);
        })?;
        Ok(Self { runtime: handle, connections: Arc::default(), _end: end })
    }
}
