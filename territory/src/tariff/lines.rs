//! Lines of an answer, with their numbers as each language writes them.

use super::answer::Line;
use crate::{Exact, Text};

/// A line.
pub(super) fn line(code: &'static str, label: Text, formula: Text, result: Exact, unit: &'static str) -> Line {
    Line { code, label, formula, result, unit }
}

/// A formula: decimals have a comma in Italian. It holds numbers, signs and names of rules only, no names of people's.
pub(super) fn formula(text: &str) -> Text {
    let mut it = String::with_capacity(text.len());
    let chars: Vec<char> = text.chars().collect();
    for (i, c) in chars.iter().enumerate() {
        let decimal =
            *c == '.' && i > 0 && chars[i - 1].is_ascii_digit() && chars.get(i + 1).is_some_and(char::is_ascii_digit);
        it.push(if decimal { ',' } else { *c });
    }
    // min(2, 9): what parts arguments must not look like a decimal comma.
    Text::new(it.replace(", ", "; "), text)
}
