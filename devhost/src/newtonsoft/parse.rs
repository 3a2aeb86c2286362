//! Reading JSON as leniently as Newtonsoft's `JsonTextReader`.

use std::collections::{HashMap, HashSet};

use super::{Date, Token, number};

/// How deep containers may nest in text the host parses by itself (Newtonsoft 13's default).
pub const TOKEN_DEPTH: usize = 64;
/// How deep containers may nest in a handler's response (the limit of the host's media formatter).
pub const RESPONSE_DEPTH: usize = 256;

/// Why text is not JSON to Newtonsoft, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason} at byte {at}")]
pub struct ParseError {
    reason: &'static str,
    at: usize,
}

/// Where a member stays when its name comes twice; the later value wins either way.
#[derive(Clone, Copy, PartialEq)]
enum Repeated {
    /// `JObject.Load` puts the later value in the earlier place.
    KeepsPlace,
    /// `JTokenWriter` takes the earlier member out.
    MovesToEnd,
}

pub(super) fn whole(text: &str) -> Result<Token, ParseError> {
    let mut reader = Reader::new(text, TOKEN_DEPTH, Repeated::KeepsPlace);
    let token = reader.root()?;
    reader.skip_blanks()?;
    if reader.peek().is_some() {
        return Err(reader.error("more text after the value"));
    }
    Ok(token)
}

