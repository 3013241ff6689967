//! The listener: connections, their limits, and an orderly end.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tracing::{debug, info, warn};

use crate::config::Limits;
use crate::front::Front;
use crate::lanes::Lanes;
use crate::stalled::Impatient;

/// Serves until `shutdown` is ready, then lets running requests finish for at most `grace`. True when all did.
///
/// Connections live on [`Lanes`]; what `front` does not answer is worked on by the runtime that this is called in.
///
/// Written on hyper and not `axum::serve`, because that knows no limit on the time a client takes to send the
/// head of its request, nor on connections.
///
/// # Errors
/// When the system gives no threads.
pub async fn serve(
    listener: TcpListener,
    front: Front,
    limits: &Limits,
    grace: Duration,
    shutdown: impl Future<Output = ()>,
) -> io::Result<bool> {
    let lanes = Lanes::start()?;
    let runtime = Handle::current();
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(limits.header_seconds));
    // Room for the request line that `limits.uri_bytes` allows, so that its error comes from us and not as a bare 431.
    http.max_buf_size(limits.uri_bytes + 64 * 1024);
    let patience = Duration::from_secs(limits.write_seconds);
    let connections = Arc::new(Semaphore::new(limits.connections));
    let graceful = GracefulShutdown::new();
    tokio::pin!(shutdown);

    loop {
        let accepted = async {
            let permit = Arc::clone(&connections).acquire_owned().await;
            (listener.accept().await, permit)
        };
        let accepted = tokio::select! {
            () = &mut shutdown => break,
            accepted = accepted => accepted,
        };
        let (Ok((stream, address)), Ok(permit)) = accepted else {
            // Out of file handles, or a connection that was gone at once: a pause keeps the loop from spinning.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        prepare(&stream);
        let (http, front, watcher) = (http.clone(), front.of(address.ip(), &runtime), graceful.watcher());
        let given = lanes.spawn(stream, move |stream| async move {
            let _permit = permit;
            let stream = TokioIo::new(Impatient::new(stream, patience));
            if let Err(error) = watcher.watch(http.serve_connection(stream, front)).await {
                debug!(%error, "a connection ended badly");
            }
        });
        if let Err(error) = given {
            debug!(%error, "a connection ended before it began");
        }
    }

    drop(listener);
    info!(grace_s = grace.as_secs(), "no new connections; letting running requests finish");
    let finished = tokio::time::timeout(grace, graceful.shutdown()).await.is_ok();
    if !finished {
        warn!("some requests were still running and are cut off");
    }
    Ok(finished)
}

fn prepare(stream: &TcpStream) {
    // Small answers must not wait for the acknowledgement of the one before.
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "no TCP_NODELAY");
    }
}

/// Ready when the process is asked to end: SIGINT (Ctrl-C) or SIGTERM. A second signal ends it at once.
///
/// # Errors
/// When the system refuses to tell about signals.
pub fn signals() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
        tokio::spawn(async move {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            warn!("asked twice; ending at once");
            std::process::exit(130);
        });
    })
}
