//! Query strings as ASP.NET Core reads them.

use super::target::{escape_value, unescape};

/// Names once each, ignoring case, as first spelled; with all their values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query(Vec<(String, Vec<String>)>);

impl Query {
    /// Reads a query, with or without its question mark (ASP.NET Core 8, `QueryFeature`).
    pub(crate) fn parse(text: &str) -> Self {
        let mut query = Self::default();
        let text = text.strip_prefix('?').unwrap_or(text);
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let [name, value] = [name, value].map(|part| unescape(&part.replace('+', " ")));
            match query
                .0
                .iter_mut()
                .find(|(known, _)| known.to_lowercase() == name.to_lowercase())
            {
                Some((_, values)) => values.push(value),
                None => query.0.push((name, vec![value])),
            }
        }
        query
    }

    pub(crate) fn first(&self, name: &str) -> Option<&str> {
        let (_, values) = self
            .0
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        values.first().map(String::as_str)
    }

    /// Each name with its values joined by commas.
    pub(crate) fn joined(&self) -> impl Iterator<Item = (&str, String)> {
        self.0
            .iter()
            .map(|(name, values)| (name.as_str(), values.join(",")))
    }

    /// Each name with its last value.
    pub(crate) fn last(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0
            .iter()
            .map(|(name, values)| (name.as_str(), values.last().map_or("", String::as_str)))
    }

    /// The query of a forwarded request: rebuilt, so repeats are joined and escapes respelled
    /// (host 4.1037, `ToHttpRequestMessage`).
    pub(crate) fn rebuilt(&self) -> String {
        let pairs: Vec<String> = self
            .joined()
            .map(|(name, value)| format!("{}={}", escape_value(name), escape_value(&value)))
            .collect();
        if pairs.is_empty() {
            String::new()
        } else {
            format!("?{}", pairs.join("&"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_differ_in_case_are_one() {
        let query = Query::parse("?a=1&a=2&A=3&b&&c=&=d&s=a+b%20c&h=a%2Fb&z=%zz");

        assert_eq!(query.joined().next(), Some(("a", "1,2,3".to_owned())));
        assert_eq!(query.last().next(), Some(("a", "3")));
        assert_eq!(query.first("A"), Some("1"));
        assert_eq!(
            query.rebuilt(),
            "?a=1,2,3&b=&c=&=d&s=a%20b%20c&h=a%2Fb&z=%25zz"
        );
    }
}