pub(super) fn response(text: &str) -> Result<Token, ParseError> {
    Reader::new(text, RESPONSE_DEPTH, Repeated::MovesToEnd).root()
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    max_depth: usize,
    repeated: Repeated,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str, max_depth: usize, repeated: Repeated) -> Self {
        Self {
            text,
            at: 0,
            depth: 0,
            max_depth,
            repeated,
        }
    }

    fn root(&mut self) -> Result<Token, ParseError> {
        self.skip_blanks()?;
        self.value()
    }

    fn value(&mut self) -> Result<Token, ParseError> {
        match self.peek() {
            Some('{') => self.nested(Self::object),
            Some('[') => self.nested(Self::array),
            Some(quote @ ('"' | '\'')) => {
                let text = self.quoted(quote)?;
                Ok(Date::parse(&text).map_or_else(|| Token::String(text), Token::Date))
            }
            Some('-') if self.rest().starts_with("-Infinity") => {
                self.literal("-Infinity", Token::Float(f64::NEG_INFINITY))
            }
            Some('-' | '.' | '0'..='9') => self.number(),
            Some('t') => self.literal("true", Token::Bool(true)),
            Some('f') => self.literal("false", Token::Bool(false)),
            Some('n') => self.literal("null", Token::Null),
            Some('u') => self.literal("undefined", Token::Null),
            Some('N') => self.literal("NaN", Token::Float(f64::NAN)),
            Some('I') => self.literal("Infinity", Token::Float(f64::INFINITY)),
            Some(_) => Err(self.error("unexpected character")),
            None => Err(self.error("unexpected end")),
        }
    }

    fn nested(
        &mut self,
        read: fn(&mut Self) -> Result<Token, ParseError>,
    ) -> Result<Token, ParseError> {
        if self.depth == self.max_depth {
            return Err(self.error("nested too deep"));
        }
        self.depth += 1;
        self.bump();
        let token = read(self)?;
        self.depth -= 1;
        Ok(token)
    }

    fn array(&mut self) -> Result<Token, ParseError> {
        let mut items = Vec::new();
        loop {
            self.skip_blanks()?;
            match self.peek() {
                Some(']') => {
                    self.bump();
                    return Ok(Token::Array(items));
                }
                // Nothing before a comma is `undefined`; nothing after the last one is nothing.
                Some(',') => items.push(Token::Null),
                _ => items.push(self.value()?),
            }
            self.separator(']')?;
        }
    }

    fn object(&mut self) -> Result<Token, ParseError> {
        let mut members: Vec<(String, Token)> = Vec::new();
        loop {
            self.skip_blanks()?;
            if self.peek() == Some('}') {
                self.bump();
                return Ok(Token::Object(unique(members, self.repeated)));
            }
            let name = self.name()?;
            self.skip_blanks()?;
            if self.peek() != Some(':') {
                return Err(self.error("no colon after a name"));
            }
            self.bump();
            self.skip_blanks()?;
            let value = self.value()?;
            members.push((name, value));
            self.separator('}')?;
        }
    }

    /// A comma, or the end of the container, which is left for the caller.
    fn separator(&mut self, end: char) -> Result<(), ParseError> {
        self.skip_blanks()?;
        match self.peek() {
            Some(',') => {
                self.bump();
                Ok(())
            }
            Some(c) if c == end => Ok(()),
            _ => Err(self.error("no comma after a value")),
        }
    }

    fn name(&mut self) -> Result<String, ParseError> {
        match self.peek() {
            Some(quote @ ('"' | '\'')) => self.quoted(quote),
            Some(c) if in_bare_name(c) => {
                let rest = self.rest();
                let end = rest.find(|c| !in_bare_name(c)).unwrap_or(rest.len());
                self.at += end;
                Ok(rest[..end].to_owned())
            }
            _ => Err(self.error("no member name")),
        }
    }

    fn quoted(&mut self, quote: char) -> Result<String, ParseError> {
        self.bump();
        let mut out = String::new();
        loop {
            let rest = self.rest();
            let Some(plain) = rest.find([quote, '\\']) else {
                self.at = self.text.len();
                return Err(self.error("unterminated string"));
            };
            out.push_str(&rest[..plain]);
            self.at += plain;
            if self.peek() == Some(quote) {
                self.bump();
                return Ok(out);
            }
            self.bump();
            out.push(self.escape()?);
        }
    }

    fn escape(&mut self) -> Result<char, ParseError> {
        let escaped = match self.peek() {
            Some('b') => '\u{8}',
            Some('t') => '\t',
            Some('n') => '\n',
            Some('f') => '\u{c}',
            Some('r') => '\r',
            Some(c @ ('\\' | '"' | '\'' | '/')) => c,
            Some('u') => return self.unicode(),
            _ => return Err(self.error("bad escape")),
        };
        self.bump();
        Ok(escaped)
    }

    /// `XXXX` after `\u`. Half of a pair alone becomes U+FFFD, which it would on the wire.
    fn unicode(&mut self) -> Result<char, ParseError> {
        let high = self.code_unit()?;
        if (0xd800..0xdc00).contains(&high) && self.rest().starts_with("\\u") {
            let after_high = self.at;
            self.bump();
            let low = self.code_unit()?;
            if (0xdc00..0xe000).contains(&low) {
                let code = 0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                return Ok(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = after_high;
        }
        Ok(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    /// The four digits after a `u`, which is the next character.
    fn code_unit(&mut self) -> Result<u32, ParseError> {
        let hex = self.text.as_bytes().get(self.at + 1..self.at + 5);
        let hex = hex.filter(|hex| hex.iter().all(u8::is_ascii_hexdigit));
        let Some(hex) = hex.and_then(|hex| std::str::from_utf8(hex).ok()) else {
            return Err(self.error("bad unicode escape"));
        };
        self.at += 5;
        u32::from_str_radix(hex, 16).map_err(|_| self.error("bad unicode escape"))
    }

    fn number(&mut self) -> Result<Token, ParseError> {
        let rest = self.rest();
        let in_number = |c: char| c.is_ascii_hexdigit() || matches!(c, '+' | '-' | '.' | 'x' | 'X');
        let end = rest.find(|c| !in_number(c)).unwrap_or(rest.len());
        let token = number::token(&rest[..end]).ok_or_else(|| self.error("not a number"))?;
        self.at += end;
        self.must_end_here()?;
        Ok(token)
    }

    fn literal(&mut self, word: &str, token: Token) -> Result<Token, ParseError> {
        if !self.rest().starts_with(word) {
            return Err(self.error("unexpected character"));
        }
        self.at += word.len();
        self.must_end_here()?;
        Ok(token)
    }

    fn must_end_here(&self) -> Result<(), ParseError> {
        match self.peek() {
            None | Some(',' | '}' | ']' | ')' | '/') => Ok(()),
            Some(c) if c.is_whitespace() => Ok(()),
            Some(_) => Err(self.error("unexpected character")),
        }
    }

    fn skip_blanks(&mut self) -> Result<(), ParseError> {
        loop {
            self.at = self.text.len() - self.rest().trim_start().len();
            if self.peek() != Some('/') {
                return Ok(());
            }
            let rest = self.rest();
            let length = if rest.starts_with("//") {
                rest.find(['\r', '\n']).unwrap_or(rest.len())
            } else if let Some(comment) = rest.strip_prefix("/*") {
                let end = comment.find("*/");
                end.ok_or_else(|| self.error("unterminated comment"))? + 4
            } else {
                return Err(self.error("unexpected character"));
            };
            self.at += length;
        }
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) {
        self.at += self.peek().map_or(0, char::len_utf8);
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn error(&self, reason: &'static str) -> ParseError {
        ParseError {
            reason,
            at: self.at,
        }
    }
}

/// Leaves one member of each name.
fn unique(members: Vec<(String, Token)>, repeated: Repeated) -> Vec<(String, Token)> {
    let mut names = HashSet::with_capacity(members.len());
    if members.iter().all(|(name, _)| names.insert(name.as_str())) {
        return members;
    }
    match repeated {
        Repeated::KeepsPlace => {
            let mut places: HashMap<String, usize> = HashMap::new();
            let mut kept: Vec<(String, Token)> = Vec::new();
            for (name, value) in members {
                match places.get(&name) {
                    Some(at) => kept[*at].1 = value,
                    None => {
                        places.insert(name.clone(), kept.len());
                        kept.push((name, value));
                    }
                }
            }
            kept
        }
        Repeated::MovesToEnd => {
            let mut later = HashSet::new();
            let last = |(name, _): &(String, Token)| later.insert(name.clone());
            let mut kept: Vec<_> = members.into_iter().rev().filter(last).collect();
            kept.reverse();
            kept
        }
    }
}

fn in_bare_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}
