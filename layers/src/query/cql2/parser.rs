//! CQL2 text, by recursive descent: linear in the length of the filter, bounded in depth.

use super::expression::{Arithmetic, Comparison, Expression, Folding, Growth, Node, Spatial, Temporal};
use super::lexer::{Token, tokens};
use super::literal;
use super::refusal::{Place, Refusal, shown};

/// Reads a filter.
pub(super) fn parse(text: &str) -> Result<Expression, Refusal> {
    let mut parser = Parser { tokens: tokens(text)?, at: 0, nested: 0, growth: Growth::default() };
    let expression = parser.any()?;
    match parser.peek() {
        Token::End => Ok(expression),
        _ => Err(parser.unexpected("AND, OR or the end of the filter")),
    }
}

/// A filter that is being read.
pub(super) struct Parser {
    tokens: Vec<(Token, usize)>,
    at: usize,
    nested: usize,
    pub(super) growth: Growth,
}

/// Words that are no names unless they stand in double quotes.
const RESERVED: [&str; 10] = ["AND", "OR", "NOT", "LIKE", "BETWEEN", "IN", "IS", "NULL", "TRUE", "FALSE"];
const COMPARISONS: [(&str, Comparison); 6] = [
    ("=", Comparison::Equal),
    ("<>", Comparison::NotEqual),
    ("<", Comparison::Less),
    ("<=", Comparison::AtMost),
    (">", Comparison::Greater),
    (">=", Comparison::AtLeast),
];

impl Parser {
    pub(super) fn peek(&self) -> &Token {
        self.tokens.get(self.at).map_or(&Token::End, |(token, _)| token)
    }

    pub(super) fn place(&self) -> Place {
        Place::Character(self.tokens.get(self.at).map_or(1, |(_, place)| *place))
    }

