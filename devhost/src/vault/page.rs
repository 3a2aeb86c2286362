//! The query, and lists that come in pages.

use http::request::Parts;
use serde_json::{Value, json};

/// How many entries a page has unless fewer are asked for.
const PAGE: usize = 25;

/// What the query says.
pub(super) struct Query {
    pub(super) version: Option<String>,
    results: usize,
    skipped: usize,
}

impl Query {
    pub(super) fn of(parts: &Parts) -> Self {
        let query = parts.uri.query().unwrap_or_default();
        let find = |wanted: &str| {
            form_urlencoded::parse(query.as_bytes())
                .find(|(name, _)| name.eq_ignore_ascii_case(wanted))
                .map(|(_, value)| value.into_owned())
        };
        let number = |name: &str| find(name).and_then(|text| text.parse().ok());
        Self {
            version: find("api-version").filter(|version| !version.is_empty()),
            results: number("maxresults").map_or(PAGE, |n: usize| n.clamp(1, PAGE)),
            skipped: number("$skiptoken").unwrap_or(0),
        }
    }

    /// A part of the entries, and where the next one is.
    pub(super) fn page(&self, address: &str, items: Vec<Value>) -> Value {
        let Self {
            version,
            results,
            skipped,
        } = self;
        let end = skipped.saturating_add(*results);
        let next = (end < items.len()).then(|| {
            let version = version.as_deref().unwrap_or_default();
            let query = form_urlencoded::Serializer::new(String::new())
                .append_pair("api-version", version)
                .append_pair("$skiptoken", &end.to_string())
                .append_pair("maxresults", &results.to_string())
                .finish();
            format!("{address}?{query}")
        });
        let part: Vec<Value> = items.into_iter().skip(*skipped).take(*results).collect();
        json!({"value": part, "nextLink": next})
    }
}
