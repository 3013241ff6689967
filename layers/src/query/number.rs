//! Numbers in decimal digits.
//!
//! Half of what it takes to write an outline is to write its numbers, so that their digits are put together in a buffer
//! and not one by one at the end of the text.

/// Decimals of a coordinate: a hundred-millionth of a degree is about a millimetre.
const DECIMALS: usize = 8;
const SCALE: u64 = 10_u64.pow(DECIMALS as u32);
/// Room for a sign, the digits of any 64 bits, a point and the decimals.
const ROOM: usize = 32;

/// Two digits for each number below a hundred.
const PAIRS: [[u8; 2]; 100] = {
    let mut pairs = [[0; 2]; 100];
    let mut number = 0;
    while number < 100 {
        pairs[number] = [b'0' + (number / 10) as u8, b'0' + (number % 10) as u8];
        number += 1;
    }
    pairs
};

/// Appends a coordinate with at most eight decimals and no trailing zeros; the value must be finite and
/// smaller than 10¹⁰.
pub fn write_number(out: &mut Vec<u8>, value: f64) {
    let mut buffer = [0; ROOM];
    let length = put(&mut buffer, value);
    out.extend_from_slice(&buffer[..length]);
}

/// Appends `[x,y]`.
pub(super) fn write_position(out: &mut Vec<u8>, [x, y]: [f64; 2]) {
    let mut buffer = [0; 2 * ROOM + 3];
    buffer[0] = b'[';
    let mut end = 1;
    end += put(&mut buffer[end..], x);
    buffer[end] = b',';
    end += 1;
    end += put(&mut buffer[end..], y);
    buffer[end] = b']';
    out.extend_from_slice(&buffer[..=end]);
}

/// Appends a whole number.
pub(super) fn write_integer(out: &mut Vec<u8>, value: i64) {
    let mut buffer = [b'-'; ROOM];
    let sign = usize::from(value < 0);
    let length = sign + put_unsigned(&mut buffer[sign..], value.unsigned_abs());
    out.extend_from_slice(&buffer[..length]);
}

/// Puts a number as [`write_number`] writes it; how long it is.
fn put(buffer: &mut [u8], value: f64) -> usize {
    // Half away from zero, without the call that `f64::round` is where SSE 4.1 is not taken for granted.
    let scaled = (value * SCALE as f64 + 0.5_f64.copysign(value)) as i64;
    let sign = usize::from(scaled < 0);
    buffer[0] = b'-';
    let (whole, part) = (scaled.unsigned_abs() / SCALE, scaled.unsigned_abs() % SCALE);
    let end = sign + put_unsigned(&mut buffer[sign..], whole);
    if part == 0 {
        return end;
    }
    let (high, low) = ((part / 10_000) as usize, (part % 10_000) as usize);
    let mut decimals = [b'.'; DECIMALS + 1];
    for (place, pair) in [high / 100, high % 100, low / 100, low % 100].into_iter().enumerate() {
        decimals[1 + 2 * place..3 + 2 * place].copy_from_slice(&PAIRS[pair]);
    }
    buffer[end..=end + DECIMALS].copy_from_slice(&decimals);
    let zeros = decimals.iter().rev().take_while(|digit| **digit == b'0').count();
    end + 1 + DECIMALS - zeros
}

/// Puts a whole number at the beginning of a buffer; how many digits it has.
fn put_unsigned(buffer: &mut [u8], mut value: u64) -> usize {
    let mut digits = [0; 20];
    let mut start = digits.len();
    while value >= 10 {
        start -= 2;
        digits[start..start + 2].copy_from_slice(&PAIRS[(value % 100) as usize]);
        value /= 100;
    }
    // What is left is one digit, or nothing after the last pair.
    if value > 0 || start == digits.len() {
        start -= 1;
        digits[start] = b'0' + value as u8;
    }
    let length = digits.len() - start;
    buffer[..length].copy_from_slice(&digits[start..]);
    length
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn written(write: impl Fn(&mut Vec<u8>)) -> String {
        let mut out = b"{".to_vec();
        write(&mut out);
        String::from_utf8(out).expect("ascii")[1..].to_owned()
    }

    fn number(value: f64) -> String {
        written(|out| write_number(out, value))
    }

    #[test]
    fn numbers_are_short_and_exact() {
        assert_eq!(number(12.338_8), "12.3388");
        assert_eq!(number(-0.000_000_01), "-0.00000001");
        assert_eq!(number(45.0), "45");
        assert_eq!(number(-100.5), "-100.5");
        assert_eq!(number(9.000_000_1), "9.0000001");
        assert_eq!(number(0.0), "0");
        assert_eq!(number(-0.0), "0");
        assert_eq!(number(0.000_000_001), "0");
        assert_eq!(number(9_999_999_999.5), "9999999999.5");
        assert_eq!(written(|out| write_position(out, [12.5, -45.25])), "[12.5,-45.25]");
    }

    proptest! {
        #[test]
        fn every_coordinate_reads_back_within_half_a_step(value in -180.0_f64..180.0) {
            let text = number(value);
            let back: f64 = text.parse().expect("a number");
            prop_assert!((back - value).abs() <= 0.500_001e-8);
            prop_assert!(!text.contains('.') || !text.ends_with('0'), "{}", text);
        }

        #[test]
        fn every_whole_number_is_what_the_library_writes(value: i64, shift in 0_u32..64) {
            for value in [value, value >> shift] {
                prop_assert_eq!(written(|out| write_integer(out, value)), value.to_string());
            }
        }

        #[test]
        fn every_place_is_what_the_library_writes(steps in -18_000_000_000_i64..18_000_000_000, x in -9_999_999_999.0..9_999_999_999.0) {
            let value = steps as f64 / SCALE as f64;
            let text = format!("{value:.8}");
            let text = text.trim_end_matches('0').trim_end_matches('.');
            prop_assert_eq!(number(value), if text == "-0" { "0" } else { text });
            prop_assert!((number(x).parse::<f64>().expect("a number") - x).abs() < 1e-5);
        }
    }
}
