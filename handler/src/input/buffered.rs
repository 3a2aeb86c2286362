//! Finds the types whose unknown members the reader cannot see.
//!
//! `serde` reads an untagged or internally tagged enum into a buffer of its own and tries the
//! variants from there. Such an enum refuses unknown members only if it says
//! `deny_unknown_fields`, which its schema shows as `additionalProperties: false`; one that does
//! not is a problem of the app, to be reported before it starts.
//!
//! A struct with a `flatten`ed member is buffered too, and its schema does not show that.

use schemars::Schema;
use serde_json::Value;

/// The places in the schema, as JSON Pointers, of variants that would take any member.
pub(crate) fn open_variants(schema: &Schema) -> Vec<String> {
    let mut places = Vec::new();
    let root = schema.as_value();
    walk(root, root, &mut String::new(), &mut places);
    places
}

fn walk(root: &Value, schema: &Value, place: &mut String, places: &mut Vec<String>) {
    for choice in ["oneOf", "anyOf"] {
        let variants = schema.get(choice).and_then(Value::as_array);
        let variants = variants.map(Vec::as_slice).unwrap_or_default();
        if is_option(variants) {
            continue;
        }
        for (index, variant) in variants.iter().enumerate() {
            if is_open(root, variant) {
                places.push(format!("{place}/{choice}/{index}"));
            }
        }
    }
    let each: Box<dyn Iterator<Item = (String, &Value)>> = match schema {
        Value::Object(members) => Box::new(
            members
                .iter()
                .map(|(name, inner)| (name.replace('~', "~0").replace('/', "~1"), inner)),
        ),
        Value::Array(items) => Box::new(
            items
                .iter()
                .enumerate()
                .map(|(index, inner)| (index.to_string(), inner)),
        ),
        _ => return,
    };
    let length = place.len();
    for (step, inner) in each {
        place.push('/');
        place.push_str(&step);
        walk(root, inner, place, places);
        place.truncate(length);
    }
}

/// `Option<T>` is described as a choice between `T` and null, and is not buffered.
fn is_option(variants: &[Value]) -> bool {
    let is_null = |variant: &&Value| variant.get("type").is_some_and(|name| name == "null");
    variants.len() == 2 && variants.iter().filter(is_null).count() == 1
}

fn is_open(root: &Value, variant: &Value) -> bool {
    let reference = variant.get("$ref").and_then(Value::as_str);
    let target = reference
        .and_then(|reference| root.pointer(reference.strip_prefix('#')?))
        .unwrap_or(variant);
    let closed = [variant, target].iter().any(|schema| {
        let closed = |name| {
            schema
                .get(name)
                .is_some_and(|closed| *closed == Value::Bool(false))
        };
        closed("additionalProperties") || closed("unevaluatedProperties")
    });
    (target.get("properties").is_some() || variant.get("properties").is_some()) && !closed
}

#[cfg(test)]
mod tests {
    #![expect(dead_code, reason = "only the schemas of these types count")]

    use schemars::{JsonSchema, schema_for};
    use serde::Deserialize;

    use super::*;
    use crate::input::json::{JsonLimits, parse};

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(tag = "by", rename_all = "lowercase")]
    enum Open {
        Invoice { days: u16 },
        Card,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(tag = "by", rename_all = "lowercase", deny_unknown_fields)]
    enum Closed {
        Invoice { days: u16 },
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    #[serde(untagged)]
    enum Untagged {
        Inner(Inner),
        Text(String),
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    enum External {
        Inner(Inner),
        Gift { wrap: String },
        Plain,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    struct Inner {
        a: u8,
    }

    #[derive(Debug, Deserialize, JsonSchema)]
    struct Holder<T> {
        inner: Option<Inner>,
        value: T,
    }

    #[test]
    fn an_enum_that_would_take_any_member_is_found() {
        assert_eq!(open_variants(&schema_for!(Open)), ["/oneOf/0", "/oneOf/1"]);
        assert_eq!(open_variants(&schema_for!(Untagged)), ["/anyOf/0"]);
        assert!(!open_variants(&schema_for!(Holder<Open>)).is_empty());
    }

    #[test]
    fn what_the_reader_sees_or_the_type_refuses_is_not() {
        assert_eq!(open_variants(&schema_for!(Closed)), [""; 0]);
        assert_eq!(open_variants(&schema_for!(External)), [""; 0]);
        assert_eq!(open_variants(&schema_for!(Holder<Inner>)), [""; 0]);
    }

    /// The reason for this module, and what shows when it is no longer needed.
    #[test]
    fn what_is_found_does_take_any_member_and_the_rest_does_not() {
        let limits = JsonLimits::default();
        let tagged = br#"{"by":"invoice","days":1,"x":1}"#;
        let gift = br#"{"Gift":{"wrap":"w","x":1}}"#;

        assert!(parse::<Open>(tagged, &limits).is_ok());
        assert!(parse::<Untagged>(br#"{"a":1,"x":1}"#, &limits).is_ok());
        assert!(parse::<Closed>(tagged, &limits).is_err());
        assert!(parse::<External>(gift, &limits).is_err());
    }
}
