//! Who may edit: whoever knows one of the tokens of the configuration.

use std::path::PathBuf;

use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};
use thiserror::Error;

use crate::config::Editing;

/// Characters of a token at least.
const SHORTEST: usize = 16;

/// Why there are no tokens.
#[derive(Debug, Error)]
pub enum TokenError {
    /// Nobody could edit.
    #[error(
        "editing is enabled, but nobody may edit: give a token in the variable BRICOLA_EDITING_TOKEN, or several, one a \
         line, in the file that editing.tokens_file names"
    )]
    None,
    /// The file cannot be read.
    #[error("cannot read editing.tokens_file {0}: {1}")]
    Unreadable(PathBuf, std::io::Error),
    /// A token could be guessed. It is not repeated.
    #[error("a token of {0} has fewer than {SHORTEST} characters; make one with: openssl rand -hex 32")]
    Short(&'static str),
}

/// The tokens, of which only hashes are kept.
#[derive(Clone, Default)]
pub struct Tokens(Vec<[u8; 32]>);

impl std::fmt::Debug for Tokens {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(out, "{} tokens", self.0.len())
    }
}

impl Tokens {
    /// Those of the configuration; none where editing is not enabled.
    ///
    /// # Errors
    /// See [`TokenError`].
    pub fn of(editing: &Editing) -> Result<Self, TokenError> {
        if !editing.enabled {
            return Ok(Self::default());
        }
        let mut tokens = Vec::new();
        if let Some(token) = &editing.token {
            tokens.push(hashed(token.text(), "editing.token")?);
        }
        if let Some(path) = &editing.tokens_file {
            let text = std::fs::read_to_string(path).map_err(|error| TokenError::Unreadable(path.clone(), error))?;
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
            for line in lines {
                tokens.push(hashed(line, "editing.tokens_file")?);
            }
        }
        if tokens.is_empty() { Err(TokenError::None) } else { Ok(Self(tokens)) }
    }

    /// Whether anybody may edit.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a token is one of them; takes as long whichever it is.
    pub fn know(&self, token: &str) -> bool {
        let hash: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let found = self.0.iter().fold(Choice::from(0), |found, known| found | known.ct_eq(&hash));
        found.into()
    }
}

fn hashed(token: &str, origin: &'static str) -> Result<[u8; 32], TokenError> {
    if token.chars().count() < SHORTEST {
        return Err(TokenError::Short(origin));
    }
    Ok(Sha256::digest(token.as_bytes()).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_whole_or_not_at_all_and_is_never_shown() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("tokens");
        std::fs::write(&path, "# the GIS office\n0123456789abcdef\n\n  fedcba9876543210  \n").expect("written");
        let editing = Editing { enabled: true, tokens_file: Some(path), ..Editing::default() };
        let tokens = Tokens::of(&editing).expect("tokens");
        assert!(tokens.know("0123456789abcdef") && tokens.know("fedcba9876543210"));
        for wrong in ["", "0123456789abcde", "0123456789abcdef0", "# the GIS office"] {
            assert!(!tokens.know(wrong), "{wrong}");
        }
        assert_eq!(format!("{tokens:?}"), "2 tokens");
    }

    #[test]
    fn editing_without_a_token_or_with_a_short_one_is_refused() {
        let editing = Editing { enabled: true, ..Editing::default() };
        assert!(matches!(Tokens::of(&editing), Err(TokenError::None)));
        let editing = Editing { token: Some("sesame".to_owned().into()), ..editing };
        let error = Tokens::of(&editing).expect_err("short").to_string();
        assert!(error.contains("editing.token") && !error.contains("sesame"), "{error}");
        assert!(Tokens::of(&Editing { enabled: false, ..editing }).expect("none").is_empty());
    }
}
