//! `POST /admin/functions/<name>`: runs any function (host 4.1037, `FunctionsController.Invoke`).

use crate::call::Invoke;
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
            None | Some(serde_json::Value::Null) => None,
            Some(serde_json::Value::String(text)) => Some(text.clone()),
            Some(other) => Some(other.to_string()),
        };
        if let Some(call) = self.sources.by_hand(function, input) {
            let invoker = self.invoker.clone();
            tokio::spawn(async move { invoker.invoke(call).await });
        }
        Response::status(202)
    }
}
