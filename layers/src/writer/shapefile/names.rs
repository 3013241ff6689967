//! Names of columns in dBASE: ten bytes at most, none twice.

/// The longest name.
const LONGEST: usize = 10;

/// Names that fit, in the order of the given ones: each is cut to ten letters; where another column has that name already
/// the end of it makes room for `_1`, `_2` and so on. Names are ASCII, as those of fields are.
pub fn fitting<'a>(names: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let mut given: Vec<String> = Vec::new();
    for name in names {
        let is_free = |candidate: &str| given.iter().all(|other| !other.eq_ignore_ascii_case(candidate));
        let cut = |end: usize| name.get(..end.min(name.len())).unwrap_or(name);
        let numbered = (1..).map(|number| {
            let end = format!("_{number}");
            format!("{}{end}", cut(LONGEST - end.len()))
        });
        let mut candidates = std::iter::once(cut(LONGEST).to_owned()).chain(numbered);
        // There are more numbers than columns.
        given.extend(candidates.find(|candidate| is_free(candidate)));
    }
    given
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn names_are_cut_and_numbered() {
        let names = ["id", "national_ref", "national_reference", "national_r", "nation_1", "sheet"];
        assert_eq!(fitting(names), ["id", "national_r", "national_1", "national_2", "nation_1", "sheet"]);
    }

    proptest! {
        #[test]
        fn no_two_names_are_the_same_and_none_is_too_long(names in prop::collection::vec("[a-z][a-z0-9_]{0,20}", 0..60)) {
            let fitting = fitting(names.iter().map(String::as_str));
            let mut sorted = fitting.clone();
            sorted.sort_unstable();
            sorted.dedup();
            prop_assert_eq!(sorted.len(), names.len());
            prop_assert!(fitting.iter().all(|name| (1..=LONGEST).contains(&name.len())));
        }
    }
}
