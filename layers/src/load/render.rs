//! The report of a load as text for people.

use std::fmt::Write as _;

use super::report::{Language, Report};
use crate::check::finding::{Tallies, text};
use crate::check::mapping::MappedBy;
use crate::definition::Text;

/// Refused rows that the text shows; the JSON has more.
const SHOWN_ROWS: usize = 20;

/// Writing to a string cannot fail; this says so in one place.
macro_rules! line {
    ($out:expr, $($argument:tt)*) => {{ let _ = writeln!($out, $($argument)*); }};
}

pub fn render(report: &Report, language: Language) -> String {
    let mut out = String::new();
    let say = |it: &'static str, en: &'static str| match language {
        Language::Italian => it,
        Language::English => en,
    };
    heading(&mut out, report, language);
    crs(&mut out, report, language);
    columns(&mut out, report, language);
    for remark in &report.remarks {
        line!(out, "! {}", language.of(remark));
    }
    tallies(&mut out, say("Corretti o uniformati", "Repaired or made uniform"), &report.repairs, language);
    tallies(&mut out, say("Avvisi", "Warnings"), &report.warnings, language);
    rejected(&mut out, report, language);
    for (layer, count) in &report.elsewhere {
        let (file, count) = (&report.source_layer, number(*count, language));
        let rest = text(
            format!(
                "Di un altro strato: {count} righe di «{file}» appartengono a {layer}; caricare il file anche con --layer {layer}"
            ),
            format!(
                "Of another layer: {count} rows of “{file}” belong to {layer}; load the file with --layer {layer} too"
            ),
        );
        line!(out, "{}", language.of(&rest));
    }
    outcome(&mut out, report, language);
    out
}

fn heading(out: &mut String, report: &Report, language: Language) {
    let encoding = report.encoding.as_ref().map(|encoding| format!(", {encoding}")).unwrap_or_default();
    let layer = &report.layer;
    line!(out, "{} «{}»{encoding} → {layer}", report.format, report.source_layer);
    let (rows, loaded, repaired, rejected) = (
        number(report.rows, language),
        number(report.loaded, language),
        number(report.repaired, language),
        number(report.rejected, language),
    );
    let counts = text(
        format!("{rows} righe lette, {loaded} accettate ({repaired} corrette), {rejected} rifiutate"),
        format!("{rows} rows read, {loaded} accepted ({repaired} repaired), {rejected} rejected"),
    );
    line!(out, "{}", language.of(&counts));
}

fn crs(out: &mut String, report: &Report, language: Language) {
    let crs = &report.crs;
    line!(out, "CRS: {} {} ({})", crs.source, crs.source_name, language.of(&crs.how));
    if crs.source != crs.storage {
        let accuracy = match (crs.operation.accuracy_m, language) {
            (Some(metres), Language::Italian) => format!(", accuratezza {metres} m"),
            (Some(metres), Language::English) => format!(", accuracy {metres} m"),
            (None, _) => String::new(),
        };
        let code = crs.operation.code.as_ref().map(|code| format!(" [{code}]")).unwrap_or_default();
        line!(out, "  → {} {}: {}{code}{accuracy}", crs.storage, crs.storage_name, crs.operation.name);
    }
}

fn columns(out: &mut String, report: &Report, language: Language) {
    let mapping = &report.mapping;
    let pairs: Vec<String> = mapping
        .mapped
        .iter()
        .map(|mapped| {
            let mark = match (mapped.by, language) {
                (MappedBy::Truncation, Language::Italian) => " (nome troncato)",
                (MappedBy::Truncation, Language::English) => " (cut name)",
                (MappedBy::Operator, _) => " (--map)",
                _ => "",
            };
            match &mapped.and {
                Some(and) => format!("{} + {and} → {}{mark}", mapped.column, mapped.field),
                None if mapped.column == mapped.field => mapped.field.clone(),
                None => format!("{} → {}{mark}", mapped.column, mapped.field),
            }
        })
        .collect();
    let mut list = |title: Text, names: &[String]| {
        if !names.is_empty() {
            line!(out, "{}: {}", language.of(&title), names.join(", "));
        }
    };
    list(text("Colonne", "Columns"), &pairs);
    let derived: Vec<String> =
        mapping.derived.iter().map(|derived| format!("{} → {}", derived.from, derived.field)).collect();
    list(text("Campi ricavati", "Fields derived"), &derived);
    list(text("Colonne non caricate", "Columns not loaded"), &mapping.ignored);
    list(text("Campi rimasti vuoti", "Fields left empty"), &mapping.missing);
    for suggestion in &mapping.suggestions {
        let hint = text("forse", "perhaps");
        line!(out, "  {} --map {}={}", language.of(&hint), suggestion.column, suggestion.field);
    }
}

