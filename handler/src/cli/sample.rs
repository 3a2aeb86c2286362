//! `cargo fn sample`: input that a function accepts.

use reqwest::Url;
use schemars::Schema;
use serde_json::{Value, json};

use crate::function::Entry;
use crate::input::sample::sample;

use super::failed::Failed;
use super::screen::Screen;
use super::subject::Subject;

/// A sample of everything that a function reads.
#[derive(Debug)]
pub(super) struct Sample {
    /// The JSON payload.
    pub(super) payload: Option<Value>,
    /// The query, without its `?`.
    pub(super) query: Option<String>,
    /// The path below the route prefix, without a slash in front.
    pub(super) path: Option<String>,
}

impl Sample {
    /// Makes it from the schemas of the handler's arguments.
    pub(super) fn of(entry: &Entry) -> Self {
        let of = |schema: &Option<Schema>| schema.as_ref().map(sample);
        let params = of(&entry.inputs.path).unwrap_or_default();
        let route = entry.trigger.route.as_ref();
        Self {
            payload: of(&entry.inputs.payload),
            query: of(&entry.inputs.query).map(|query| query_of(&query)),
            path: route.map(|route| path_of(route.template.as_str(), &params)),
        }
    }
}

/// Runs the command.
pub(super) fn run(app: &dyn Subject, screen: &Screen, name: &str) -> Result<(), Failed> {
    let entry = app.function(name)?;
    let sample = Sample::of(entry);
    if screen.wants_json() {
        screen.document(&json!({
            "function": name,
            "payload": sample.payload,
            "query": sample.query,
            "path": sample.path,
        }));
        return Ok(());
    }
    match (&sample.payload, &sample.query) {
        (Some(payload), query) => {
            screen.document(payload);
            if let Some(query) = query {
                screen.remark(&format!("with the query ?{query}"));
            }
        }
        (None, Some(query)) => screen.text(query),
        (None, None) => screen.remark(&format!("`{name}` reads no input.")),
    }
    let parameters = entry.trigger.route.as_ref();
    if parameters.is_some_and(|route| route.template.parameters().next().is_some()) {
        screen.remark(&format!("at the path {}", sample.path.unwrap_or_default()));
    }
    Ok(())
}

/// Members as `name=value`; an item of a list is one more pair of the same name.
fn query_of(sample: &Value) -> String {
    let mut url = Url::parse("http://localhost").expect("the address is fixed");
    let members = sample.as_object().into_iter().flatten();
    for (name, value) in members {
        match value {
            Value::Null => {}
            Value::Array(items) => {
                for item in items {
                    url.query_pairs_mut().append_pair(name, &text(item));
                }
            }
            one => {
                url.query_pairs_mut().append_pair(name, &text(one));
            }
        }
    }
    url.query().unwrap_or_default().to_owned()
}

/// The route with a value in place of each parameter: `{name}`, `{name:int}`, `{*rest}`, `{name?}`.
fn path_of(route: &str, params: &Value) -> String {
    let mut path = String::new();
    let mut rest = route;
    while let Some((before, (parameter, after))) = rest
        .split_once('{')
        .and_then(|(before, after)| Some((before, after.split_once('}')?)))
    {
        let name = parameter.trim_start_matches('*');
        let name = name.split([':', '?', '=']).next().unwrap_or(name);
        path += before;
        path += &match &params[name] {
            Value::Null => "1".to_owned(),
            value => text(value),
        };
        rest = after;
    }
    path + rest
}

fn text(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};
    use validator::Validate;

    use super::*;
    use crate::app::App;
    use crate::input::{Json, Message, Query};
    use crate::{Function, Reply, access, on};

    /// One of everything that validation and schema both know.
    #[derive(Debug, Deserialize, Serialize, Validate, JsonSchema)]
    struct Everything {
        #[validate(length(min = 8, max = 9))]
        code: String,
        #[validate(email)]
        email: String,
        #[validate(url)]
        site: String,
        #[validate(range(min = 5, max = 6))]
        count: u32,
        #[validate(range(min = 0.5, max = 0.6))]
        share: f64,
        #[validate(length(min = 2), nested)]
        parts: Vec<Piece>,
        note: Option<String>,
    }

    #[derive(Debug, Deserialize, Serialize, Validate, JsonSchema)]
    struct Piece {
        #[validate(length(equal = 3))]
        unit: String,
    }

    async fn take(Query(_): Query<Piece>, Json(_): Json<Everything>) -> Reply<bool> {
        Reply::ok(true)
    }

    fn app() -> App<()> {
        let open = access::anonymous("a test");
        App::new("test").function(Function::new("take", on::post("take", open), take))
    }

    #[tokio::test]
    async fn a_sample_is_accepted_by_its_own_function() {
        let sample = Sample::of(app().entries().next().unwrap());
        let payload = sample.payload.unwrap();
        let app = app().with_state(());

        let accepted = app
            .call("take")
            .json(&payload)
            .query(&sample.query.unwrap());
        let without_query = app.call("take").json(&payload);

        assert_eq!(accepted.await.status(), 200);
        assert_ne!(without_query.await.status(), 200);
    }

    async fn work(Message(_): Message<Piece>) {}

    #[tokio::test]
    async fn a_sample_of_a_message_is_accepted_by_its_own_function() {
        let app = App::<()>::new("test").function(Function::new("work", on::queue("work"), work));
        let sample = Sample::of(app.entries().next().unwrap());
        let app = app.with_state(());

        let accepted = app.call("work").message(&sample.payload.unwrap()).await;
        let empty = app.call("work").message(&json!({"unit": ""})).await;

        assert!(accepted.is_done() && !empty.is_done());
    }

    #[test]
    fn a_query_is_escaped_and_lists_repeat_their_name() {
        let sample = json!({"sku": "a b&c", "tag": ["x", "y"], "quantity": 2, "note": null});

        assert_eq!(query_of(&sample), "quantity=2&sku=a+b%26c&tag=x&tag=y");
    }

    #[test]
    fn parameters_of_a_route_get_values() {
        let params = json!({"id": 7, "rest": "deep"});

        assert_eq!(
            path_of("orders/{id:int}/lines/{*rest}", &params),
            "orders/7/lines/deep"
        );
        assert_eq!(path_of("orders/{unknown}", &params), "orders/1");
        assert_eq!(path_of("orders", &params), "orders");
    }
}
