//! The guard against personal data: Italian tax codes of persons (*codice fiscale*, DM 23-12-1976).

/// Whether a tax code of a person stands in the text, alone or among other words: sixteen letters and digits
/// in the pattern of the law, with a valid check character.
pub fn holds_tax_code(text: &str) -> bool {
    text.len() >= LENGTH
        && text
            .as_bytes()
            .split(|byte| !byte.is_ascii_alphanumeric())
            .any(|word| <&[u8; LENGTH]>::try_from(word).is_ok_and(is_tax_code))
}

const LENGTH: usize = 16;

/// Letters that replace digits where two persons would share a code (*omocodia*), in order of the digit.
const OMOCODE: &[u8; 10] = b"LMNPQRSTUV";

/// Letters of the twelve months.
const MONTHS: &[u8; 12] = b"ABCDEHLMPRST";

/// Values of the characters in odd places (from 1), `A` or `0` first.
const ODD: [u8; 26] = [1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23];

fn is_tax_code(word: &[u8; LENGTH]) -> bool {
    let word = word.map(|byte| byte.to_ascii_uppercase());
    let shaped = word.iter().enumerate().all(|(position, byte)| match position {
        6 | 7 | 9 | 10 | 12 | 13 | 14 => byte.is_ascii_digit() || OMOCODE.contains(byte),
        8 => MONTHS.contains(byte),
        _ => byte.is_ascii_uppercase(),
    });
    if !shaped {
        return false;
    }
    let sum: u32 = word[..15]
        .iter()
        .enumerate()
        .map(|(position, byte)| {
            let rank = if byte.is_ascii_digit() { byte - b'0' } else { byte - b'A' };
            // Places are counted from 1 by the decree, from 0 here.
            u32::from(if position % 2 == 0 { ODD[usize::from(rank)] } else { rank })
        })
        .sum();
    u32::from(word[15] - b'A') == sum % 26
}

#[cfg(test)]
mod tests {
    use super::*;

    // The example of the Agenzia delle Entrate for a person who does not exist.
    const CODE: &str = "RSSMRA80A01H501U";

    #[test]
    fn a_tax_code_is_found_alone_and_among_words() {
        assert!(holds_tax_code(CODE));
        assert!(holds_tax_code("intestato a rssmra80a01h501u (Roma)"));
        assert!(holds_tax_code(&format!("C.F.:{CODE}")));
    }

    #[test]
    fn a_tax_code_with_replaced_digits_is_found() {
        // 80 → 8L is the first step of omocodia (the check character follows).
        let found = (b'A'..=b'Z').filter(|last| holds_tax_code(&format!("RSSMRA80A01H50M{}", *last as char))).count();
        assert_eq!(found, 1, "exactly one check character is right");
    }

    #[test]
    fn codes_of_things_are_not_taken_for_persons() {
        for code in ["IT027042C2ADIO77EW", "J51B21000010001", "L736_0012A0.123", "RSSMRA80A01H501A", "RSSMRA80Z01H501U"]
        {
            assert!(!holds_tax_code(code), "{code}");
        }
        assert!(!holds_tax_code(&format!("{CODE}9")), "a longer word is another code");
    }
}
