//! Texts and their escapes (RFC 8259 §7).

use super::{Reader, Text};
use crate::input::fault::{Code, Fault};
use crate::input::text::{end_of_plain, is_forbidden};

impl<'de> Reader<'de> {
    /// A text. The opening quote is next.
    #[inline]
    pub(super) fn text(&mut self) -> Result<Text<'de>, Fault> {
        self.advance();
        let start = self.at;
        self.at = end_of_plain(self.text.as_bytes(), start);
        if self.text.as_bytes().get(self.at) == Some(&b'"') {
            let slice = &self.text[start..self.at];
            self.advance();
            return Ok(Text::Slice(slice));
        }
        self.escaped_text(start)
    }

    /// A text that has more in it than plain characters; `self.at` is at the first of them.
    #[cold]
    fn escaped_text(&mut self, mut start: usize) -> Result<Text<'de>, Fault> {
        self.scratch.clear();
        loop {
            self.scratch.push_str(&self.text[start..self.at]);
            let next = self.text[self.at..].chars().next();
            match next.ok_or_else(|| Fault::new(Code::Syntax))? {
                '"' => {
                    self.advance();
                    return Ok(Text::Scratch);
                }
                '\\' => {
                    let character = self.escape()?;
                    self.push_checked(character)?;
                }
                // RFC 8259 §7: never unescaped.
                '\u{0}'..='\u{1f}' if self.free_text => return Err(Fault::new(Code::Syntax)),
                '\u{0}'..='\u{1f}' => return Err(Fault::new(Code::ControlCharacter)),
                other => {
                    self.at += other.len_utf8();
                    self.push_checked(other)?;
                }
            }
            start = self.at;
            self.at = end_of_plain(self.text.as_bytes(), start);
        }
    }

    fn push_checked(&mut self, character: char) -> Result<(), Fault> {
        if is_forbidden(character) && !self.free_text {
            return Err(Fault::new(Code::ControlCharacter));
        }
        self.scratch.push(character);
        Ok(())
    }

    /// The character that an escape stands for. The backslash is next.
    fn escape(&mut self) -> Result<char, Fault> {
        let letter = self.text.as_bytes().get(self.at + 1).copied();
        self.at += 2;
        Ok(match letter {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode_escape(),
            _ => return Err(Fault::new(Code::Syntax)),
        })
    }

    /// What follows `\u`. Half a surrogate pair is no character (RFC 8259 §8.2).
    fn unicode_escape(&mut self) -> Result<char, Fault> {
        let first = self.four_digits()?;
        if let Some(character) = char::from_u32(first) {
            return Ok(character);
        }
        let escaped = self.text.as_bytes()[self.at..].starts_with(br"\u");
        if !(0xd800..0xdc00).contains(&first) || !escaped {
            return Err(Fault::new(Code::Syntax));
        }
        self.at += 2;
        let second = self.four_digits()?;
        if !(0xdc00..0xe000).contains(&second) {
            return Err(Fault::new(Code::Syntax));
        }
        char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00))
            .ok_or_else(|| Fault::new(Code::Syntax))
    }

    fn four_digits(&mut self) -> Result<u32, Fault> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4);
        let digits = digits.ok_or_else(|| Fault::new(Code::Syntax))?;
        self.at += 4;
        digits.iter().try_fold(0, |value, &digit| {
            let digit = char::from(digit).to_digit(16);
            Ok(value << 4 | digit.ok_or_else(|| Fault::new(Code::Syntax))?)
        })
    }
}
