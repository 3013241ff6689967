//! Codes that people type and copy: what they say, and what is odd about them.
//!
//! A code that has no such form is refused. One that has it, but whose check digits fail, or that belongs to another
//! comune, is a *warning*: registers hold such codes, and an office has to be able to write them down.

mod cig;
mod cin;
mod cup;

pub use cig::{Cig, CigFamily};
pub use cin::{Cin, CinClass, Cir, Scope};
pub use cup::Cup;

use serde::Serialize;
use thiserror::Error;

use crate::Text;
use crate::text::Warning;

/// Most bytes of a text that is looked at.
const MAX_BYTES: usize = 60;

/// Why a text is no code of a kind.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize)]
#[error("{}", text.en)]
pub struct NotACode {
    /// What it should look like.
    pub text: Text,
}

impl NotACode {
    fn new(name: &str, it: &str, en: &str) -> Self {
        Self { text: Text::new(format!("non è un {name}: {it}"), format!("is no {name}: {en}")) }
    }
}

/// Without what people put between and around characters, in capitals: `it 027042-b4…` and `IT027042B4…` are one.
fn squeezed(text: &str, keep_hyphens: bool) -> Option<String> {
    if text.len() > MAX_BYTES {
        return None;
    }
    let kept = text.chars().filter(|c| !c.is_whitespace() && *c != '.' && (keep_hyphens || *c != '-'));
    let squeezed: String = kept.map(|c| c.to_ascii_uppercase()).collect();
    squeezed.is_ascii().then_some(squeezed)
}

fn check_digits(name: &str) -> Warning {
    Warning::new(
        "check-digits",
        Text::new(
            format!("i caratteri di controllo del {name} non tornano: probabile errore di battitura"),
            format!("the check digits of the {name} do not fit: a slip of the pen is likely"),
        ),
    )
}

fn digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn hex(text: &str) -> Option<u64> {
    let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if plain { u64::from_str_radix(text, 16).ok() } else { None }
}
