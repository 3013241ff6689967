//! The words of CQL2 text.

use super::refusal::{Place, Refusal};

/// A word of CQL2 text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A keyword, or a name without quotes.
    Word(String),
    /// A name in double quotes.
    Quoted(String),
    /// A text in single quotes.
    Text(String),
    /// A number without a sign, as written.
    Number(String),
    /// An operator, a bracket or a comma.
    Symbol(&'static str),
    /// The end of the filter.
    End,
}

/// The longer ones first.
const SYMBOLS: [&str; 15] = ["<>", "<=", ">=", "!=", "=", "<", ">", "(", ")", ",", "+", "-", "*", "/", "%"];

/// The words of a filter, each with the character where it begins, from 1.
pub(super) fn tokens(text: &str) -> Result<Vec<(Token, usize)>, Refusal> {
    let mut lexer = Lexer { rest: text, place: 1 };
    let mut tokens = Vec::new();
    loop {
        let blank = lexer.rest.len() - lexer.rest.trim_start().len();
        lexer.take(blank);
        let place = lexer.place;
        let token = lexer.next()?;
        let is_end = token == Token::End;
        tokens.push((token, place));
        if is_end {
            return Ok(tokens);
        }
    }
}

struct Lexer<'a> {
    rest: &'a str,
    place: usize,
}

impl<'a> Lexer<'a> {
    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.place += taken.chars().count();
        self.rest = rest;
        taken
    }

    fn next(&mut self) -> Result<Token, Refusal> {
        let Some(first) = self.rest.chars().next() else { return Ok(Token::End) };
        let second = self.rest.chars().nth(1).unwrap_or(' ');
        if first == '\'' || first == '"' {
            return self.quoted(first);
        }
        if first.is_ascii_digit() || (first == '.' && second.is_ascii_digit()) {
            let length = number(self.rest.as_bytes());
            return Ok(Token::Number(self.take(length).to_owned()));
        }
        if first.is_alphabetic() || first == '_' || first == ':' {
            let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':' | '.');
            let length = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
            return Ok(Token::Word(self.take(length).to_owned()));
        }
        if first == '^' {
            self.take(1);
            return Ok(Token::Symbol("^"));
        }
        match SYMBOLS.iter().find(|symbol| self.rest.starts_with(**symbol)) {
            Some(symbol) => {
                self.take(symbol.len());
                Ok(Token::Symbol(if *symbol == "!=" { "<>" } else { symbol }))
            }
            None => Err(Refusal::syntax(
                &Place::Character(self.place),
                format!("\"{}\" has no meaning in CQL2; texts stand in single quotes", first.escape_debug()),
            )),
        }
    }

    /// A text or a name in quotes; the quote itself is written twice, or after a backslash.
    fn quoted(&mut self, quote: char) -> Result<Token, Refusal> {
        let (mut content, mut characters) = (String::new(), self.rest.char_indices().skip(1).peekable());
        while let Some((at, c)) = characters.next() {
            let follows = characters.peek().is_some_and(|(_, next)| *next == quote);
            if c == quote && !follows {
                self.take(at + 1);
                return Ok(if quote == '"' { Token::Quoted(content) } else { Token::Text(content) });
            }
            if follows && (c == quote || (c == '\\' && quote == '\'')) {
                characters.next();
                content.push(quote);
            } else {
                content.push(c);
            }
        }
        let what = if quote == '"' { "name" } else { "text" };
        Err(Refusal::syntax(
            &Place::Character(self.place),
            format!("the {what} that begins here has no end: close it with {quote}"),
        ))
    }
}

/// Bytes of the number at the beginning.
fn number(bytes: &[u8]) -> usize {
    let digits = |from: usize| from + bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let mut end = digits(0);
    if bytes.get(end) == Some(&b'.') {
        end = digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        if bytes.get(end + 1 + sign).is_some_and(u8::is_ascii_digit) {
            end = digits(end + 1 + sign);
        }
    }
    end
}
