//! `POST /admin/functions/<name>`: runs any function (host 4.1037, `FunctionsController.Invoke`).

use crate::app::Function;
use crate::call::{Call, Invoke};
use crate::encode::{Metadata, Value};
use crate::front::Front;
use crate::http1::Response;
use bytes::Bytes;

impl Front {
    /// Starts the function and answers 202 at once, whatever becomes of it.
    pub(super) fn run(&self, name: &str, body: &Bytes) -> Response {
        let Some(function) = self.app.function(name) else {
            return Response::status(404);
        };
        let json: Option<serde_json::Value> = serde_json::from_slice(body).ok();
        let Some(json) = json.filter(serde_json::Value::is_object) else {
            return Response::status(400);
        };
        let input = match json.get("input") {
            None | Some(serde_json::Value::Null) => String::new(),
            Some(serde_json::Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        // An HTTP function has no request here: the host accepts the call and nothing happens (seen).
        if function.http.is_none() {
            let call = call(function, input);
            let invoker = self.invoker.clone();
            tokio::spawn(async move { invoker.invoke(call).await });
        }
        Response::status(202)
    }
}

/// The call that a manual run makes: the input stands in for the trigger's value.
fn call(function: &Function, input: String) -> Call {
    let trigger = function.trigger();
    let binding = trigger.name.clone();
    let is_binary = trigger
        .raw("dataType")
        .is_some_and(|kind| kind.eq_ignore_ascii_case("binary"));
    let value = if is_binary || trigger.is_kind("blobTrigger") {
        Value::Bytes(input.into_bytes())
    } else {
        Value::Text(input)
    };
    Call {
        function: function.name.clone(),
        binding,
        value,
        trigger: Metadata::default(),
    }
}
