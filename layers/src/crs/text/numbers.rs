//! Numbers as Italians and others write them: decimal point or comma, thousands with points, commas or none.

/// A run of digits, points and commas as a number: `45.4342`, `45,4342`, `3.026.510,77`, `3,026,510.77`,
/// `3.026.510`. None when the marks cannot be told apart (`1,2,3`).
pub(super) fn parse(run: &str) -> Option<f64> {
    let (points, commas) = (run.matches('.').count(), run.matches(',').count());
    let plain = match (points, commas) {
        (0 | 1, 0) => run.to_owned(),
        (0, 1) => run.replace(',', "."),
        (_, 0) => thousands(run, '.')?,
        (0, _) => thousands(run, ',')?,
        _ => {
            let decimal = if run.rfind('.') > run.rfind(',') { '.' } else { ',' };
            let group = if decimal == '.' { ',' } else { '.' };
            let (whole, fraction) = run.split_once(decimal)?;
            if fraction.contains([decimal, group]) {
                return None;
            }
            format!("{}.{fraction}", thousands(whole, group)?)
        }
    };
    let number = plain.parse().ok()?;
    f64::is_finite(number).then_some(number)
}

/// Groups of three digits joined.
fn thousands(run: &str, mark: char) -> Option<String> {
    let groups: Vec<&str> = run.split(mark).collect();
    let (first, rest) = groups.split_first()?;
    let whole = (1..=3).contains(&first.len()) && rest.iter().all(|group| group.len() == 3);
    whole.then(|| groups.concat())
}

/// A run that stands alone may be two numbers joined by a comma (`45.4342,12.3388`, `45,4342,12,3388`).
pub(super) fn split_pair(run: &str) -> Option<[&str; 2]> {
    let commas: Vec<usize> = run.match_indices(',').map(|(index, _)| index).collect();
    let middle = match commas.as_slice() {
        [one] => *one,
        [_, middle, _] if !run.contains('.') => *middle,
        _ => return None,
    };
    let pair = [&run[..middle], &run[middle + 1..]];
    pair.iter().all(|number| parse(number).is_some()).then_some(pair)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimal_marks_and_thousands_are_told_apart() {
        for (run, number) in [
            ("45.4342", 45.4342),
            ("45,4342", 45.4342),
            ("3.026.510,77", 3_026_510.77),
            ("3,026,510.77", 3_026_510.77),
            ("3.026.510", 3_026_510.0),
            ("5033255", 5_033_255.0),
        ] {
            assert_eq!(parse(run), Some(number), "{run}");
        }
        for run in ["1,2,3", "1.2.3", "1.23.4,5", "1,2.3,4", "", ".", ",", "12..5"] {
            assert_eq!(parse(run), None, "{run}");
        }
        assert_eq!(split_pair("45.4342,12.3388"), Some(["45.4342", "12.3388"]));
        assert_eq!(split_pair("45,4342,12,3388"), Some(["45,4342", "12,3388"]));
        assert_eq!(split_pair("1,2,3"), None);
    }
}