fn tallies(out: &mut String, title: &str, tallies: &Tallies, language: Language) {
    if tallies.0.is_empty() {
        return;
    }
    line!(out, "{title}:");
    for (code, tally) in &tallies.0 {
        line!(out, "  {:>9}  {} [{code}]", number(tally.count, language), language.of(&tally.title));
        for example in tally.examples.iter().take(3) {
            let message = language.of(&example.message);
            if message != language.of(&tally.title) || example.place.is_some() {
                line!(out, "             {} {}: {message}{}", row_word(language), example.row, place(example.place));
            }
        }
    }
}

fn rejected(out: &mut String, report: &Report, language: Language) {
    if report.rejected == 0 {
        return;
    }
    let codes: Vec<String> =
        report.rejections.iter().map(|(code, count)| format!("{code} {}", number(*count, language))).collect();
    let title = text("Rifiutate", "Rejected");
    line!(out, "{}: {}", language.of(&title), codes.join(", "));
    for row in report.rejected_rows.iter().take(SHOWN_ROWS) {
        line!(out, "  {} {}: {}{}", row_word(language), row.row, language.of(&row.reason), place(row.place));
    }
    let more = report.rejected.saturating_sub(SHOWN_ROWS as u64);
    if more > 0 {
        let more = number(more, language);
        let rest = text(format!("  … e altre {more}"), format!("  … and {more} more"));
        line!(out, "{}", language.of(&rest));
    }
}

fn outcome(out: &mut String, report: &Report, language: Language) {
    let count = |count| number(count, language);
    let what = match (&report.replaced, report.dry_run) {
        (Some(replaced), _) => {
            let (added, changed) = (count(replaced.added), count(replaced.changed));
            let (unchanged, removed) = (count(replaced.unchanged), count(replaced.removed));
            text(
                format!("Strato sostituito: {added} nuovi, {changed} cambiati, {unchanged} uguali, {removed} tolti"),
                format!("Layer replaced: {added} added, {changed} changed, {unchanged} unchanged, {removed} removed"),
            )
        }
        (None, true) => text("Prova: nulla è stato scritto", "Dry run: nothing was written"),
        (None, false) => text(
            "Nulla è stato scritto: i dati di prima sono intatti",
            "Nothing was written: the old data are untouched",
        ),
    };
    let seq = report.seq.map(|seq| format!(" (seq {seq})")).unwrap_or_default();
    let seconds = format!("{:.1}", report.elapsed_s);
    let speed = count(report.rows_per_s as u64);
    let time = text(
        format!(" in {} s, {speed} righe/s", seconds.replace('.', ",")),
        format!(" in {seconds} s, {speed} rows/s"),
    );
    line!(out, "{}{seq}{}", language.of(&what), language.of(&time));
}

fn row_word(language: Language) -> &'static str {
    match language {
        Language::Italian => "riga",
        Language::English => "row",
    }
}

fn place(place: Option<[f64; 2]>) -> String {
    place.map(|[lon, lat]| format!(" @ {lat:.6}, {lon:.6}")).unwrap_or_default()
}

/// A count with separated thousands: `1.234.567` or `1,234,567`.
fn number(count: u64, language: Language) -> String {
    grouped(
        count,
        match language {
            Language::Italian => '.',
            Language::English => ',',
        },
    )
}

/// A count with a separator between its thousands.
pub fn grouped(count: u64, separator: char) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            out.push(separator);
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated_as_the_language_does() {
        assert_eq!(number(1_234_567, Language::Italian), "1.234.567");
        assert_eq!(number(123, Language::English), "123");
        assert_eq!(number(0, Language::English), "0");
    }
}
