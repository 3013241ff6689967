//! Values as the published files write them.

use chrono::NaiveDate;

use super::super::decimal::Cents;
use crate::Exact;

/// What stands where nothing is known.
const NOTHING: [&str; 3] = ["DATO NON PRESENTE", "-1", "N.D."];

/// A text in UTF-8, or else in Latin-1; none where nothing is known.
pub fn text(bytes: &[u8]) -> Option<String> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.trim().to_owned(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect::<String>().trim().to_owned(),
    };
    let is_nothing = text.is_empty()
        || NOTHING.iter().any(|nothing| text.eq_ignore_ascii_case(nothing))
        || text.bytes().all(|byte| byte == b'*');
    (!is_nothing).then_some(text)
}

/// An amount: digits, and at most two decimals after a point or a comma. Thousands that are set apart could be decimals, and
/// are not guessed.
pub fn euro(text: &str) -> Option<Cents> {
    let plain = text.replace(',', ".");
    let decimals = plain.split_once('.').map_or(0, |(_, decimals)| decimals.len());
    let exact: Exact = plain.parse().ok().filter(|_| decimals <= 2)?;
    Cents::euro(exact.to_f64())
}

/// A day: `2026-01-31`, also with a time behind it, or `31/01/2026`.
pub fn day(text: &str) -> Option<NaiveDate> {
    let first = text.get(..10)?;
    let is_whole = text.len() == 10 || matches!(text.as_bytes()[10], b' ' | b'T');
    let read = first.parse().or_else(|_| NaiveDate::parse_from_str(first, "%d/%m/%Y")).ok();
    read.filter(|_| is_whole)
}

/// A year.
pub fn year(text: &str) -> Option<i32> {
    text.parse().ok().filter(|year| (1900..2200).contains(year))
}

/// The code of a municipality, of six digits: that of the province before it where it has only its own three.
pub fn municipality(province: Option<&str>, municipality: &str) -> Option<String> {
    let is_number = |text: &str| !text.is_empty() && text.len() <= 6 && text.bytes().all(|byte| byte.is_ascii_digit());
    let code = Some(municipality).filter(|code| is_number(code))?;
    if code.len() > 3 {
        return Some(format!("{code:0>6}"));
    }
    let province = province.filter(|code| is_number(code) && code.len() <= 3)?;
    Some(format!("{province:0>3}{code:0>3}"))
}
