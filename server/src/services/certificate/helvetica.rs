//! Helvetica, which every reader of PDF has: how wide its characters are, and how they are written (ISO 32000-1, 9.6.2.2 and
//! annex D).

/// Thousandths of the size, from space to tilde.
#[rustfmt::skip]
const PLAIN: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278,
    556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556,
    1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778,
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556,
    333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556,
    556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
];

/// The same of its bold cut.
#[rustfmt::skip]
const BOLD: [u16; 95] = [
    278, 333, 474, 556, 556, 889, 722, 238, 333, 333, 389, 584, 278, 333, 278, 278,
    556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 333, 333, 584, 584, 584, 611,
    975, 722, 722, 722, 722, 667, 611, 778, 722, 278, 556, 722, 611, 833, 722, 778,
    667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 333, 278, 333, 584, 556,
    333, 556, 611, 556, 611, 556, 333, 611, 611, 278, 278, 556, 278, 889, 611, 611,
    611, 611, 389, 556, 333, 611, 556, 778, 556, 556, 500, 389, 280, 389, 584,
];

/// Characters beyond Latin 1 that `WinAnsiEncoding` has.
const OTHERS: [(char, u8); 10] = [
    ('€', 0x80),
    ('…', 0x85),
    ('‘', 0x91),
    ('’', 0x92),
    ('“', 0x93),
    ('”', 0x94),
    ('•', 0x95),
    ('–', 0x96),
    ('—', 0x97),
    ('™', 0x99),
];

/// How wide a character is, in thousandths of the size. Letters with accents are as wide as those without.
pub fn width(c: char, bold: bool) -> u16 {
    let widths = if bold { &BOLD } else { &PLAIN };
    let plain = match c {
        'À'..='Å' => 'A',
        'È'..='Ë' => 'E',
        'Ì'..='Ï' => 'I',
        'Ò'..='Ö' => 'O',
        'Ù'..='Ü' => 'U',
        'à'..='å' => 'a',
        'è'..='ë' => 'e',
        'ì'..='ï' => 'i',
        'ò'..='ö' => 'o',
        'ù'..='ü' => 'u',
        'ç' => 'c',
        '²' | '³' | '°' | '‘' | '’' => '(',
        '–' => '0',
        '—' | '…' | '™' => 'W',
        c => c,
    };
    u32::from(plain).checked_sub(32).and_then(|at| widths.get(at as usize)).copied().unwrap_or(556)
}

/// A text as bytes of `WinAnsiEncoding`; what it does not have is a question mark.
pub fn encoded(text: &str) -> Vec<u8> {
    let byte = |c: char| match u32::from(c) {
        code @ (0x20..=0x7e | 0xa0..=0xff) => code as u8,
        _ => OTHERS.iter().find(|(other, _)| *other == c).map_or(b'?', |(_, byte)| *byte),
    };
    text.chars().map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_quotation_marks_and_dashes_are_there() {
        assert_eq!(encoded("Città – 12 m² “è” ℵ"), b"Citt\xe0 \x96 12 m\xb2 \x93\xe8\x94 ?");
        assert_eq!((width('à', false), width('a', false), width('W', true)), (556, 556, 944));
    }
}
