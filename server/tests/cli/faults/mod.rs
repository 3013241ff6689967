//! What may go wrong between a server, its database and those who write, and what must hold afterwards.

mod network;
mod proxy;
mod scene;
mod standby;
