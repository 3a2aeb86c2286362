//! Forwarding: a rebuilt copy of the request, buffered both ways
//! (host 4.1037, `HttpRequestExtensions.ToHttpRequestMessage`).

use super::known_fields::{is_content, separator};
use super::target::canonical;
use super::{Front, Matched, Next};
use crate::http1::{
    Body, Fields, Outgoing, Payload, RequestHead, Responder, Response, ResponseHead, Version,
};
use crate::invoke::{HOST_VERSION, InvokeError, USER_AGENT};
use bytes::Bytes;
use std::io;
use std::time::Instant;
use uuid::Uuid;

impl Front {
    pub(super) async fn forward(
        &self,
        matched: &Matched<'_>,
        body: &mut Body<'_>,
        responder: &mut Responder,
    ) -> io::Result<Next> {
        let started = Instant::now();
        let Some(whole) = self.read_body(matched.head, body, responder).await? else {
            return Ok(Next::Done);
        };
        let id = Uuid::new_v4();
        let response = if matched.head.fields.contains("Transfer-Encoding") {
            Err("a chunked upload cannot be forwarded; send a Content-Length, or switch enableProxyingHttpRequest on".to_owned())
        } else {
            self.exchange(matched, whole, id)
                .await
                .map_err(|error| error.to_string())
        };
        let response = response.unwrap_or_else(|reason| {
            self.log.error(&format!(
                "{} failed: {reason} ({id})",
                matched.function.name
            ));
            Response::status(500)
        });
        self.log_answer(matched, response.status, started);
        responder.send(response).await?;
        Ok(Next::Done)
    }

    async fn exchange(
        &self,
        matched: &Matched<'_>,
        body: Bytes,
        id: Uuid,
    ) -> Result<Response, InvokeError> {
        self.invoker.handler.ready().await?;
        let head = rebuilt(matched, id);
        let body = if body.is_empty() {
            Outgoing::Nothing
        } else {
            Outgoing::Whole(body)
        };
        let sent = self.invoker.handler.client().send(&head, &body);
        let answer = self.invoker.within_timeout(sent).await?;
        Ok(copied(&answer.head, answer.body, &head.method))
    }
}

/// The request as the handler gets it.
fn rebuilt(matched: &Matched<'_>, id: Uuid) -> RequestHead {
    let head = matched.head;
    let mut fields = Fields::default();
    for (name, values) in head.fields.grouped() {
        if !is_content(name) {
            fields.push(name, values.join(separator(name)));
        }
    }
    for (name, value) in [
        ("X-Azure-Functions-HostVersion", HOST_VERSION),
        ("X-Azure-Functions-InvocationId", &id.to_string()),
        ("User-Agent", USER_AGENT),
    ] {
        // The client's own stays in front.
        let value = fields.first(name).map_or_else(
            || value.to_owned(),
            |first| format!("{first}{}{value}", separator(name)),
        );
        fields.set(name, value);
    }
    match head.content_length() {
        Some(length @ 1..) => {
            fields.push("Content-Length", length.to_string());
            if let Some(kind) = head.fields.first("Content-Type") {
                fields.push("Content-Type", kind);
            }
        }
        // .NET says so for every method that usually has a body.
        _ if !matches!(
            head.method.as_str(),
            "GET" | "HEAD" | "OPTIONS" | "DELETE" | "CONNECT"
        ) =>
        {
            fields.push("Content-Length", "0");
        }
        _ => {}
    }
    // The path is put into a URL as decoded, so a question mark or a hash in it ends it.
    let path = &matched.target.path;
    let path = canonical(&path[..path.find(['?', '#']).unwrap_or(path.len())]);
    RequestHead {
        method: head.method.clone(),
        target: path + &matched.query.rebuilt(),
        version: Version::Http11,
        fields,
    }
}

/// The answer as the client gets it: everything but the framing.
fn copied(head: &ResponseHead, body: Bytes, method: &str) -> Response {
    if head.fields.iter().any(|(_, value)| !value.is_ascii()) {
        return Response::status(500);
    }
    let mut fields = head.fields.clone();
    fields.remove("Transfer-Encoding");
    let payload = if method == "HEAD" {
        Payload::Bare
    } else {
        fields.remove("Content-Length");
        Payload::Sized(body)
    };
    Response {
        status: head.status,
        fields,
        payload,
    }
}
