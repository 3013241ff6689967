//! x
pub mod dissolve;
pub mod district;
pub mod grow;
pub mod houses;
pub mod islands;
pub mod mesh;
pub mod names;
pub mod plan;
pub mod plane;
pub mod rng;
pub mod site;
pub mod warp;
