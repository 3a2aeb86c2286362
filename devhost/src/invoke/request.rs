//! The request of an invocation (host 4.1037, `DefaultHttpWorkerService`).

use super::{Invocation, InvokeError, Invoker};
use crate::front::escape_path;
use crate::http1::{Answer, Fields, Outgoing, RequestHead, Version};
use bytes::Bytes;

/// The host whose behaviour devhost follows.
pub(crate) const HOST_VERSION: &str = "4.1037.0.0";
pub(crate) const USER_AGENT: &str = "Azure-Functions-Host/4.1037.0.0";

/// `HttpClientHandler.MaxAutomaticRedirections`.
const MAX_REDIRECTS: usize = 50;

/// The `Host` of a request to the handler.
pub(crate) fn host_of(port: u16) -> String {
    format!("127.0.0.1:{port}")
}

impl Invoker {
    /// Posts an envelope. A redirect is followed with a GET that carries the same headers, as the
    /// host does, but never to another port.
    pub(super) async fn post(
        &self,
        invocation: &Invocation,
        envelope: Bytes,
    ) -> Result<Answer, InvokeError> {
        let port = self.handler.client().port();
        let mut fields = Fields::default();
        fields.push("Host", host_of(port));
        fields.push("X-Azure-Functions-HostVersion", HOST_VERSION);
        fields.push("X-Azure-Functions-InvocationId", invocation.id.to_string());
        fields.push("User-Agent", USER_AGENT);
        fields.push("Transfer-Encoding", "chunked");
        fields.push("Content-Type", "application/json; charset=utf-8");
        let mut request = RequestHead {
            method: "POST".into(),
            target: escape_path(&format!("/{}", invocation.function.name)),
            version: Version::Http11,
            fields,
        };
        let mut body = Outgoing::Whole(envelope);
        for _ in 0..MAX_REDIRECTS {
            let answer = self.handler.client().send(&request, &body).await?;
            let location = answer.head.fields.first("Location");
            let (300..=303 | 307 | 308, Some(location)) = (answer.head.status, location) else {
                return Ok(answer);
            };
            request.target = local_target(location, port)
                .ok_or_else(|| InvokeError::Redirected(location.into()))?;
            if answer.head.status <= 303 && request.method == "POST" {
                request.method = "GET".into();
                request.fields.remove("Transfer-Encoding");
                request.fields.remove("Content-Type");
                body = Outgoing::Nothing;
            }
        }
        Err(InvokeError::Redirected("yet another place".into()))
    }
}

/// The path of a location on the handler's own port.
fn local_target(location: &str, port: u16) -> Option<String> {
    let rest = match location.strip_prefix(&format!("http://{}", host_of(port))) {
        Some("") => "/",
        Some(rest) => rest,
        None => location,
    };
    (rest.starts_with('/') && !rest.starts_with("//")).then(|| rest.to_owned())
}
