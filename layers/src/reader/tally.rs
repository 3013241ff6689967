//! What a reader noticed on its way and put right by itself: counted, and told at the end.

use std::collections::BTreeMap;

/// How many late columns are named one by one.
const MAX_NAMED_COLUMNS: usize = 20;

/// Counters of things that are not worth a rejected row but must not stay silent.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Text values that were not valid UTF-8.
    pub not_utf8: u64,
    /// Rings whose last position was not their first.
    pub closed_rings: u64,
    /// Number values that were NaN or infinite.
    pub not_finite: u64,
    /// Coordinates written as JSON strings.
    pub text_coordinates: u64,
    /// Features of a type other than the one that is read.
    pub other_type: u64,
    /// Binary values, which no layer has a field for.
    pub binary: u64,
    /// Holes that lie in no outer ring and were taken for outer rings.
    pub stray_holes: u64,
    late_columns: BTreeMap<String, u64>,
}

impl Tally {
    /// A column that first appeared after the columns had been settled.
    pub fn late_column(&mut self, name: &str) {
        if let Some(count) = self.late_columns.get_mut(name) {
            *count += 1;
        } else if self.late_columns.len() < MAX_NAMED_COLUMNS {
            self.late_columns.insert(name.to_owned(), 1);
        }
    }

    /// The sentences for the report; the counters start again at zero.
    pub fn take(&mut self) -> Vec<String> {
        let tally = std::mem::take(self);
        let counted = [
            (tally.not_utf8, "values were not UTF-8, read as windows-1252"),
            (tally.closed_rings, "rings were open, closed with their first position"),
            (tally.not_finite, "number values were NaN or infinite, read as empty"),
            (tally.text_coordinates, "coordinates were written as text, read as numbers"),
            (tally.other_type, "features of other types passed over"),
            (tally.binary, "binary values passed over"),
            (tally.stray_holes, "holes lay in no outer ring, read as outer rings"),
        ];
        let mut remarks: Vec<String> =
            counted.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")).collect();
        for (name, count) in &tally.late_columns {
            remarks.push(format!(
                "column `{name}` appears only far down in the file and was not read ({count} values); sort the file so \
                 that one of its first rows has it"
            ));
        }
        remarks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_only_what_happened_and_starts_again() {
        let mut tally = Tally { not_utf8: 3, ..Tally::default() };
        tally.late_column("nota");
        tally.late_column("nota");
        let remarks = tally.take();
        assert_eq!(remarks.len(), 2);
        assert_eq!(remarks[0], "3 values were not UTF-8, read as windows-1252");
        assert!(remarks[1].contains("`nota`") && remarks[1].contains("2 values"));
        assert!(tally.take().is_empty());
    }
}
