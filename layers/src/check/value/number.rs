//! Numbers as offices write them: decimal comma or point, thousands, currency signs.

/// Which sign separates the decimals of a column; found on a sample, since `1.234` alone does not say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NumberStyle {
    /// `1,234.5`
    #[default]
    Point,
    /// `1.234,5`
    Comma,
}

impl NumberStyle {
    /// The style of a column: one value with a decimal comma is enough, since no other reading of it exists.
    pub fn of<'a>(sample: impl IntoIterator<Item = &'a str>) -> Self {
        let comma = sample.into_iter().any(|text| {
            let text = text.trim();
            match (text.rfind(','), text.rfind('.')) {
                (Some(comma), Some(point)) => comma > point,
                (Some(comma), None) => text.matches(',').count() == 1 && text.len() - comma != 4,
                _ => false,
            }
        });
        if comma { Self::Comma } else { Self::Point }
    }
}

/// A decimal number; `None` when the text is not one, or not finite.
pub fn parse_real(text: &str, style: NumberStyle) -> Option<f64> {
    if let Ok(number) = text.parse::<f64>() {
        let thousands = style == NumberStyle::Comma && groups_of_three(text, '.');
        if !thousands {
            return number.is_finite().then_some(number);
        }
    }
    let bare: String =
        text.chars().filter(|c| !matches!(c, ' ' | '\u{a0}' | '\u{202f}' | '\'' | '’' | '€' | '+')).collect();
    let plain = match (bare.rfind(','), bare.rfind('.')) {
        (Some(comma), Some(point)) if comma > point => bare.replace('.', "").replace(',', "."),
        (Some(_), Some(_)) => bare.replace(',', ""),
        (Some(_), None)
            if bare.matches(',').count() > 1 || (style == NumberStyle::Point && groups_of_three(&bare, ',')) =>
        {
            groups_of_three(&bare, ',').then(|| bare.replace(',', ""))?
        }
        (Some(_), None) => bare.replace(',', "."),
        (None, Some(_)) if bare.matches('.').count() > 1 || style == NumberStyle::Comma => {
            if groups_of_three(&bare, '.') { bare.replace('.', "") } else { bare }
        }
        _ => bare,
    };
    // Words that Rust reads as numbers ("inf", "nan") are no numbers of an office.
    if plain.chars().any(|c| c.is_alphabetic() && !matches!(c, 'e' | 'E')) {
        return None;
    }
    plain.parse::<f64>().ok().filter(|number| number.is_finite())
}

/// A whole number; decimals are accepted when they are zero (`12.0`, `12,00`).
pub fn parse_integer(text: &str, style: NumberStyle) -> Option<i64> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    parse_real(text, style).and_then(whole)
}

/// The whole number that a decimal one is, if it is one and fits without loss.
pub fn whole(number: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

/// `1.234.567`, with one to three digits in front.
fn groups_of_three(text: &str, separator: char) -> bool {
    let digits = text.trim_start_matches('-');
    let mut groups = digits.split(separator);
    let first = groups.next().unwrap_or_default();
    let all_digits = |group: &str| group.bytes().all(|byte| byte.is_ascii_digit());
    let mut count = 0;
    let rest = groups.all(|group| {
        count += 1;
        group.len() == 3 && all_digits(group)
    });
    rest && count > 0 && (1..=3).contains(&first.len()) && all_digits(first) && first != "0"
}

#[cfg(test)]
mod tests {
    use super::NumberStyle::{Comma, Point};
    use super::*;

    #[test]
    fn numbers_are_read_in_both_styles() {
        for (text, style, number) in [
            ("12", Point, 12.0),
            ("12.5", Point, 12.5),
            ("12,5", Point, 12.5),
            ("12,5", Comma, 12.5),
            ("1.234,56", Point, 1234.56),
            ("1,234.56", Comma, 1234.56),
            ("1.234.567", Point, 1_234_567.0),
            ("1.234", Point, 1.234),
            ("1.234", Comma, 1234.0),
            ("0.234", Comma, 0.234),
            ("1,234", Comma, 1.234),
            ("1,234", Point, 1234.0),
            ("€ 1.250,00", Comma, 1250.0),
            ("1 250,5", Comma, 1250.5),
            ("-3,5", Comma, -3.5),
            ("1e3", Point, 1000.0),
        ] {
            assert_eq!(parse_real(text, style), Some(number), "{text} {style:?}");
        }
    }

    #[test]
    fn words_and_infinities_are_not_numbers() {
        for text in ["", "nan", "inf", "-Infinity", "12 m", "1,2,3", "12-13", "1e999", "foglio"] {
            assert_eq!(parse_real(text, Point), None, "{text}");
        }
    }

    #[test]
    fn whole_numbers_typed_as_decimals_are_whole() {
        assert_eq!(parse_integer("12.0", Point), Some(12));
        assert_eq!(parse_integer("12,00", Point), Some(12));
        assert_eq!(parse_integer("12.5", Point), None);
        assert_eq!(parse_integer("9007199254740993", Point), Some(9_007_199_254_740_993));
        assert_eq!(whole(1e300), None);
    }

    #[test]
    fn one_decimal_comma_tells_the_style_of_a_column() {
        assert_eq!(NumberStyle::of(["1.234", "12,5"]), Comma);
        assert_eq!(NumberStyle::of(["1.234", "12.5"]), Point);
        assert_eq!(NumberStyle::of(["1,234", "2,500"]), Point, "could be thousands");
        assert_eq!(NumberStyle::of(["1.234,00"]), Comma);
    }
}
