//! Character encodings: how bytes that claim to be text become UTF-8.
//!
//! Most sources say nothing. Text that is valid UTF-8 is UTF-8 (windows-1252 text with an accent hardly ever is); what
//! is left is windows-1252, in which every byte means something, and the report says how often that was needed.

use std::borrow::Cow;
use std::io::{self, Read};

use encoding_rs::{CoderResult, Decoder, Encoding, UTF_8, WINDOWS_1252};

use super::tally::Tally;

/// Upper half of MS-DOS code page 437, which `encoding_rs` (made for the web) does not have.
const CP437: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";
/// Upper half of MS-DOS code page 850, the one of older Italian `.dbf` files.
const CP850: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u{ad}±‗¾¶§÷¸°¨·¹³²■\u{a0}";

/// An encoding of text values.
#[derive(Debug, Clone, Copy)]
pub(super) enum Charset {
    /// UTF-8 where it is valid, windows-1252 value by value where it is not.
    Utf8,
    /// One of the web's encodings.
    Web(&'static Encoding),
    /// A DOS code page: its name and its upper 128 characters.
    Dos(&'static str, &'static str),
}

impl Charset {
    /// The encoding that a `.cpg` file, an XML declaration or a user names: `UTF-8`, `ISO-8859-1`, `1252`, `CP850` …
    pub fn for_label(label: &str) -> Option<Self> {
        let label = label.trim().trim_matches('\0').to_ascii_lowercase();
        let number = label
            .trim_start_matches("windows-")
            .trim_start_matches("ansi ")
            .trim_start_matches("ansi")
            .trim_start_matches("oem ")
            .trim_start_matches("oem")
            .trim_start_matches("cp")
            .trim_start_matches("ibm");
        match number {
            "437" => return Some(Self::Dos("CP437", CP437)),
            "850" | "858" => return Some(Self::Dos("CP850", CP850)),
            "65001" | "utf8" | "utf-8" => return Some(Self::Utf8),
            "88591" => return Some(Self::Web(WINDOWS_1252)),
            "885915" => return Encoding::for_label(b"iso-8859-15").map(Self::Web),
            _ => {}
        }
        let found = Encoding::for_label(label.as_bytes())
            .or_else(|| Encoding::for_label(format!("windows-{number}").as_bytes()))
            .or_else(|| Encoding::for_label(format!("ibm{number}").as_bytes()))?;
        Some(if found == UTF_8 { Self::Utf8 } else { Self::Web(found) })
    }

    /// The encoding of a `.dbf` language driver (byte 29 of its header); 0 says nothing.
    pub fn for_language_driver(byte: u8) -> Option<Self> {
        let label = match byte {
            0x01 | 0x09 | 0x0b | 0x0d | 0x0f | 0x11 | 0x15 | 0x18 | 0x19 | 0x1b => "437",
            0x02 | 0x08 | 0x0a | 0x0e | 0x10 | 0x12 | 0x14 | 0x16 | 0x1a | 0x1d | 0x25 | 0x37 => "850",
            0x03 | 0x57..=0x59 => "1252",
            0x65 | 0x26 => "866",
            0x7c => "874",
            0x7d => "1255",
            0x7e => "1256",
            0xc8 => "1250",
            0xc9 => "1251",
            0xca => "1254",
            0xcb => "1253",
            0xcc => "1257",
            0xf0 => "65001",
            _ => return None,
        };
        Self::for_label(label)
    }

    /// Name for the report.
    pub fn name(self) -> &'static str {
        match self {
            Self::Utf8 => "UTF-8",
            Self::Web(encoding) => encoding.name(),
            Self::Dos(name, _) => name,
        }
    }

    /// Text of a value. Nothing is lost silently: bytes that are not UTF-8 although they should be are counted.
    pub fn decode<'a>(self, bytes: &'a [u8], tally: &mut Tally) -> Cow<'a, str> {
        match self {
            Self::Utf8 => utf8_or_1252(bytes, tally),
            Self::Web(encoding) => encoding.decode_without_bom_handling(bytes).0,
            Self::Dos(_, upper) => dos(bytes, upper),
        }
    }
}

/// UTF-8, or windows-1252 for a value that is not.
pub(super) fn utf8_or_1252<'a>(bytes: &'a [u8], tally: &mut Tally) -> Cow<'a, str> {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    tally.not_utf8 += 1;
    WINDOWS_1252.decode_without_bom_handling(bytes).0
}

/// A file name inside an archive: UTF-8, or the DOS code page of the zip format.
pub(super) fn archive_name(bytes: &[u8]) -> String {
    std::str::from_utf8(bytes).map_or_else(|_| dos(bytes, CP437).into_owned(), str::to_owned)
}

