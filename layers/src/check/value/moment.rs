//! Dates and instants as offices write them.

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

/// A calendar date: ISO, `31/12/2024` with any separator, or eight digits in either order. A time after it is
/// ignored. Years outside 1000–2999 and two-digit years are refused.
pub fn parse_date(text: &str) -> Option<NaiveDate> {
    let day = match text.find(['T', ' ']) {
        Some(end) if end >= 8 => &text[..end],
        _ => text,
    };
    let numbers: Vec<&str> = day.split(['-', '/', '.']).collect();
    match numbers[..] {
        [year, month, day] if year.len() == 4 => date(year, month, day),
        [day, month, year] if year.len() == 4 => date(year, month, day),
        // The last four of ddmmyyyy are a year, which yyyymmdd can never have there: no text is both.
        [digits] if digits.len() == 8 && digits.is_ascii() => {
            date(&digits[..4], &digits[4..6], &digits[6..]).or_else(|| date(&digits[4..], &digits[2..4], &digits[..2]))
        }
        _ => None,
    }
}

fn date(year: &str, month: &str, day: &str) -> Option<NaiveDate> {
    let digits = |text: &str| {
        (text.len() <= 4 && text.bytes().all(|byte| byte.is_ascii_digit()))
            .then_some(())
            .and_then(|()| text.parse::<u32>().ok())
    };
    let year = digits(year).filter(|year| (1000..3000).contains(year))?;
    NaiveDate::from_ymd_opt(year as i32, digits(month)?, digits(day)?)
}

/// Whether the text is a way of writing "no date".
pub fn is_no_date(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0' | b'-' | b'/' | b'.' | b' ' | b':'))
}

/// An instant. A time without a zone is taken as UTC, a date without a time as its midnight in UTC.
pub fn parse_instant(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        return Some(instant.to_utc());
    }
    let forms = ["%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M:%S%.f%#z"];
    if let Some(instant) = forms.iter().find_map(|form| DateTime::parse_from_str(text, form).ok()) {
        return Some(instant.to_utc());
    }
    let naive = [
        "%Y-%m-%dT%H:%M:%S%.f",
        "%Y-%m-%d %H:%M:%S%.f",
        "%Y-%m-%d %H:%M",
        "%Y-%m-%dT%H:%M",
        "%Y/%m/%d %H:%M:%S%.f",
        "%d/%m/%Y %H:%M:%S%.f",
        "%d/%m/%Y %H:%M",
        "%d/%m/%Y %H.%M",
    ]
    .iter()
    .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok());
    naive.or_else(|| parse_date(text).and_then(|day| day.and_hms_opt(0, 0, 0))).map(|naive| naive.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(year: i32, month: u32, day: u32) -> Option<NaiveDate> {
        NaiveDate::from_ymd_opt(year, month, day)
    }

    #[test]
    fn dates_are_read_in_every_office_form() {
        for text in [
            "2015-01-20",
            "20/01/2015",
            "20.1.2015",
            "20-01-2015",
            "20150120",
            "20012015",
            "2015/01/20",
            "2015-01-20T10:00:00Z",
            "20/01/2015 00:00:00",
        ] {
            assert_eq!(parse_date(text), day(2015, 1, 20), "{text}");
        }
    }

    #[test]
    fn eight_digits_have_one_reading_each() {
        for year in [1861, 1901, 1912, 1999, 2000, 2012, 2024, 2031] {
            for (month, of_month) in [(1, 1), (12, 19), (10, 20), (11, 12), (2, 28)] {
                let expected = day(year, month, of_month);
                assert_eq!(parse_date(&format!("{year:04}{month:02}{of_month:02}")), expected);
                assert_eq!(parse_date(&format!("{of_month:02}{month:02}{year:04}")), expected);
            }
        }
    }

    #[test]
    fn impossible_dates_are_refused() {
        for text in ["", "31/02/2020", "2020-13-01", "1/2/20", "ieri", "123", "00000000", "20/01/20155", "²0/01/2015"]
        {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }

    #[test]
    fn instants_are_kept_in_utc() {
        for text in ["2024-05-01T10:00:00+02:00", "2024-05-01 10:00:00+02", "2024-05-01T08:00:00Z", "01/05/2024 08:00"]
        {
            assert_eq!(
                parse_instant(text).map(|at| at.to_rfc3339()).as_deref(),
                Some("2024-05-01T08:00:00+00:00"),
                "{text}"
            );
        }
    }
}