    pub(super) fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at = (self.at + 1).min(self.tokens.len().saturating_sub(1));
        token
    }

    /// Whether the next word is a keyword; it is not taken.
    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Word(found) if found.eq_ignore_ascii_case(word))
    }

    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let found = self.is_word(word);
        if found {
            self.next();
        }
        found
    }

    pub(super) fn take_symbol(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), Token::Symbol(found) if *found == symbol);
        if found {
            self.next();
        }
        found
    }

    pub(super) fn expect(&mut self, symbol: &str) -> Result<(), Refusal> {
        if self.take_symbol(symbol) { Ok(()) } else { Err(self.unexpected(&format!("\"{symbol}\""))) }
    }

    pub(super) fn unexpected(&self, wanted: &str) -> Refusal {
        let refusal = |found: &str| Refusal::syntax(&self.place(), format!("{found} where {wanted} is expected"));
        match self.peek() {
            Token::End => refusal("the filter ends"),
            Token::Symbol(symbol) => refusal(&format!("\"{symbol}\" stands")).of_value(symbol),
            Token::Word(word) | Token::Number(word) => refusal(&format!("\"{}\" stands", shown(word))).of_value(word),
            Token::Quoted(name) => refusal(&format!("the name \"{}\" stands", shown(name))).of_value(name),
            Token::Text(text) => refusal(&format!("the text '{}' stands", shown(text))).of_value(text),
        }
    }

    fn grow(&mut self, node: Node, place: Place) -> Result<Expression, Refusal> {
        self.growth.grow(node, place)
    }

    /// Runs a part of the parser one level deeper.
    pub(super) fn deeper<T>(&mut self, part: impl FnOnce(&mut Self) -> Result<T, Refusal>) -> Result<T, Refusal> {
        self.nested += 1;
        Growth::check_depth(self.nested, &self.place())?;
        let found = part(self)?;
        self.nested -= 1;
        Ok(found)
    }

    /// Any expression.
    fn any(&mut self) -> Result<Expression, Refusal> {
        self.joined("OR", Self::all, Node::Or)
    }

    fn all(&mut self) -> Result<Expression, Refusal> {
        self.joined("AND", Self::negation, Node::And)
    }

    fn joined(
        &mut self,
        word: &str,
        part: fn(&mut Self) -> Result<Expression, Refusal>,
        node: fn(Vec<Expression>) -> Node,
    ) -> Result<Expression, Refusal> {
        let place = self.place();
        let first = part(self)?;
        if !self.is_word(word) {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.take_word(word) {
            parts.push(part(self)?);
        }
        self.grow(node(parts), place)
    }

    fn negation(&mut self) -> Result<Expression, Refusal> {
        let place = self.place();
        if self.take_word("NOT") {
            let inner = self.deeper(Self::negation)?;
            return self.grow(Node::Not(Box::new(inner)), place);
        }
        self.predicate()
    }

    /// A comparison, or a value by itself.
    fn predicate(&mut self) -> Result<Expression, Refusal> {
        let place = self.place();
        let left = self.sum()?;
        if let Some(comparison) = self.comparison() {
            let right = self.sum()?;
            return self.grow(Node::Compare(comparison, Box::new([left, right])), place);
        }
        if self.take_word("IS") {
            let is_negated = self.take_word("NOT");
            if !self.take_word("NULL") {
                return Err(self.unexpected("NULL"));
            }
            let node = Node::IsNull(Box::new(left));
            return self.negated(is_negated, node, place);
        }
        let is_negated = self.take_word("NOT");
        let node = if self.take_word("LIKE") {
            let pattern = self.sum()?;
            Node::Like(Box::new([left, pattern]))
        } else if self.take_word("BETWEEN") {
            let low = self.sum()?;
            if !self.take_word("AND") {
                return Err(self.unexpected("the AND of BETWEEN"));
            }
            let high = self.sum()?;
            Node::Between(Box::new([left, low, high]))
        } else if self.take_word("IN") {
            self.expect("(")?;
            Node::In(Box::new(left), self.deeper(Self::list)?)
        } else if is_negated {
            return Err(self.unexpected("LIKE, BETWEEN or IN"));
        } else {
            return Ok(left);
        };
        self.negated(is_negated, node, place)
    }

    fn negated(&mut self, is_negated: bool, node: Node, place: Place) -> Result<Expression, Refusal> {
        let expression = self.grow(node, place.clone())?;
        if is_negated { self.grow(Node::Not(Box::new(expression)), place) } else { Ok(expression) }
    }

    fn comparison(&mut self) -> Option<Comparison> {
        let (_, found) = *COMPARISONS.iter().find(|(symbol, _)| *self.peek() == Token::Symbol(symbol))?;
        self.next();
        Some(found)
    }

    /// The values after an open bracket, and the bracket that closes them.
    fn list(&mut self) -> Result<Vec<Expression>, Refusal> {
        let mut values = vec![self.sum()?];
        while self.take_symbol(",") {
            values.push(self.sum()?);
        }
        self.expect(")")?;
        Ok(values)
    }

    fn sum(&mut self) -> Result<Expression, Refusal> {
        self.chain(&[("+", Arithmetic::Add), ("-", Arithmetic::Subtract)], Self::product)
    }

    fn product(&mut self) -> Result<Expression, Refusal> {
        use Arithmetic::{Divide, Multiply, Quotient, Remainder};
        self.chain(&[("*", Multiply), ("/", Divide), ("%", Remainder), ("DIV", Quotient)], Self::power)
    }

    fn power(&mut self) -> Result<Expression, Refusal> {
        self.chain(&[("^", Arithmetic::Power)], Self::signed)
    }

    fn chain(
        &mut self,
        operators: &[(&str, Arithmetic)],
        part: fn(&mut Self) -> Result<Expression, Refusal>,
    ) -> Result<Expression, Refusal> {
        let place = self.place();
        let mut left = part(self)?;
        while let Some((_, operator)) =
            operators.iter().find(|(name, _)| self.take_symbol(name) || self.take_word(name))
        {
            let right = part(self)?;
            left = self.grow(Node::Arithmetic(*operator, Box::new([left, right])), place.clone())?;
        }
        Ok(left)
    }

    fn signed(&mut self) -> Result<Expression, Refusal> {
        let place = self.place();
        let mut is_negative = false;
        loop {
            if self.take_symbol("-") {
                is_negative = !is_negative;
            } else if !self.take_symbol("+") {
                break;
            }
        }
        if let Token::Number(digits) = self.peek() {
            let node = literal::number(digits, is_negative, &place)?;
            self.next();
            return self.grow(node, place);
        }
        let value = self.primary()?;
        if !is_negative {
            return Ok(value);
        }
        let zero = self.grow(Node::Integer(0), place.clone())?;
        self.grow(Node::Arithmetic(Arithmetic::Subtract, Box::new([zero, value])), place)
    }

    fn primary(&mut self) -> Result<Expression, Refusal> {
        let place = self.place();
        match self.peek().clone() {
            Token::Text(text) => {
                self.next();
                self.grow(Node::Text(text), place)
            }
            Token::Quoted(name) => {
                self.next();
                self.grow(Node::Field(name), place)
            }
            Token::Symbol("(") => {
                self.next();
                let inner = self.deeper(Self::any)?;
                self.expect(")")?;
                Ok(inner)
            }
            Token::Word(word) => self.word(&word, place),
            _ => Err(self.unexpected("a field, a value or a function")),
        }
    }

    fn word(&mut self, word: &str, place: Place) -> Result<Expression, Refusal> {
        let upper = word.to_ascii_uppercase();
        if upper == "NULL" {
            return Err(Refusal::syntax(&place, "NULL equals nothing, not even NULL: write \"field IS NULL\""));
        }
        if matches!(&*upper, "TRUE" | "FALSE") {
            self.next();
            return self.grow(Node::Boolean(upper == "TRUE"), place);
        }
        if RESERVED.contains(&&*upper) {
            return Err(self.unexpected("a field, a value or a function"));
        }
        self.next();
        if literal::is_geometry(&upper)
            && (*self.peek() == Token::Symbol("(") || ["Z", "M", "ZM", "EMPTY"].iter().any(|flag| self.is_word(flag)))
        {
            let geometry = literal::geometry(self, &upper, &place)?;
            return self.grow(Node::Geometry(geometry), place);
        }
        if !self.take_symbol("(") {
            return self.grow(Node::Field(word.to_owned()), place);
        }
        let node = self.deeper(|parser| parser.function(word, &upper, &place))?;
        self.grow(node, place)
    }

    /// A function after its open bracket.
    fn function(&mut self, word: &str, upper: &str, place: &Place) -> Result<Node, Refusal> {
        match upper {
            "CASEI" => return Ok(Node::Folded(Folding::Case, Box::new(self.only()?))),
            "ACCENTI" => return Ok(Node::Folded(Folding::Accents, Box::new(self.only()?))),
            "DATE" | "TIMESTAMP" => {
                let Token::Text(text) = self.peek().clone() else {
                    return Err(self.unexpected("a date in single quotes"));
                };
                let node = literal::time(&text, Some(upper == "DATE"), &self.place())?;
                self.next();
                self.expect(")")?;
                return Ok(node);
            }
            "INTERVAL" => {
                let from = self.bound()?;
                self.expect(",")?;
                let to = self.bound()?;
                self.expect(")")?;
                return Ok(Node::Interval(Box::new([from, to])));
            }
            _ => {}
        }
        if let Some(relation) = Spatial::named(upper) {
            return Ok(Node::Spatial(relation, self.pair()?));
        }
        if let Some(relation) = Temporal::named(upper) {
            return Ok(Node::Temporal(relation, self.pair()?));
        }
        Err(literal::unknown_function(word, place))
    }

    fn only(&mut self) -> Result<Expression, Refusal> {
        let value = self.any()?;
        self.expect(")")?;
        Ok(value)
    }

    fn pair(&mut self) -> Result<Box<[Expression; 2]>, Refusal> {
        let first = self.any()?;
        self.expect(",")?;
        Ok(Box::new([first, self.only()?]))
    }

    /// One end of an interval.
    fn bound(&mut self) -> Result<Expression, Refusal> {
        let place = self.place();
        let Token::Text(text) = self.peek().clone() else { return self.sum() };
        let node = if text == ".." { Node::Unbounded } else { literal::time(&text, None, &place)? };
        self.next();
        self.grow(node, place)
    }
}
