//! Texts end to end, and the codes that stand for them.

/// Strings end to end in one buffer.
#[derive(Debug, Default)]
pub(super) struct Arena {
    pub ends: Vec<u32>,
    pub bytes: String,
}

impl Arena {
    pub fn push(&mut self, text: &str) {
        self.bytes.push_str(text);
        self.ends.push(self.bytes.len() as u32);
    }

    pub fn get(&self, index: usize) -> &str {
        let start = if index == 0 { 0 } else { self.ends[index - 1] as usize };
        &self.bytes[start..self.ends[index] as usize]
    }

    pub fn held(&self) -> usize {
        self.bytes.len() + self.ends.len() * 4
    }

    pub fn shrink(&mut self) {
        self.ends.shrink_to_fit();
        self.bytes.shrink_to_fit();
    }
}

/// No value, in dictionaries.
pub(super) const NULL_CODE: u32 = u32::MAX;

/// Dictionary codes, as wide as the dictionary asks for once it is whole; the largest number of each width is
/// "no value".
#[derive(Debug)]
pub(super) enum Codes {
    Byte(Vec<u8>),
    Short(Vec<u16>),
    Wide(Vec<u32>),
}

impl Default for Codes {
    fn default() -> Self {
        Self::Wide(Vec::new())
    }
}

impl Codes {
    #[inline]
    pub fn get(&self, row: usize) -> u32 {
        match self {
            Self::Byte(codes) => {
                if codes[row] == u8::MAX {
                    NULL_CODE
                } else {
                    codes[row].into()
                }
            }
            Self::Short(codes) => {
                if codes[row] == u16::MAX {
                    NULL_CODE
                } else {
                    codes[row].into()
                }
            }
            Self::Wide(codes) => codes[row],
        }
    }

    pub fn len(&self) -> usize {
        match self {
            Self::Byte(codes) => codes.len(),
            Self::Short(codes) => codes.len(),
            Self::Wide(codes) => codes.len(),
        }
    }

    pub fn push(&mut self, code: u32) {
        match self {
            Self::Wide(codes) => codes.push(code),
            _ => unreachable!("codes are narrowed when the column is whole"),
        }
    }

    /// Narrows the codes of a whole column with `distinct` texts.
    pub fn finish(&mut self, distinct: usize) {
        let Self::Wide(codes) = self else { return };
        if distinct < u8::MAX.into() {
            *self = Self::Byte(codes.iter().map(|code| *code as u8).collect());
        } else if distinct < u16::MAX.into() {
            *self = Self::Short(codes.iter().map(|code| *code as u16).collect());
        } else {
            codes.shrink_to_fit();
        }
    }

    pub fn bytes(&self) -> usize {
        match self {
            Self::Byte(codes) => codes.len(),
            Self::Short(codes) => codes.len() * 2,
            Self::Wide(codes) => codes.len() * 4,
        }
    }

    pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.len()).map(|row| self.get(row))
    }
}