fn dos<'a>(bytes: &'a [u8], upper: &'static str) -> Cow<'a, str> {
    if bytes.is_ascii() {
        return String::from_utf8_lossy(bytes);
    }
    let table: Vec<char> = upper.chars().collect();
    let character = |&byte: &u8| if byte < 128 { char::from(byte) } else { table[usize::from(byte) - 128] };
    Cow::Owned(bytes.iter().map(character).collect())
}

/// The encoding that the first bytes of a text file give away: a byte order mark, or the zero bytes of UTF-16.
pub(super) fn wide(head: &[u8]) -> Option<&'static Encoding> {
    match head {
        [0xff, 0xfe, ..] => Some(encoding_rs::UTF_16LE),
        [0xfe, 0xff, ..] => Some(encoding_rs::UTF_16BE),
        [first, 0, second, 0, ..] if *first != 0 && *second != 0 => Some(encoding_rs::UTF_16LE),
        [0, first, 0, second, ..] if *first != 0 && *second != 0 => Some(encoding_rs::UTF_16BE),
        _ => None,
    }
}

/// The bytes after a UTF-8 byte order mark.
pub(super) fn without_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// A stream of bytes in some encoding, as a stream of UTF-8.
pub(super) struct Transcoder<R> {
    input: R,
    decoder: Decoder,
    raw: Vec<u8>,
    raw_at: usize,
    text: Vec<u8>,
    text_at: usize,
    ended: bool,
}

impl<R: Read> Transcoder<R> {
    /// Reads `input` as text in `encoding`; a byte order mark is dropped.
    pub fn new(input: R, encoding: &'static Encoding) -> Self {
        let decoder = encoding.new_decoder_with_bom_removal();
        Self { input, decoder, raw: Vec::new(), raw_at: 0, text: Vec::new(), text_at: 0, ended: false }
    }

    fn fill(&mut self) -> io::Result<()> {
        let mut ended = false;
        if self.raw_at == self.raw.len() {
            self.raw.resize(32 * 1024, 0);
            let count = self.input.read(&mut self.raw)?;
            self.raw.truncate(count);
            self.raw_at = 0;
            ended = count == 0;
        }
        self.text.resize(64 * 1024, 0);
        let (result, read, written, _) = self.decoder.decode_to_utf8(&self.raw[self.raw_at..], &mut self.text, ended);
        self.raw_at += read;
        self.text.truncate(written);
        self.text_at = 0;
        self.ended = ended && result == CoderResult::InputEmpty;
        Ok(())
    }
}

impl<R: Read> Read for Transcoder<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while self.text_at == self.text.len() && !self.ended {
            self.fill()?;
        }
        let count = into.len().min(self.text.len() - self.text_at);
        into[..count].copy_from_slice(&self.text[self.text_at..self.text_at + count]);
        self.text_at += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_of_cpg_files_and_people_are_understood() {
        for (label, name) in [
            ("UTF-8", "UTF-8"),
            ("65001", "UTF-8"),
            ("1252", "windows-1252"),
            ("ANSI 1252", "windows-1252"),
            ("ISO-8859-1", "windows-1252"),
            ("88591", "windows-1252"),
            ("cp850", "CP850"),
            ("OEM 437", "CP437"),
            ("latin1", "windows-1252"),
            ("iso-8859-15", "ISO-8859-15"),
        ] {
            assert_eq!(Charset::for_label(label).map(Charset::name), Some(name), "{label}");
        }
        assert!(Charset::for_label("klingon").is_none());
    }

    #[test]
    fn a_value_that_is_not_utf8_is_windows_1252_and_counted() {
        let mut tally = Tally::default();
        assert_eq!(Charset::Utf8.decode("Forte Sant’Àndrea".as_bytes(), &mut tally), "Forte Sant’Àndrea");
        assert_eq!(tally.not_utf8, 0);
        assert_eq!(Charset::Utf8.decode(b"Vall\xe9e d\x92Aoste", &mut tally), "Vallée d’Aoste");
        assert_eq!(tally.not_utf8, 1);
    }

    #[test]
    fn dos_code_pages_know_italian_accents() {
        let mut tally = Tally::default();
        let page = Charset::for_language_driver(0x02).expect("850");
        assert_eq!(page.decode(b"CITT\xb7 perch\x82", &mut tally), "CITTÀ perché");
        assert_eq!(Charset::for_label("437").expect("437").decode(b"\x85\x8a", &mut tally), "àè");
    }

    #[test]
    fn utf16_streams_become_utf8_in_small_reads() {
        let text = "Sestiere;Città\nCannaregio;è\n".repeat(5000);
        let mut bytes = vec![0xff, 0xfe];
        bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
        assert!(wide(&bytes).is_some());
        let mut out = String::new();
        Transcoder::new(bytes.as_slice(), encoding_rs::UTF_16LE).read_to_string(&mut out).expect("reads");
        assert_eq!(out, text);
    }
}
