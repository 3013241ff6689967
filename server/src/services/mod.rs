//! Territorial answers and map furniture in plain Rust: each service is a question that a caller asks of the
//! layers. Nothing here knows of HTTP.

pub mod areas;
pub mod certificate;
pub mod conflicts;
pub mod editing;
pub mod features;
pub mod feed;
pub mod folder;
pub mod jobs;
pub mod join;
pub mod lookup;
pub mod maps;
pub mod parcel;
pub mod parcels;
pub mod rentals;
pub mod rows;
pub mod search;
pub mod site;
pub mod styles;
pub mod subscriptions;
pub mod tariff;
pub mod tiles;
pub mod units;
pub mod versions;
pub mod works;
pub mod zones;
pub mod ztl;
