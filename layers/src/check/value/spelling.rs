//! Text as people write it: padding, double encodings, lost characters, forms to compare by.

use std::borrow::Cow;

use encoding_rs::WINDOWS_1252;

/// Undoes UTF-8 that was once read as Windows-1252 or Latin-1 (`CittÃ ` → `Città`), as often as it was done;
/// `None` when there is nothing to undo.
///
/// Only runs that decode to valid UTF-8 are touched, so a text may mix broken and right letters.
pub fn undo_mojibake(text: &str) -> Option<String> {
    let mut current = undo_once(text)?;
    // Files that went through three programs exist; more rounds than that do not.
    for _ in 0..2 {
        match undo_once(&current) {
            Some(next) => current = next,
            None => break,
        }
    }
    Some(current)
}

fn undo_once(text: &str) -> Option<String> {
    // Every double-encoded letter begins with the image of a UTF-8 lead byte (0xC3…0xF4).
    if text.is_ascii() || !text.contains(|c: char| LEADS.contains(c)) {
        return None;
    }
    let mut fixed = String::with_capacity(text.len());
    let mut run = String::new();
    let mut changed = false;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if !c.is_ascii() {
            run.push(c);
            continue;
        }
        changed |= flush(&mut run, &mut fixed, c == ' ');
        // `Ã` and a plain blank: the second half of `à` is a no-break space, which programs like to normalise.
        if c == ' ' && fixed.ends_with('\u{e0}') && changed && rest.peek().is_some_and(|next| !next.is_alphanumeric()) {
            continue;
        }
        fixed.push(c);
    }
    changed |= flush(&mut run, &mut fixed, true);
    changed.then_some(fixed)
}

const LEADS: &str = "ÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóô";

/// Moves a run of letters outside ASCII to `fixed`, decoded when it was encoded twice.
fn flush(run: &mut String, fixed: &mut String, ends_word: bool) -> bool {
    if run.is_empty() {
        return false;
    }
    let lost_blank = ends_word && run.ends_with('Ã');
    if lost_blank {
        run.push('\u{a0}');
    }
    let (bytes, _, unmappable) = WINDOWS_1252.encode(run);
    let decoded = if unmappable { None } else { std::str::from_utf8(&bytes).ok().map(str::to_owned) };
    let changed = match decoded {
        Some(decoded) if decoded.chars().all(|c| !c.is_control()) => {
            fixed.push_str(&decoded);
            true
        }
        _ => {
            if lost_blank {
                run.pop();
            }
            fixed.push_str(run);
            false
        }
    };
    run.clear();
    changed
}

/// Without padding: blanks, tabs, no-break spaces and the NULs of fixed-width files at both ends.
pub fn trimmed(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || c == '\0' || c == '\u{feff}')
}

/// The form in which names and codes are compared: lower case, without accents, letters and digits only.
pub fn folded(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).filter_map(fold).collect()
}

/// A lower-case letter without its accent, or `None` for what is neither letter nor digit.
fn fold(c: char) -> Option<char> {
    let plain = match c {
        'à' | 'á' | 'â' | 'ã' | 'ä' | 'å' => 'a',
        'è' | 'é' | 'ê' | 'ë' => 'e',
        'ì' | 'í' | 'î' | 'ï' => 'i',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' | 'ø' => 'o',
        'ù' | 'ú' | 'û' | 'ü' => 'u',
        'ç' => 'c',
        'ñ' => 'n',
        'ý' | 'ÿ' => 'y',
        other => other,
    };
    plain.is_alphanumeric().then_some(plain)
}

/// A number as text, the way that a person writes a code: `12.0` is `12`.
pub fn number_text(number: f64) -> Cow<'static, str> {
    if number.fract() == 0.0 && number.abs() < 1e15 {
        format!("{}", number as i64).into()
    } else {
        format!("{number}").into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn double_encoded_letters_are_decoded() {
        for (broken, right) in [
            ("CittÃ\u{a0}", "Città"),
            ("perchÃ© cosÃ¬", "perché così"),
            ("Sant'ElenÃ¨", "Sant'Elenè"),
            ("Lâ€™Aquila", "L’Aquila"),
            ("Â«UniversitÃ\u{a0}Â» di CÃ ", "«Università» di Cà"),
            ("CittÃ\u{192}Â\u{a0}", "Città"),
        ] {
            assert_eq!(undo_mojibake(broken).as_deref().map(trimmed), Some(right), "{broken}");
        }
    }

    #[test]
    fn a_lost_no_break_space_is_put_back() {
        assert_eq!(undo_mojibake("CittÃ").as_deref(), Some("Città"));
        assert_eq!(undo_mojibake("CittÃ di Venezia").as_deref(), Some("Città di Venezia"));
    }

    #[test]
    fn right_text_is_left_alone() {
        for text in ["Città", "è già così", "Übergröße", "Œuvre", "Ca' Foscari", "Ã\u{e9}", "naïve São", "Ž"]
        {
            assert_eq!(undo_mojibake(text), None, "{text}");
        }
    }

    #[test]
    fn every_accented_letter_survives_the_round_trip() {
        for right in ["à", "è", "é", "ì", "ò", "ù", "À", "È", "É", "Ì", "Ò", "Ù", "€", "ç", "ñ", "ü"] {
            let (broken, _) = WINDOWS_1252.decode_without_bom_handling(right.as_bytes());
            assert_eq!(undo_mojibake(&broken).as_deref(), Some(right));
        }
    }

    #[test]
    fn names_are_compared_without_case_accents_and_punctuation() {
        assert_eq!(folded("Località_Cens."), "localitacens");
        assert_eq!(folded("COD-FOGLIO n°"), "codfoglion");
    }
}
