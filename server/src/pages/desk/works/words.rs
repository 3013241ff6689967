//! Words and numbers of the page.

use chrono::NaiveDate;
use serde_json::Value;

use super::super::super::{Asked, count};

/// By what sums are made; districts where there are some.
pub fn bys(asked: &Asked<'_>, has_districts: bool) -> Vec<(&'static str, &'static str)> {
    let mut words = vec![
        ("phase", asked.say("Fase", "Phase")),
        ("kind", asked.say("Tipo", "Kind")),
        ("funding", asked.say("Fonte", "Funding")),
        ("year", asked.say("Anno di inizio", "Year of start")),
    ];
    if has_districts {
        words.push(("district", asked.say("Quartiere", "District")));
    }
    words
}

/// What a group is called.
pub fn named<'a>(asked: &Asked<'_>, group: &'a str) -> &'a str {
    match group {
        "" if asked.parameter("by").as_deref() == Some("district") => asked.say("in nessuno", "in none"),
        "" => asked.say("non detto", "not said"),
        other => phase(asked, other),
    }
}

/// What a phase is called.
pub fn phase<'a>(asked: &Asked<'_>, phase: &'a str) -> &'a str {
    match phase {
        "planning" => asked.say("programmazione", "planning"),
        "design" => asked.say("progettazione", "design"),
        "tender" => asked.say("gara", "tender"),
        "execution" => asked.say("esecuzione", "execution"),
        "testing" => asked.say("collaudo", "testing"),
        "completed" => asked.say("conclusa", "completed"),
        "suspended" => asked.say("sospesa", "suspended"),
        other => other,
    }
}

/// An amount to the cent.
pub fn euro(asked: &Asked<'_>, value: &Value) -> String {
    let Some(amount) = value.as_str() else { return "–".to_owned() };
    let (whole, cents) = amount.split_once('.').unwrap_or((amount, "00"));
    let (sign, digits) = whole.strip_prefix('-').map_or(("", whole), |digits| ("-", digits));
    let whole = digits.parse::<u64>().map_or_else(|_| digits.to_owned(), |number| count(number, asked.language));
    format!("{sign}{whole}{}{cents} €", comma(asked))
}

/// An amount in few digits, as people say it.
pub fn short(asked: &Asked<'_>, value: &Value) -> String {
    let Some(amount) = value.as_str().and_then(|text| text.parse::<f64>().ok()) else { return "–".to_owned() };
    let (scaled, unit) = match amount.abs() {
        it if it >= 999.5e6 => (amount / 1e9, asked.say("mld €", "bn €")),
        it if it >= 999.5e3 => (amount / 1e6, asked.say("mln €", "m €")),
        it if it >= 1e3 => (amount / 1e3, asked.say("mila €", "k €")),
        _ => (amount, "€"),
    };
    let digits = if scaled.abs() >= 99.5 || unit == "€" { format!("{scaled:.0}") } else { format!("{scaled:.1}") };
    format!("{} {unit}", digits.replace('.', comma(asked)))
}

fn comma(asked: &Asked<'_>) -> &'static str {
    if asked.language.tag() == "it" { "," } else { "." }
}

/// A day as the language writes it; empty where there is none.
pub fn day(asked: &Asked<'_>, value: &Value) -> String {
    date(value).map(|date| written(asked, date)).unwrap_or_default()
}

/// A day as the language writes it.
pub fn written(asked: &Asked<'_>, date: NaiveDate) -> String {
    if asked.language.tag() == "it" { date.format("%d/%m/%Y").to_string() } else { date.to_string() }
}

/// The day of a member.
pub fn date(value: &Value) -> Option<NaiveDate> {
    value.as_str()?.parse().ok()
}

/// A number that is written as a text; none where it is none.
pub fn float(value: &Value) -> Option<f64> {
    value.as_str()?.parse().ok().filter(|number: &f64| number.is_finite())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::routes::respond::Language;

    fn asked(language: Language) -> Asked<'static> {
        Asked { language, base: "http://localhost", path: "works", query: "", tenant: "Comune" }
    }

    #[test]
    fn amounts_are_told_in_few_digits_and_to_the_cent() {
        let it = asked(Language::Italian);
        for (amount, few) in [
            ("0.00", "0 €"),
            ("950.40", "950 €"),
            ("12345.00", "12,3 mila €"),
            ("999400.00", "999 mila €"),
            ("999600.00", "1,0 mln €"),
            ("-2500000.00", "-2,5 mln €"),
            ("234567890.00", "235 mln €"),
            ("1234567890.00", "1,2 mld €"),
        ] {
            assert_eq!(short(&it, &json!(amount)), few);
        }
        assert_eq!(short(&it, &json!(null)), "–");
        assert_eq!(euro(&it, &json!("-1234567.80")), "-1.234.567,80 €");
        assert_eq!(euro(&asked(Language::English), &json!("1234.50")), "1,234.50 €");
    }
}
