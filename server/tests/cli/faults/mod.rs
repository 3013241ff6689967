//! What may go wrong between a server, its database and those who write, and what must hold afterwards.

mod network;
mod poison;
mod proxy;
mod rounds;
mod scene;
mod standby;
mod storm;

/// A figure of the long versions of these tests (`make soak`), or that of the short ones.
fn figure(name: &str, short: u64) -> u64 {
    let said = std::env::var(name).ok().filter(|text| !text.is_empty());
    said.map_or(short, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}
