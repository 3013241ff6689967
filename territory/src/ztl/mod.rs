//! Limited traffic zones: who may enter where and when, by regulations that are data.
//!
//! A *regulation* is a TOML file ([`read_file`]): rules with an effect, a schedule in the syntax of OpenStreetMap's
//! `opening_hours`, a filter of vehicles and one of users, exceptions by ordinance, types of permits. A *calendar* is a
//! file too: the public and school holidays of an office, year by year. [`Regulations`] puts them together. Where the
//! zones lie is said by layers: who calls hands over those that cover a place ([`ZoneAt`]), and [`decide`] answers.
//!
//! Which rule counts: an exception before any rule, then the higher priority, then the filter that names more, and of
//! equals the stricter one ([`Effect`]). Rules are read by the clock of Italy: what is said for 02:30 holds twice on the
//! last Sunday of October and never on that of March. Instants of answers are told in UTC and by that clock.
//!
//! Nothing is guessed. What the question leaves open and the answer hangs on is named ([`Access::Depends`]); a schedule
//! that nobody could read stays in its regulation as it is and makes answers unknown wherever it could count; holidays
//! of a year that no calendar has are told.

mod answer;
mod calendar;
mod candidate;
mod clock;
mod decide;
mod filter;
mod line;
mod question;
mod read;
mod regulation;
mod schedule;

pub use answer::{Access, Answer, Decisive, Moment, Rules, Span, ZoneAnswer};
pub use calendar::Calendar;
pub use clock::{ROME, moment_of, now_at};
pub use decide::{ENGINE, HORIZON_DAYS, decide};
pub use filter::{Category, Fuel, Parity, UserFilter, VehicleFilter};
pub use question::{MAX_DAYS, Question, Vehicle, ZoneAt};
pub use read::{Draft, File, MAX_FILE_BYTES, read_file};
pub use regulation::{Effect, Exception, Permit, Regulation, Regulations, Rule, UserClass};
pub use schedule::{Schedule, Unreadable};

#[cfg(test)]
mod brute_tests;
#[cfg(test)]
mod clock_tests;
#[cfg(test)]
mod decide_tests;
#[cfg(test)]
mod read_tests;
