//! Proxying: the request itself, streamed both ways through a reverse proxy
//! (host, `DefaultHttpProxyService`, `RetryProxyHandler`; YARP, `HttpTransformer.Default`).

mod attempts;
mod relay;

use super::known_fields::separator;
use super::target::{canonical, escape_path_again};
use super::{Front, Matched, Next};
use crate::http1::{
    Body, Fields, Outgoing, RequestHead, Responder, Response, ResponseHead, Version,
};
use crate::invoke::{HOST_VERSION, InvokeError, host_of};
use relay::{Proxied, Relayed, Upload};
use std::io;
use std::sync::Arc;
use std::time::Instant;
use uuid::Uuid;

/// Headers that do not pass a proxy (YARP, `RequestUtilities`).
const NOT_PASSED: [&str; 17] = [
    "Connection",
    "Transfer-Encoding",
    "Keep-Alive",
    "Upgrade",
    "Proxy-Connection",
    "Proxy-Authenticate",
    "Proxy-Authentication-Info",
    "Proxy-Authorization",
    "Proxy-Features",
    "Proxy-Instruction",
    "Security-Scheme",
    "ALPN",
    "Close",
    "HTTP2-Settings",
    "Upgrade-Insecure-Requests",
    "TE",
    "Alt-Svc",
];
/// What the host puts in the place of the client's own.
const REPLACED: [&str; 6] = [
    "Host",
    "Forwarded",
    "X-Forwarded-Prefix",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
];

impl Front {
    pub(super) async fn proxy(
        &self,
        matched: &Matched<'_>,
        body: &mut Body<'_>,
        responder: &mut Responder,
    ) -> io::Result<Next> {
        let started = Instant::now();
        let id = Uuid::new_v4();
        let upload = if matched.head.fields.contains("Transfer-Encoding") {
            Upload::Streamed
        } else {
            match self.read_body(matched.head, body, responder).await? {
                Some(whole) if whole.is_empty() => Upload::Nothing,
                Some(whole) => Upload::Whole(whole),
                None => return Ok(Next::Done),
            }
        };
        let head = passed_on(matched, self.invoker.handler.client().port(), id);
        let has_content = matched.head.content_length().is_some();
        let relayed = self
            .invoker
            .within_timeout(async {
                self.invoker.handler.ready().await?;
                let proxied = Proxied {
                    client: self.invoker.handler.client(),
                    head: &head,
                    upload: &upload,
                    has_content,
                    expects: matched.head.fields.lists("Expect", "100-continue"),
                };
                proxied.relay(body, responder).await
            })
            .await;
        let (status, next) = match relayed {
            Ok(Relayed::Answered(status)) => (status, Next::Done),
            Ok(Relayed::Upgraded(connection)) => (101, Next::Tunnel(connection)),
            Ok(Relayed::ClientLeft) => return Err(io::ErrorKind::ConnectionAborted.into()),
            Err(error) => {
                self.log
                    .error(&format!("{} failed: {error} ({id})", matched.function.name));
                if matches!(upload, Upload::Nothing) && matches!(error, InvokeError::TimedOut(_)) {
                    self.deliver_again(head);
                }
                if responder.has_started() {
                    responder.abort();
                    return Err(io::ErrorKind::ConnectionAborted.into());
                }
                responder.send(Response::status(500)).await?;
                (500, Next::Done)
            }
        };
        self.log_answer(matched, status, started);
        Ok(next)
    }

    /// After a time-out the restarted handler gets a request without a body once more, with the
    /// same id, and nobody waits for its answer (seen on a host with proxying).
    fn deliver_again(&self, head: RequestHead) {
        let handler = Arc::clone(&self.invoker.handler);
        tokio::spawn(async move {
            if handler.ready().await.is_ok() {
                let _ = handler.client().send(&head, &Outgoing::Nothing).await;
            }
        });
    }
}

/// The request as the handler gets it.
fn passed_on(matched: &Matched<'_>, port: u16, id: Uuid) -> RequestHead {
    let head = matched.head;
    let mut fields = Fields::default();
    fields.push("Host", host_of(port));
    for (name, values) in head.fields.grouped() {
        if !NOT_PASSED
            .iter()
            .chain(&REPLACED)
            .any(|known| known.eq_ignore_ascii_case(name))
        {
            fields.push(name, values.join(separator(name)));
        }
    }
    fields.set("X-Azure-Functions-HostVersion", HOST_VERSION);
    fields.set("X-Azure-Functions-InvocationId", id.to_string());
    fields.set("x-ms-invocation-id", id.to_string());
    fields.push("X-Forwarded-For", "127.0.0.1");
    fields.push(
        "X-Forwarded-Host",
        head.fields.first("Host").unwrap_or_default(),
    );
    fields.push("X-Forwarded-Proto", "http");
    if head.fields.contains("Transfer-Encoding") {
        fields.push("Transfer-Encoding", "chunked");
    }
    if let Some(protocol) = head.fields.first("Upgrade").filter(|_| is_web_socket(head)) {
        fields.push("Connection", "Upgrade");
        fields.push("Upgrade", protocol);
    }
    RequestHead {
        method: head.method.clone(),
        target: canonical(&(escape_path_again(&matched.target.path) + &matched.target.query)),
        version: Version::Http11,
        fields,
    }
}

/// The upgrades a proxy carries: WebSocket and SPDY (YARP, `HttpForwarder`).
fn is_web_socket(head: &RequestHead) -> bool {
    head.wants_upgrade()
        && head.fields.first("Upgrade").is_some_and(|protocol| {
            protocol.eq_ignore_ascii_case("websocket")
                || protocol.to_lowercase().starts_with("spdy/")
        })
}

/// The answer's headers as the client gets them.
fn passed_back(head: &ResponseHead) -> Fields {
    let mut fields = Fields::default();
    for (name, value) in head.fields.iter() {
        if !NOT_PASSED
            .iter()
            .any(|known| known.eq_ignore_ascii_case(name))
        {
            fields.push(name, value);
        }
    }
    fields
}
