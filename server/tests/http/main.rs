//! The server over HTTP, with a small territory made by hand.

mod feed;
mod harness;

mod annex;
mod api;
mod areas;
mod basics;
mod collections;
mod desk;
mod downloads;
mod editing;
mod explain;
mod filters;
mod front;
mod hostile;
mod items;
mod limits;
mod lookups;
mod pages;
mod parameters;
mod parcels;
mod past;
mod search;
mod standards;
mod stored;
mod styles;
mod subscriptions;
mod tile_terms;
mod tiles;
mod tilesets;
mod ways;
