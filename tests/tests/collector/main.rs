//! What the reference app sends by OTLP, as a collector reads it that was written elsewhere.
//!
//! `.ci/collector` installs Rotel and runs this suite, which `cargo test` alone leaves out. Rotel tells what it
//! has decoded and sends it on, encoded anew, to devhost, where it has to agree with what Application Insights
//! was told of the same invocations.

mod lists;
mod metrics;
mod records;
mod rotel;
mod spans;
mod world;

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

fn names<'a>(lists: &[&[&'a str]]) -> BTreeSet<&'a str> {
    lists.iter().copied().flatten().copied().collect()
}

/// Values as Rotel tells them, with their kinds.
fn kinds(attributes: &Value) -> BTreeMap<String, String> {
    let attributes = attributes.as_object().into_iter().flatten();
    attributes
        .map(|(name, value)| {
            let told = match value {
                Value::String(text) => format!("Str({text})"),
                Value::Bool(is) => format!("Bool({is})"),
                Value::Number(number) => match (number.as_i64(), number.as_f64()) {
                    (Some(whole), _) => format!("Int({whole})"),
                    (None, number) => format!("Double({})", number.unwrap_or(f64::NAN)),
                },
                other => panic!("{name} is {other}"),
            };
            (name.clone(), told)
        })
        .collect()
}
