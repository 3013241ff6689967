//! The rules of the tax office and of the planning desk as pure functions: what is asked goes in as plain data, the
//! answer comes out with its *evidence* (rule set, method of measure, hash of the inputs), and the same question has
//! the same bytes for an answer, years later too.
//!
//! Nothing here knows a database, HTTP, a clock or a map projection: who calls has found features in layers and hands
//! over their ids, versions, names and geometries. Coordinates are x (east, longitude) before y (north, latitude),
//! always. What people read is Italian first and English second ([`Text`]).
//!
//! - [`tariff`]: tariff plans of the *canone unico* (L. 160/2019, art. 1 c. 816–847) as data, and the fee.
//! - [`overlay`]: what share of a polygon or line lies in which zone, measured on the ellipsoid.
//! - [`cdu`]: the arithmetic of the certificate of planning destination (DPR 380/2001, art. 30).
//! - [`codes`]: CIN, CIR, CIG, CUP.
//! - [`conflicts`]: what a new site collides with, in space and time.
//! - [`linear`]: places along a street by metres.
//! - [`units`]: real-estate units of the census dumps of the cadastre.
//! - [`rentals`]: listings of short-term rentals beside the register, as counts that point at nobody.
//! - [`works`]: public works: records that are odd, earned value.
//! - [`ztl`]: who may enter a limited traffic zone and when, by regulations that are data.

pub mod cdu;
pub mod codes;
pub mod conflicts;
mod document;
pub mod evidence;
pub mod exact;
pub mod fault;
pub mod graph;
pub mod linear;
pub mod overlay;
mod remainder;
pub mod rentals;
pub mod tariff;
pub mod text;
pub mod units;
pub mod works;
pub mod ztl;

pub use evidence::{FeatureRef, canonical_json, sha256_hex};
pub use exact::Exact;
pub use fault::Fault;
pub use text::Text;
