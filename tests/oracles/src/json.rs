//! A second reader of JSON (RFC 8259), slow and plain, that shares nothing with the one it is
//! compared with.

/// A value as it is written: members in their order, twins and all, and numbers as text.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    /// Reads a text that is one value and nothing else.
    pub(crate) fn read(bytes: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(bytes).ok()?;
        let mut rest = Rest {
            chars: text.chars().collect(),
            at: 0,
        };
        let value = rest.value(0)?;
        rest.skip_space();
        (rest.at == rest.chars.len()).then_some(value)
    }

    /// The members of an object.
    pub(crate) fn members(&self) -> Option<&[(String, Json)]> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    /// The one member of this name; none where there are two.
    pub(crate) fn member(&self, name: &str) -> Option<&Json> {
        let mut named = self.members()?.iter().filter(|(other, _)| other == name);
        let (_, value) = named.next()?;
        named.next().is_none().then_some(value)
    }

    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// How many arrays and objects are inside each other, at most.
    pub(crate) fn depth(&self) -> usize {
        match self {
            Self::List(items) => 1 + items.iter().map(Self::depth).max().unwrap_or(0),
            Self::Object(members) => {
                1 + members
                    .iter()
                    .map(|(_, value)| value.depth())
                    .max()
                    .unwrap_or(0)
            }
            _ => 0,
        }
    }

    /// Whether two members of one object, at any depth, have the same name.
    pub(crate) fn has_twins(&self) -> bool {
        match self {
            Self::List(items) => items.iter().any(Self::has_twins),
            Self::Object(members) => {
                let mut names: Vec<_> = members.iter().map(|(name, _)| name).collect();
                names.sort();
                names.windows(2).any(|pair| pair[0] == pair[1])
                    || members.iter().any(|(_, value)| value.has_twins())
            }
            _ => false,
        }
    }
}

struct Rest {
    chars: Vec<char>,
    at: usize,
}

impl Rest {
    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += 1;
        Some(next)
    }

    fn take(&mut self, wanted: char) -> bool {
        let there = self.peek() == Some(wanted);
        self.at += usize::from(there);
        there
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\n' | '\r')) {
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Option<Json> {
        // Deeper than any reader that this one is compared with.
        if depth > 200 {
            return None;
        }
        self.skip_space();
        match self.peek()? {
            '{' => self.object(depth),
            '[' => self.list(depth),
            '"' => self.string().map(Json::Text),
            '-' | '0'..='9' => self.number(),
            't' => self.word("true", Json::Bool(true)),
            'f' => self.word("false", Json::Bool(false)),
            'n' => self.word("null", Json::Null),
            _ => None,
        }
    }

    fn word(&mut self, word: &str, value: Json) -> Option<Json> {
        word.chars()
            .all(|letter| self.take(letter))
            .then_some(value)
    }

    fn list(&mut self, depth: usize) -> Option<Json> {
        self.next();
        let mut items = Vec::new();
        self.skip_space();
        if self.take(']') {
            return Some(Json::List(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.skip_space();
            match self.next()? {
                ',' => {}
                ']' => return Some(Json::List(items)),
                _ => return None,
            }
        }
    }

    fn object(&mut self, depth: usize) -> Option<Json> {
        self.next();
        let mut members = Vec::new();
        self.skip_space();
        if self.take('}') {
            return Some(Json::Object(members));
        }
        loop {
            self.skip_space();
            let name = self.string()?;
            self.skip_space();
            if !self.take(':') {
                return None;
            }
            members.push((name, self.value(depth + 1)?));
            self.skip_space();
            match self.next()? {
                ',' => {}
                '}' => return Some(Json::Object(members)),
                _ => return None,
            }
        }
    }

    fn string(&mut self) -> Option<String> {
        if !self.take('"') {
            return None;
        }
        let mut text = String::new();
        loop {
            match self.next()? {
                '"' => return Some(text),
                '\\' => text.push(self.escape()?),
                '\0'..='\u{1f}' => return None,
                other => text.push(other),
            }
        }
    }

    fn escape(&mut self) -> Option<char> {
        Some(match self.next()? {
            '"' => '"',
            '\\' => '\\',
            '/' => '/',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => return self.unit(),
            _ => return None,
        })
    }

    /// The character of one `\u`, or of two that are halves of one.
    fn unit(&mut self) -> Option<char> {
        let high = self.four_digits()?;
        if !(0xd800..0xdc00).contains(&high) {
            return char::from_u32(high);
        }
        if !(self.take('\\') && self.take('u')) {
            return None;
        }
        let low = self.four_digits()?;
        if !(0xdc00..0xe000).contains(&low) {
            return None;
        }
        char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00))
    }

    fn four_digits(&mut self) -> Option<u32> {
        let mut number = 0;
        for _ in 0..4 {
            number = number * 16 + self.next()?.to_digit(16)?;
        }
        Some(number)
    }

    fn number(&mut self) -> Option<Json> {
        let start = self.at;
        self.take('-');
        if !self.take('0') {
            self.digits()?;
        }
        if self.take('.') {
            self.digits()?;
        }
        if self.take('e') || self.take('E') {
            if !self.take('+') {
                self.take('-');
            }
            self.digits()?;
        }
        Some(Json::Number(self.chars[start..self.at].iter().collect()))
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_some_and(|digit| digit.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_reads_what_serde_reads_and_nothing_else() {
        for text in [
            r#"{"a":[1,-0.5e+3,true,false,null,"\u00e9\ud83d\ude00\n\/"],"b":{}}"#,
            " [ ] ",
            "0",
            "01",
            "1.",
            "-",
            ".5",
            "1e",
            "tru",
            r#""\ud800""#,
            r#""\udc00""#,
            r#""\ud800\u0041""#,
            r#""\x""#,
            "\"\u{1f}\"",
            "{,}",
            "[1,]",
            r#"{"a":1,}"#,
            r#"{"a" 1}"#,
            "{} {}",
            "\u{feff}{}",
            "",
        ] {
            let theirs = serde_json::from_str::<serde_json::Value>(text).is_ok();
            assert_eq!(Json::read(text.as_bytes()).is_some(), theirs, "{text}");
        }
    }

    #[test]
    fn depth_and_twins_are_seen() {
        let read = |text: &str| Json::read(text.as_bytes()).expect("JSON");

        assert_eq!(read(r#"{"a":[{}]}"#).depth(), 3);
        assert!(read(r#"{"a":[{"b":1,"\u0062":2}]}"#).has_twins());
        assert!(!read(r#"{"a":{"a":1}}"#).has_twins());
        assert_eq!(read(r#"{"a":1,"a":2}"#).member("a"), None);
    }
}
