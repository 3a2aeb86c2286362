//! A document that satisfies a schema, for people to start from.
//!
//! It is made from what the schema says: examples and defaults first, else the smallest value that
//! keeps the rules. It cannot follow a `pattern`, nor what the schema does not say: own checks, and
//! `range`'s `exclusive_min` and `exclusive_max`, which `schemars` 1.2 does not read. Give such a
//! member an example.

use schemars::Schema;
use serde_json::{Map, Number, Value, json};

/// Makes a sample of what the schema describes.
pub(crate) fn sample(schema: &Schema) -> Value {
    let root = schema.as_value();
    Sampler { root }.value(root, 0)
}

struct Sampler<'s> {
    root: &'s Value,
}

impl Sampler<'_> {
    fn value(&self, schema: &Value, depth: usize) -> Value {
        if let Some(given) = given(schema) {
            return given;
        }
        let referenced = schema.get("$ref").and_then(Value::as_str);
        if let Some(target) = referenced.and_then(|reference| self.resolve(reference)) {
            return if depth > DEEPEST {
                Value::Null
            } else {
                self.value(target, depth + 1)
            };
        }
        for choice in ["oneOf", "anyOf"] {
            if let Some(first) = schema.get(choice).and_then(first_choice) {
                return merge(self.value(first, depth + 1), self.typed(schema, depth));
            }
        }
        let parts = schema.get("allOf").and_then(Value::as_array);
        parts
            .into_iter()
            .flatten()
            .fold(self.typed(schema, depth), |whole, part| {
                merge(self.value(part, depth + 1), whole)
            })
    }

    /// `#/$defs/Name`, the only form that schemas made here have.
    fn resolve(&self, reference: &str) -> Option<&Value> {
        self.root.pointer(reference.strip_prefix('#')?)
    }

    fn typed(&self, schema: &Value, depth: usize) -> Value {
        match type_name(schema) {
            Some("object") => self.object(schema, depth),
            Some("array") => self.array(schema, depth),
            Some("string") => text(schema).into(),
            Some("integer") => integer(schema),
            Some("number") => number(schema),
            Some("boolean") => true.into(),
            _ => Value::Null,
        }
    }

    /// All members while it stays shallow, then only those that are required: types may hold
    /// themselves.
    fn object(&self, schema: &Value, depth: usize) -> Value {
        let required = schema.get("required").and_then(Value::as_array);
        let is_required =
            |name: &str| required.is_some_and(|names| names.iter().any(|other| other == name));
        let properties = schema.get("properties").and_then(Value::as_object);
        let members = properties.into_iter().flatten();
        let wanted = members.filter(|(name, _)| depth < SHALLOW || is_required(name));
        wanted
            .map(|(name, schema)| (name.clone(), self.value(schema, depth + 1)))
            .collect::<Map<_, _>>()
            .into()
    }

    fn array(&self, schema: &Value, depth: usize) -> Value {
        let first = schema.get("prefixItems").and_then(Value::as_array);
        let mut items: Vec<_> = first
            .into_iter()
            .flatten()
            .map(|schema| self.value(schema, depth + 1))
            .collect();
        let least = unsigned(schema, "minItems").unwrap_or(usize::from(depth < SHALLOW));
        let most = unsigned(schema, "maxItems").unwrap_or(usize::MAX);
        if let Some(item) = schema.get("items").filter(|items| items.is_object()) {
            for _ in items.len()..least.min(most).min(MOST_ITEMS) {
                items.push(self.value(item, depth + 1));
            }
        }
        items.into()
    }
}

/// What the schema itself offers.
fn given(schema: &Value) -> Option<Value> {
    let first = |name| schema.get(name)?.as_array()?.first();
    let default = schema.get("default").filter(|value| !value.is_null());
    first("examples")
        .or(schema.get("const"))
        .or(default)
        .or(first("enum"))
        .cloned()
}

/// The first choice that is not `null`, which is how an `Option` is described.
fn first_choice(choices: &Value) -> Option<&Value> {
    let mut choices = choices.as_array()?.iter();
    choices.find(|choice| type_name(choice) != Some("null"))
}

/// The type, or the first that is not `null`.
fn type_name(schema: &Value) -> Option<&str> {
    match schema.get("type") {
        Some(Value::String(name)) => Some(name),
        Some(Value::Array(names)) => {
            let mut names = names.iter().filter_map(Value::as_str);
            names.find(|name| *name != "null")
        }
        _ if schema.get("properties").is_some() => Some("object"),
        _ => None,
    }
}

fn text(schema: &Value) -> String {
    let format = schema.get("format").and_then(Value::as_str);
    if let Some(text) = format.and_then(text_of_format) {
        return text.to_owned();
    }
    let least = unsigned(schema, "minLength").unwrap_or(0);
    let most = unsigned(schema, "maxLength").unwrap_or(usize::MAX);
    let wanted = "sample".len().max(least).min(most).min(LONGEST);
    "sample".chars().cycle().take(wanted).collect()
}

fn text_of_format(format: &str) -> Option<&'static str> {
    Some(match format {
        "date-time" => "2026-01-31T12:00:00Z",
        "date" => "2026-01-31",
        "time" => "12:00:00Z",
        "duration" => "PT1H",
        "email" => "ada@example.com",
        "hostname" => "example.com",
        "uri" | "url" => "https://example.com/",
        "uuid" => "00000000-0000-4000-8000-000000000000",
        "ip" | "ipv4" => "192.0.2.1",
        "ipv6" => "2001:db8::1",
        "char" => "a",
        _ => return None,
    })
}

fn integer(schema: &Value) -> Value {
    let bound = |name| {
        let value = schema.get(name)?;
        value
            .as_i64()
            .or_else(|| value.as_f64().map(|value| value as i64))
    };
    let above = bound("exclusiveMinimum").map(|bound| bound.saturating_add(1));
    let below = bound("exclusiveMaximum").map(|bound| bound.saturating_sub(1));
    let least = bound("minimum").max(above).unwrap_or(i64::MIN);
    let most = [bound("maximum"), below].into_iter().flatten().min();
    1.max(least).min(most.unwrap_or(i64::MAX)).into()
}

fn number(schema: &Value) -> Value {
    let bound = |name| schema.get(name).and_then(Value::as_f64);
    let least = bound("minimum").or(bound("exclusiveMinimum"));
    let most = bound("maximum").or(bound("exclusiveMaximum"));
    let value = match (least, most) {
        (Some(least), Some(most)) => f64::midpoint(least, most),
        (Some(least), None) if least >= 1.0 => least + 1.0,
        (None, Some(most)) if most <= 1.0 => bound("maximum").unwrap_or(most - 1.0),
        _ => 1.0,
    };
    Number::from_f64(value).map_or(Value::Null, Value::Number)
}

fn unsigned(schema: &Value, name: &str) -> Option<usize> {
    schema.get(name)?.as_u64()?.try_into().ok()
}

/// Two descriptions of one value: the members of both, else the first that says something.
fn merge(first: Value, second: Value) -> Value {
    match (first, second) {
        (Value::Object(mut first), Value::Object(second)) => {
            for (name, value) in second {
                first.entry(name).or_insert(value);
            }
            json!(first)
        }
        (Value::Null, second) => second,
        (first, _) => first,
    }
}

/// Down to here optional members are part of a sample.
const SHALLOW: usize = 6;
/// A type that requires itself has no sample; this is where the attempt ends.
const DEEPEST: usize = 32;
const MOST_ITEMS: usize = 100;
const LONGEST: usize = 10_000;

#[cfg(test)]
mod tests;
